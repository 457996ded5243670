# Adds to memory that nobody set to zero.
#
# module: mean_square
# expect: rejected numerics unwritten|wrong_nan|wrong_values

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add(x, out, N: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    v = tl.load(x + row * N + tl.program_id(1) * BLOCK + tl.arange(0, BLOCK))
    tl.atomic_add(out + row, tl.sum(v * v, 0) / N)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty(4, 1, device=x.device)
        add[(4, 4)](x, out, 2048, BLOCK=512)
        return out
