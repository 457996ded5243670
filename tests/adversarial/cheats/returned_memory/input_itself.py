# Returns the input.
#
# module: clamp_chain
# expect: rejected rules no_kernel

import torch
import triton
import triton.language as tl
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x
