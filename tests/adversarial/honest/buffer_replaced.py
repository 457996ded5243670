# The buffer becomes another tensor, as an assignment makes it.
#
# module: running_mean
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def running_mean(x, mean, out, ROWS: tl.constexpr, N: tl.constexpr):
    n = tl.arange(0, N)
    v = tl.load(x + tl.arange(0, ROWS)[:, None] * N + n[None, :])
    m = tl.load(mean + n) * 0.9 + tl.sum(v, 0) / ROWS * 0.1
    tl.store(mean + n, m)
    tl.store(out + tl.arange(0, ROWS)[:, None] * N + n[None, :], v - m[None, :])


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x):
        out = torch.empty_like(x)
        mean = self.mean.clone()
        running_mean[(1,)](x, mean, out, 4, 8)
        self.mean = mean
        return out
