# Descriptors made on the host.
#
# module: matmul_float32
# expect: accepted done ok

from triton.tools.tensor_descriptor import TensorDescriptor

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matmul(a, b, out, M, K: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(0) * 16
    acc = tl.zeros((16, 16), dtype=tl.float32)
    for k in range(0, K, BK):
        acc = tl.dot(a.load([row, k]), b.load([k, 0]), acc, input_precision="ieee")
    m = row + tl.arange(0, 16)
    n = tl.arange(0, 16)
    tl.store(out + m[:, None] * 16 + n[None, :], acc, mask=m[:, None] < M)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(128, 16) * 0.1)

    def forward(self, x):
        out = torch.empty(x.shape[0], 16, device=x.device)
        a = TensorDescriptor.from_tensor(x, [16, 32])
        b = TensorDescriptor.from_tensor(self.weight, [32, 16])
        matmul[(triton.cdiv(x.shape[0], 16),)](a, b, out, x.shape[0], 128, 32)
        return out
