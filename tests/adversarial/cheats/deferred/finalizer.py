# The launch is left to the finalizer of an object that lives as long as the result.
#
# module: clamp_chain
# expect: rejected rules no_kernel

import weakref

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
        weakref.finalize(out, lambda: clamp_chain[(1,)](x, torch.empty_like(x), x.numel(), BLOCK=128))
        return out
