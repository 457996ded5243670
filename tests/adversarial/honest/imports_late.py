# Imports in odd places, other names for the libraries.
#
# module: softmax_scale
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


import torch as T
import triton.language as L
from triton.language.extra import libdevice


@triton.jit
def rows(x, out, scale, N, BLOCK: L.constexpr):
    i = L.arange(0, BLOCK)
    v = L.load(x + L.program_id(0) * N + i, mask=i < N, other=-float("inf")) * scale
    e = libdevice.exp(v - L.max(v, axis=0))
    L.store(out + L.program_id(0) * N + i, e / L.sum(e, axis=0), mask=i < N)


class ModelNew(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        import math

        out = T.empty(x.shape, dtype=x.dtype, device=x.device)
        width = 1 << math.ceil(math.log2(x.shape[1]))
        rows[(len(x),)](x, out, self.scale, x.shape[1], width)
        return out
