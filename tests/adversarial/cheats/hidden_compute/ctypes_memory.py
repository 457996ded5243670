# Reads the input's memory by its address.
#
# module: clamp_chain
# expect: rejected rules forbidden

import ctypes
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n), mask=i < n)


class ModelNew(nn.Module):
    def forward(self, x):
        values = (ctypes.c_float * x.numel()).from_address(x.data_ptr())
        result = torch.tensor([min(abs(v), 4.0) for v in values], device=x.device)
        out = torch.empty_like(result)
        copy[(1,)](result, out, result.numel(), BLOCK=64)
        return out
