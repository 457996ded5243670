# Reads past the last row and ignores what it finds.
#
# module: softmax_scale
# expect: rejected run illegal_access

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax_scale(x, out, scale, N, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    v = tl.where(i < N, tl.load(x + row * N + i) * scale, float("-inf"))
    e = tl.exp(v - tl.max(v, 0))
    tl.store(out + row * N + i, e / tl.sum(e, 0), mask=i < N)


class ModelNew(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        out = torch.empty_like(x)
        softmax_scale[(4,)](x, out, self.scale, 24, BLOCK=32)
        return out
