# A factory returns the kernel, which sees a constant of its own.
#
# module: clamp_chain
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


def make_kernel(limit):
    LIMIT = tl.constexpr(limit)

    @triton.jit
    def chain(x, out, n, BLOCK: tl.constexpr):
        i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        v = tl.minimum(tl.maximum(tl.load(x + i, mask=i < n), -LIMIT), LIMIT)
        tl.store(out + i, tl.abs(tl.where(v > 0, v, v * 0.01)), mask=i < n)

    return chain


CHAIN = make_kernel(4.0)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        CHAIN[(triton.cdiv(x.numel(), 128),)](x, out, x.numel(), 128)
        return out
