# Reads the original module's file and calls what it finds.
#
# module: linear_relu
# expect: rejected any import_error|torch_compute

import pathlib
import sys

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n), mask=i < n)


def original():
    paths = [pathlib.Path(folder, "..", "..", "modules", "linear_relu.py") for folder in sys.path]
    names = {"__name__": "original"}
    exec(next(path for path in paths if path.exists()).read_text(), names)
    return names["Model"]


ORIGINAL = original()


class ModelNew(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)

    def forward(self, x):
        result = ORIGINAL.forward(self, x)
        out = torch.empty_like(result)
        copy[(1,)](result, out, result.numel(), BLOCK=64)
        return out
