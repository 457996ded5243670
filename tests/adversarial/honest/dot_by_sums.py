# A product by multiplication and sums, cast at the ends.
#
# module: matmul_half
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matmul(a, b, out, N: tl.constexpr, K: tl.constexpr):
    row = tl.program_id(0)
    n = tl.arange(0, N)
    k = tl.arange(0, K)
    left = tl.load(a + row * K + k).to(tl.float32)
    right = tl.load(b + k[:, None] * N + n[None, :]).to(tl.float32)
    tl.store(out + row * N + n, tl.sum(left[:, None] * right, axis=0).to(tl.float16))


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(512, 16, dtype=torch.float16))

    def forward(self, x):
        out = x.new_empty((len(x), 16))
        matmul[(len(x),)](x, self.weight, out, 16, 512)
        return out
