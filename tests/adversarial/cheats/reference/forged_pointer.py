# A kernel makes a pointer of a number.
#
# module: clamp_chain
# expect: rejected run illegal_access

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def peek(x, out, address, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(address.to(tl.pointer_type(tl.float32)) + i) + tl.load(x + i))


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        peek[(1,)](x, out, 0x7F0000000000, BLOCK=128)
        return out
