# Nothing unusual.
#
# module: sum_and_pick
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def sum_and_pick(x, y, total, pick, N: tl.constexpr):
    row = tl.program_id(0)
    n = tl.arange(0, N)
    v = tl.load(x + row * N + n)
    tl.store(total + row * N + n, v + tl.load(y + row * N + n))
    tl.store(pick + row, tl.argmax(v, 0).to(tl.int64))


class ModelNew(nn.Module):
    def forward(self, x, y):
        total = torch.empty_like(x)
        pick = torch.empty(x.shape[0], dtype=torch.int64, device=x.device)
        sum_and_pick[(x.shape[0],)](x, y, total, pick, 16)
        return total, pick
