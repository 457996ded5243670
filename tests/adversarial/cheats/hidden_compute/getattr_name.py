# The name of the function is put together at run time.
#
# module: linear_relu
# expect: rejected rules torch_compute

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
        result = getattr(getattr(torch.nn, "func" + "tional"), "lin" + "ear")(x, self.linear.weight, self.linear.bias)
        out = torch.empty_like(result)
        copy[(1,)](result, out, result.numel(), BLOCK=64)
        return out
