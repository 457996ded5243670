# Nothing unusual.
#
# module: running_mean
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def running_mean(x, mean, out, rows, N: tl.constexpr, BLOCK: tl.constexpr):
    r = tl.arange(0, BLOCK)[:, None]
    n = tl.arange(0, N)
    v = tl.load(x + r * N + n[None, :], mask=r < rows, other=0.0)
    m = tl.load(mean + n) * 0.9 + tl.sum(v, 0) / rows * 0.1
    tl.store(mean + n, m)
    tl.store(out + r * N + n[None, :], v - m[None, :], mask=r < rows)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x):
        out = torch.empty_like(x)
        running_mean[(1,)](x, self.mean, out, x.shape[0], 8, BLOCK=triton.next_power_of_2(x.shape[0]))
        return out
