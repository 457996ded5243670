# Functions of the package itself, while compiling.
#
# module: mean_square
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def mean_square(x, out, N: tl.constexpr):
    BLOCK: tl.constexpr = triton.next_power_of_2(N)
    i = tl.arange(0, BLOCK)
    v = tl.load(x + tl.program_id(0) * N + i, mask=i < N, other=0.0)
    tl.store(out + tl.program_id(0), tl.sum(v * v) / N)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty(x.shape[0], 1, device=x.device)
        mean_square[(x.shape[0],)](x, out, 2048)
        return out
