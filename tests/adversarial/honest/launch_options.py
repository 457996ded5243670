# Warps, stages and thread blocks of a cluster are given.
#
# module: matmul_half
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
                     tl.load(b + k[:, None] * N + n[None, :]), acc, input_precision="ieee")
    tl.store(out + m[:, None] * N + n[None, :], acc.to(out.dtype.element_ty), mask=m[:, None] < M)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(512, 16, dtype=torch.float16))

    def forward(self, x):
        rows = x.shape[0]
        out = torch.empty(rows, 16, device=x.device, dtype=x.dtype)
        matmul[(triton.cdiv(rows, 16),)](x, self.weight, out, rows, 16, 512, BM=16, BK=64,
                                         num_warps=2, num_stages=3, num_ctas=1, enable_fp_fusion=True)
        return out
