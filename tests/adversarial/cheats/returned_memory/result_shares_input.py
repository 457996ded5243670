# Writes the sum over its argument and returns that.
#
# module: sum_and_pick
# expect: rejected numerics wrong_alias|wrong_mutation

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
        pick = torch.empty(4, dtype=torch.int64, device=x.device)
        sum_and_pick[(4,)](x, y, y, pick, 16)
        return y, pick
