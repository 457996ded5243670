# The kernel and its launch belong to a class.
#
# module: clamp_chain
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


class Chain:
    BLOCK = 64

    @staticmethod
    @triton.jit
    def kernel(x, out, n, BLOCK: tl.constexpr):
        i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        v = tl.minimum(tl.maximum(tl.load(x + i, mask=i < n), -4.0), 4.0)
        tl.store(out + i, tl.abs(tl.where(v > 0, v, v * 0.01)), mask=i < n)

    @classmethod
    def apply(cls, x):
        out = torch.empty_like(x)
        cls.kernel[triton.cdiv(x.numel(), cls.BLOCK), 1](x, out, x.numel(), BLOCK=cls.BLOCK)
        return out


class ModelNew(nn.Module):
    def forward(self, x):
        return Chain.apply(x)
