# Three TF32 products make a full one.
#
# module: matmul_float32
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matmul(a, b, out, M, N: tl.constexpr, K: tl.constexpr, BM: tl.constexpr, BK: tl.constexpr):
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    n = tl.arange(0, N)
    acc = tl.zeros((BM, N), dtype=tl.float32)
    for start in range(0, K, BK):
        k = start + tl.arange(0, BK)
        acc = tl.dot(tl.load(a + m[:, None] * K + k[None, :], mask=m[:, None] < M, other=0.0),
                     tl.load(b + k[:, None] * N + n[None, :]), acc, input_precision="tf32x3")
    tl.store(out + m[:, None] * N + n[None, :], acc.to(out.dtype.element_ty), mask=m[:, None] < M)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(128, 16) * 0.1)

    def forward(self, x):
        out = torch.empty(x.shape[0], 16, device=x.device)
        matmul[(triton.cdiv(x.shape[0], 16),)](x, self.weight, out, x.shape[0], 16, 128, BM=16, BK=32)
        return out
