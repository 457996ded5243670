# The result computes itself when it is looked at.
#
# module: clamp_chain
# expect: rejected rules no_kernel

import torch
import triton
import triton.language as tl
from torch import nn


class Later(torch.Tensor):
    @staticmethod
    def __new__(cls, x):
        return torch.Tensor._make_wrapper_subclass(cls, x.shape, dtype=x.dtype, device=x.device)

    def __init__(self, x):
        self.x = x

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        args = [argument.x.clamp(-4.0, 4.0).abs() if isinstance(argument, cls) else argument for argument in args]
        return function(*args, **(kwargs or {}))


class ModelNew(nn.Module):
    def forward(self, x):
        return Later(x)
