# Block pointers with an order.
#
# module: transpose_add
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add(x, y, out, M: tl.constexpr, N: tl.constexpr):
    a = tl.make_block_ptr(x, shape=(M, N), strides=(1, M), offsets=(0, 0), block_shape=(M, N), order=(0, 1))
    b = tl.make_block_ptr(y, shape=(M, N), strides=(N, 1), offsets=(0, 0), block_shape=(M, N), order=(1, 0))
    c = tl.make_block_ptr(out, shape=(M, N), strides=(N, 1), offsets=(0, 0), block_shape=(M, N), order=(1, 0))
    tl.store(c, tl.load(a, boundary_check=(0, 1)) + tl.load(b))


class ModelNew(nn.Module):
    def forward(self, x, y):
        out = torch.empty_like(y)
        add[(1,)](x, y, out, 4, 8)
        return out
