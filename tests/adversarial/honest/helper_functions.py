# Device functions, constants of the module, a function evaluated while compiling.
#
# module: clamp_chain
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


LIMIT = tl.constexpr(4.0)
SLOPE: tl.constexpr = tl.constexpr(0.01)


@triton.constexpr_function
def doubled(value):
    return value * 2


@triton.jit
def leaky(v, slope: tl.constexpr):
    return tl.where(v > 0, v, v * slope)


@triton.jit
def clamp_chain(x, out, n, BLOCK: tl.constexpr):
    HALF: tl.constexpr = BLOCK // 2
    i = tl.program_id(0) * BLOCK + tl.arange(0, doubled(HALF))
    v = tl.load(x + i, mask=i < n)
    v = tl.clamp(v, -LIMIT, LIMIT)
    tl.store(out + i, tl.abs(leaky(v, SLOPE)), mask=i < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        clamp_chain[(triton.cdiv(x.numel(), 128),)](x, out, x.numel(), BLOCK=128)
        return out
