# The mean divides by the number of rows that the module's own inputs have.
#
# module: running_mean
# expect: rejected numerics wrong_batch

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def update(x, mean, new_mean, out, rows, N: tl.constexpr, BLOCK: tl.constexpr):
    r = tl.arange(0, BLOCK)[:, None]
    n = tl.arange(0, N)
    v = tl.load(x + r * N + n[None, :], mask=r < rows, other=0.0)
    m = tl.load(mean + n) * 0.9 + tl.sum(v, 0) / 4 * 0.1
    tl.store(new_mean + n, m)
    tl.store(out + r * N + n[None, :], v - m[None, :], mask=r < rows)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(8))

    def forward(self, x):
        out, mean = torch.empty_like(x), torch.empty_like(self.mean)
        update[(1,)](x, self.mean, mean, out, x.shape[0], 8, BLOCK=triton.next_power_of_2(x.shape[0]))
        self.mean.copy_(mean)
        return out
