# A tensor subclass computes when it is touched.
#
# module: linear_relu
# expect: rejected rules torch_compute

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


class Lazy(torch.Tensor):
    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return super().__torch_function__(function, types, args, kwargs or {})


class ModelNew(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)

    def forward(self, x):
        out = torch.empty(4, 16, device=x.device)
        linear_relu[(4,)](x, self.linear.weight, self.linear.bias, out, 8, 16)
        return (out.as_subclass(Lazy) + 0).as_subclass(torch.Tensor)
