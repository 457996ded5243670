# Programs transpose in place, reading what others have overwritten.
#
# module: transpose_add
# shows: on a GPU
# expect: rejected numerics wrong_values|wrong_nan|nondeterministic|unwritten

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def start(x, y, out, M: tl.constexpr, N: tl.constexpr):
    column = tl.program_id(0)
    m = tl.arange(0, M)
    if column == 0:
        for n in range(N):
            tl.store(out + m * N + n, tl.load(x + n * M + m))
    else:
        seen = tl.load(out + m * N + column)
        tl.store(out + m * N + column, seen + tl.load(y + m * N + column))
    if column == 0:
        tl.store(out + m * N, tl.load(out + m * N) + tl.load(y + m * N))


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(y)
        start[(8,)](x, y, out, 4, 8)
        return out
