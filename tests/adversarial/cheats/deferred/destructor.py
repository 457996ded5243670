# The launch is in a destructor, which runs when the result is gone.
#
# module: clamp_chain
# expect: rejected rules call_state|no_kernel

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


class Pending:
    def __init__(self, work):
        self.work = work

    def __del__(self):
        self.work()


class ModelNew(nn.Module):
    def forward(self, x):
        out = x.clone()
        self.pending = Pending(lambda: clamp_chain[(1,)](x, out, x.numel(), BLOCK=128))
        return out
