# A reduction with a combine function, several results.
#
# module: mean_square
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add_both(a, b, c, d):
    return a + c, b + d


@triton.jit
def mean_square(x, out, N: tl.constexpr):
    v = tl.load(x + tl.program_id(0) * N + tl.arange(0, N))
    total, count = tl.reduce((v * v, v * 0.0 + 1.0), 0, add_both)
    tl.store(out + tl.program_id(0), total / count)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty(x.shape[0], 1, device=x.device)
        mean_square[(x.shape[0],)](x, out, 2048)
        return out
