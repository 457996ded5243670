# A closure made in the constructor holds the weights.
#
# module: linear_relu
# expect: rejected rules call_state

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
        weight, bias = self.linear.weight.detach().clone(), self.linear.bias.detach().clone()

        def call(x):
            out = torch.empty(4, 16, device=x.device)
            linear_relu[(4,)](x, weight, bias, out, 8, 16)
            return out

        self.call = call

    def forward(self, x):
        return self.call(x)
