# The kernel writes the transposed result, a view turns it.
#
# module: transpose_add
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add(x, y, out, M: tl.constexpr, N: tl.constexpr):
    n = tl.program_id(0)
    m = tl.arange(0, M)
    tl.store(out + n * M + m, tl.load(x + n * M + m) + tl.load(y + m * N + n))


class ModelNew(nn.Module):
    def forward(self, x, y):
        turned = torch.empty(x.shape, device=x.device, dtype=x.dtype)
        add[(8,)](x, y, turned, 4, 8)
        return turned.transpose(0, 1).contiguous()
