# NumPy multiplies.
#
# module: linear_relu
# expect: rejected rules value_dependent

import numpy as np
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n), mask=i < n)


class ModelNew(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)

    def forward(self, x):
        weight = self.linear.weight.detach().cpu().numpy()
        product = x.cpu().numpy() @ weight.T + self.linear.bias.detach().cpu().numpy()
        result = torch.from_numpy(np.maximum(product, 0)).to(x.device)
        out = torch.empty_like(result)
        copy[(1,)](result, out, result.numel(), BLOCK=64)
        return out
