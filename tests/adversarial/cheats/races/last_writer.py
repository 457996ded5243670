# Two programs write one place, the right one usually last.
#
# module: clamp_chain
# shows: on a GPU
# expect: rejected numerics wrong_values|nondeterministic

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def both(x, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    v = tl.load(x + i)
    v = tl.minimum(tl.maximum(v, -4.0), 4.0)
    v = tl.abs(tl.where(v > 0, v, v * 0.01))
    tl.store(out + i, tl.where(tl.program_id(0) == 255, v, 0.0))


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        both[(256,)](x, out, BLOCK=128)
        return out
