# Writes the result over an argument.
#
# module: transpose_add
# expect: rejected numerics wrong_alias|wrong_mutation

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def transpose_add(x, y, out, x_row, x_column, M: tl.constexpr, N: tl.constexpr):
    m = tl.arange(0, M)[:, None]
    n = tl.arange(0, N)[None, :]
    tl.store(out + m * N + n, tl.load(x + n * x_row + m * x_column) + tl.load(y + m * N + n))


class ModelNew(nn.Module):
    def forward(self, x, y):
        transpose_add[(1,)](x, y, y, x.stride(0), x.stride(1), 4, 8)
        return y
