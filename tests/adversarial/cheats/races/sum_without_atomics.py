# Programs add to one place by reading and writing it.
#
# module: mean_square
# shows: on a GPU
# expect: rejected numerics wrong_values|nondeterministic|unwritten

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add(x, out, N: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    v = tl.load(x + row * N + tl.program_id(1) * BLOCK + tl.arange(0, BLOCK))
    tl.store(out + row, tl.load(out + row) + tl.sum(v * v, 0) / N)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.zeros(4, 1, device=x.device)
        add[(4, 16)](x, out, 2048, BLOCK=128)
        return out
