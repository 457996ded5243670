# The same with a stream that is kept.
#
# module: clamp_chain
# expect: rejected rules deferred

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
        self.stream = None

    def forward(self, x):
        out = torch.empty_like(x)
        if self.stream is None:
            self.stream = torch.cuda.Stream(priority=-1)
        self.stream.wait_stream(torch.cuda.current_stream())
        torch.cuda.set_stream(self.stream)
        clamp_chain[(1,)](x, out, x.numel(), BLOCK=128)
        torch.cuda.set_stream(torch.cuda.default_stream())
        return out
