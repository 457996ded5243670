# The checker is told that every operator is a view.
#
# module: clamp_chain
# expect: rejected rules forbidden

import sys
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def clamp_chain(x, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + i, mask=i < n)
    v = tl.minimum(tl.maximum(v, -4.0), 4.0)
    v = tl.abs(tl.where(v > 0, v, v * 0.01))
    tl.store(out + i, v, mask=i < n)


for name in ("drtriton.recorder_memory", "drtriton.interpreter"):
    if name in sys.modules:
        sys.modules[name].rule_of = lambda operator: sys.modules["drtriton.operator_rules"].Rule.VIEW


class ModelNew(nn.Module):
    def forward(self, x):
        return torch.clamp(x, -4.0, 4.0).abs()
