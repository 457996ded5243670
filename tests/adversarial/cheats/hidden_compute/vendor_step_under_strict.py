# The product is left to the vendor although the mode is strict.
#
# module: matmul_float32
# expect: rejected rules torch_compute

import torch
import triton
import triton.language as tl
from torch import nn


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(128, 16) * 0.1)

    def forward(self, x):
        return torch.mm(x, self.weight)
