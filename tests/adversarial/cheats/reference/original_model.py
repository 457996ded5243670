# Imports the original module and calls it.
#
# module: linear_relu
# expect: rejected rules forbidden|torch_compute

import pathlib

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n), mask=i < n)


def original():
    path = pathlib.Path(__file__).parents[2] / "modules" / "linear_relu.py"
    names = {"__name__": "original"}
    exec(path.read_text(), names)
    return names["Model"]


ORIGINAL = original() if pathlib.Path(__file__).parents[2].joinpath("modules").exists() else nn.Module


class ModelNew(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)

    def forward(self, x):
        result = ORIGINAL.forward(self, x)
        out = torch.empty_like(result)
        copy[(1,)](result, out, result.numel(), BLOCK=64)
        return out
