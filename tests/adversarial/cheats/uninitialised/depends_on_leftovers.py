# The result depends on what a fresh buffer holds, but not for NaN.
#
# module: clamp_chain
# expect: rejected numerics unwritten|wrong_values

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def chain(x, left, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + i, mask=i < n)
    v = tl.minimum(tl.maximum(v, -4.0), 4.0)
    v = tl.abs(tl.where(v > 0, v, v * 0.01))
    v = tl.where(tl.load(left + i, mask=i < n) > 0, v + 1, v)
    tl.store(out + i, v, mask=i < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        left = torch.empty_like(x)
        chain[(1,)](x, left, out, x.numel(), BLOCK=128)
        return out
