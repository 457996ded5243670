# Hybrid: no kernel at all.
#
# module: linear_relu
# mode: hybrid
# expect: rejected rules no_kernel

import torch
import triton
import triton.language as tl
from torch import nn


class ModelNew(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)

    def forward(self, x):
        return torch.relu(self.linear(x))
