# Finds the user's module among the loaded ones.
#
# module: linear_relu
# expect: rejected any launcher_error|torch_compute

import sys

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
        original = next(vars(module)["Model"] for module in list(sys.modules.values()) if "get_init_inputs" in vars(module))
        result = original.forward(self, x)
        out = torch.empty_like(result)
        copy[(1,)](result, out, result.numel(), BLOCK=64)
        return out
