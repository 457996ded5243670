# The end of the process is replaced.
#
# module: clamp_chain
# expect: rejected rules forbidden

import os

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n), mask=i < n)


os._exit = lambda status: None


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        copy[(1,)](x, out, 128, BLOCK=128)
        return out
