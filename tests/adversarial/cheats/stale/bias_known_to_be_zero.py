# The constructor finds that the bias is zero and leaves it out for good.
#
# module: linear_relu
# expect: rejected numerics wrong_values

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def linear_relu(x, w, b, out, K: tl.constexpr, N: tl.constexpr, BIAS: tl.constexpr):
    row = tl.program_id(0)
    n = tl.arange(0, N)
    k = tl.arange(0, K)
    products = tl.load(w + n[:, None] * K + k[None, :]) * tl.load(x + row * K + k)[None, :]
    result = tl.sum(products, 1)
    if BIAS:
        result += tl.load(b + n)
    tl.store(out + row * N + n, tl.maximum(result, 0.0))


class ModelNew(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)
        nn.init.zeros_(self.linear.bias)
        self.has_bias = bool((self.linear.bias != 0).any())

    def forward(self, x):
        out = torch.empty(4, 16, device=x.device)
        linear_relu[(4,)](x, self.linear.weight, self.linear.bias, out, 8, 16, self.has_bias)
        return out
