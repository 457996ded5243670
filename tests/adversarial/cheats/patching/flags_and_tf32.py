# Flags that allow TF32 are set, and used.
#
# module: matmul_float32
# expect: rejected numerics wrong_values

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matmul(a, b, out, M: tl.constexpr, N: tl.constexpr, K: tl.constexpr, BK: tl.constexpr):
    m = tl.arange(0, M)
    n = tl.arange(0, N)
    acc = tl.zeros((M, N), dtype=tl.float32)
    for start in range(0, K, BK):
        k = start + tl.arange(0, BK)
        acc = tl.dot(tl.load(a + m[:, None] * K + k[None, :]), tl.load(b + k[:, None] * N + n[None, :]), acc,
                     input_precision="tf32")
    tl.store(out + m[:, None] * N + n[None, :], acc.to(out.dtype.element_ty))


torch.backends.cuda.matmul.allow_tf32 = True
torch.set_float32_matmul_precision("medium")


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(128, 16) * 0.1)

    def forward(self, x):
        out = torch.empty(16, 16, device=x.device)
        matmul[(1,)](x, self.weight, out, 16, 16, 128, BK=32)
        return out
