# The checker's refusals are swallowed.
#
# module: linear_relu
# expect: rejected rules forbidden

import sys
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n), mask=i < n)


for name, module in list(sys.modules.items()):
    if name.startswith("drtriton") and hasattr(module, "Memory"):
        module.Memory.refuse = lambda *_: KeyError()
        module.Memory.strict = False


class ModelNew(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)

    def forward(self, x):
        result = torch.relu(self.linear(x))
        out = torch.empty_like(result)
        copy[(1,)](result, out, result.numel(), BLOCK=64)
        return out
