# Reads the argument as if it were not transposed.
#
# module: transpose_add
# expect: rejected numerics wrong_values

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def transpose_add(x, y, out, x_row, x_column, M: tl.constexpr, N: tl.constexpr):
    m = tl.arange(0, M)[:, None]
    n = tl.arange(0, N)[None, :]
    tl.store(out + m * N + n, tl.load(x + m * N + n) + tl.load(y + m * N + n))


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(y)
        transpose_add[(1,)](x, y, out, x.stride(0), x.stride(1), 4, 8)
        return out
