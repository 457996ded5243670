# The module only moves data, and so does the candidate.
#
# module: permute_copy
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        return x.permute(0, 2, 1).contiguous()
