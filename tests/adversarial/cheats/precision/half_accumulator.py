# Sums are kept in float16.
#
# module: matmul_half
# expect: rejected numerics wrong_values

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matmul(a, b, out, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, BK: tl.constexpr):
    m = tl.arange(0, M)
    n = tl.arange(0, N)
    acc = tl.zeros((M, N), dtype=tl.float16)
    for start in range(0, K, BK):
        k = start + tl.arange(0, BK)
        acc += tl.dot(tl.load(a + m[:, None] * K + k[None, :]), tl.load(b + k[:, None] * N + n[None, :])).to(tl.float16)
    tl.store(out + m[:, None] * N + n[None, :], acc.to(out.dtype.element_ty))


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(512, 16, dtype=torch.float16))

    def forward(self, x):
        out = torch.empty(16, 16, device=x.device, dtype=x.dtype)
        matmul[(1,)](x, self.weight, out, 16, 16, 512, BK=64)
        return out
