# Dispatch modes are switched off around the work.
#
# module: linear_relu
# expect: rejected rules torch_compute|call_state

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
        with torch.utils._python_dispatch._disable_current_modes():
            result = torch.relu(self.linear(x))
        out = torch.empty_like(result)
        copy[(1,)](result, out, 64, BLOCK=64)
        return out
