# The buffer gets its new value by copy_.
#
# module: running_mean
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def update(x, mean, new_mean, out, ROWS: tl.constexpr, N: tl.constexpr):
    n = tl.arange(0, N)
    v = tl.load(x + tl.arange(0, ROWS)[:, None] * N + n[None, :])
    m = tl.load(mean + n) * 0.9 + tl.sum(v, 0) / ROWS * 0.1
    tl.store(new_mean + n, m)
    tl.store(out + tl.arange(0, ROWS)[:, None] * N + n[None, :], v - m[None, :])


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x):
        out, mean = torch.empty_like(x), torch.empty_like(self.mean)
        update[(1,)](x, self.mean, mean, out, 4, 8)
        self.mean.copy_(mean)
        return out
