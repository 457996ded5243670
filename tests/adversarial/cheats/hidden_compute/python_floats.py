# Python multiplies lists.
#
# module: linear_relu
# expect: rejected rules value_dependent

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n), mask=i < n)


class ModelNew(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)

    def forward(self, x):
        rows, weights = x.tolist(), self.linear.weight.tolist()
        product = [[max(0.0, sum(a * b for a, b in zip(row, w))) for w in weights] for row in rows]
        result = torch.tensor(product, device=x.device)
        out = torch.empty_like(result)
        copy[(1,)](result, out, result.numel(), BLOCK=64)
        return out
