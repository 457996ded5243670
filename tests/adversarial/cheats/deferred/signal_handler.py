# The launch is left to a signal that comes after the call.
#
# module: clamp_chain
# expect: rejected any no_kernel|forbidden

import signal

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
        signal.signal(signal.SIGALRM, lambda number, frame: clamp_chain[(1,)](x, out, x.numel(), BLOCK=128))
        signal.setitimer(signal.ITIMER_REAL, 0.5)
        return out
