# The kernel reads nothing of the input: its result is a constant.
#
# module: clamp_chain
# expect: rejected rules unused_kernel

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def constant(out, BLOCK: tl.constexpr):
    tl.store(out + tl.arange(0, BLOCK), tl.full((BLOCK,), 0.5, tl.float32))


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        constant[(1,)](out, BLOCK=128)
        return out
