# Nothing unusual.
#
# module: lookup
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def lookup(index, table, out, N: tl.constexpr):
    n = tl.arange(0, N)
    row = tl.load(index + tl.program_id(0))
    tl.store(out + tl.program_id(0) * N + n, tl.load(table + row * N + n) * 2.0)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.randn(10, 8))

    def forward(self, index):
        out = torch.empty(index.shape[0], 8, device=self.table.device)
        lookup[(index.shape[0],)](index, self.table, out, 8)
        return out
