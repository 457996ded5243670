# Nothing unusual.
#
# module: linear_relu
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def linear_relu(x, w, b, out, K: tl.constexpr, N: tl.constexpr):
    row = tl.program_id(0)
    n = tl.arange(0, N)
    k = tl.arange(0, K)
    products = tl.load(w + n[:, None] * K + k[None, :]) * tl.load(x + row * K + k)[None, :]
    tl.store(out + row * N + n, tl.maximum(tl.sum(products, 1) + tl.load(b + n), 0.0))


class ModelNew(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)

    def forward(self, x):
        out = torch.empty(x.shape[0], 16, device=x.device)
        linear_relu[(x.shape[0],)](x, self.linear.weight, self.linear.bias, out, 8, 16)
        return out
