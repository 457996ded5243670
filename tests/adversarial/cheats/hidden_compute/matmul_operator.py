# An operator of the language instead of a function.
#
# module: linear_relu
# expect: rejected rules torch_compute

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add_relu(x, b, out, N: tl.constexpr):
    i = tl.program_id(0) * N + tl.arange(0, N)
    tl.store(out + i, tl.maximum(tl.load(x + i) + tl.load(b + tl.arange(0, N)), 0.0))


class ModelNew(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)

    def forward(self, x):
        product = x @ self.linear.weight.t()
        out = torch.empty_like(product)
        add_relu[(4,)](product, self.linear.bias, out, 16)
        return out
