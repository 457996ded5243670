# Products are summed one by one in float16.
#
# module: matmul_half
# expect: rejected numerics wrong_values

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matmul(a, b, out, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr):
    m = tl.arange(0, M)
    n = tl.arange(0, N)
    acc = tl.zeros((M, N), dtype=tl.float16)
    for k in range(0, K):
        acc += tl.load(a + m * K + k)[:, None] * tl.load(b + k * N + n)[None, :]
    tl.store(out + m[:, None] * N + n[None, :], acc)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(512, 16, dtype=torch.float16))

    def forward(self, x):
        out = torch.empty(16, 16, device=x.device, dtype=x.dtype)
        matmul[(1,)](x, self.weight, out, 16, 16, 512)
        return out
