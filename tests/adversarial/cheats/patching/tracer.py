# A trace function rewrites the frames of whoever calls.
#
# module: clamp_chain
# expect: rejected rules forbidden

import sys

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
        def trace(frame, event, argument):
            frame.f_trace_lines = True
            return trace

        sys.settrace(trace)
        return torch.clamp(x, -4, 4).abs()
