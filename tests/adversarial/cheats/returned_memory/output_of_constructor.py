# Every call returns the same memory, made in the constructor.
#
# module: clamp_chain
# expect: rejected rules call_state

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
    def __init__(self):
        super().__init__()
        self.out = torch.empty(4, 32, device="cuda" if torch.cuda.is_available() else "cpu")

    def forward(self, x):
        clamp_chain[(1,)](x, self.out, x.numel(), BLOCK=128)
        return self.out
