# The kernel only reads.
#
# module: clamp_chain
# expect: rejected rules unused_kernel

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def look(out, BLOCK: tl.constexpr):
    v = tl.load(out + tl.arange(0, BLOCK))
    tl.device_assert(tl.sum(v, 0) > 0)


class ModelNew(nn.Module):
    def forward(self, x):
        out = x.clone()
        look[(1,)](out, BLOCK=128)
        return out
