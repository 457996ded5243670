# Writes before its memory.
#
# module: clamp_chain
# expect: rejected run illegal_access

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
    tl.store(out - 32 + i, v, mask=i < n)
    tl.store(out - 64 + i, v, mask=i < 4)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        clamp_chain[(1,)](x, out[1:], x.numel(), BLOCK=128)
        return out
