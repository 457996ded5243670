# The result is a constant tensor that a kernel copies.
#
# module: clamp_chain
# expect: rejected rules unused_kernel

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n), mask=i < n)


class ModelNew(nn.Module):
    def forward(self, x):
        values = torch.tensor([0.5, 0.25, 0.125, 0.75] * 8, device=x.device).repeat(4, 1)
        out = torch.empty_like(x)
        copy[(1,)](values, out, 128, BLOCK=128)
        return out
