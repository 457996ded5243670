# The dispatcher's own entry.
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
        result = torch.ops.aten.addmm.default(self.linear.bias, x, self.linear.weight.t())
        out = torch.empty_like(result)
        copy[(1,)](result, out, result.numel(), BLOCK=64)
        return out
