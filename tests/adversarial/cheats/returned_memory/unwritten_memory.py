# Hopes for what earlier owners left in memory.
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
        left = torch.empty_like(x)
        out = torch.empty_like(x)
        copy[(1,)](left, out, 128, BLOCK=128)
        return out
