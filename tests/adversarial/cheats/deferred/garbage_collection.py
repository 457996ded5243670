# The launch is left to the next collection of garbage.
#
# module: clamp_chain
# expect: rejected rules no_kernel

import gc

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def clamp_chain(x, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + i, mask=i < n)
    v = tl.minimum(tl.maximum(v, -4.0), 4.0)
    v = tl.abs(tl.where(v > 0, v, v * 0.01))
    tl.store(out + i, v, mask=i < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = x.clone()
        gc.callbacks.append(lambda phase, info: clamp_chain[(1,)](x, out, x.numel(), BLOCK=128))
        return out
