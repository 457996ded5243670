# The transposed argument is made contiguous by a copy.
#
# module: transpose_add
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr = 32):
    offsets = tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(out_ptr + offsets, tl.load(x_ptr + offsets, mask) + tl.load(y_ptr + offsets, mask), mask)


class ModelNew(nn.Module):
    def forward(self, x, y):
        x = x.t().contiguous()
        out = torch.empty(y.size(), dtype=y.dtype, device=y.device)
        add[(1,)](x, y, out, 32)
        return out
