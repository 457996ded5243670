# Makes PyTorch's clamp do nothing, then returns the input.
#
# module: clamp_chain
# expect: rejected rules forbidden

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n), mask=i < n)


torch.clamp = lambda x, *_, **__: x
torch.Tensor.abs = lambda x: x


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        copy[(1,)](x, out, 128, BLOCK=128)
        return out
