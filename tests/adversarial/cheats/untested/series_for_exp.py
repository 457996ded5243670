# A power series that fits small inputs.
#
# module: softmax_scale
# expect: rejected numerics wrong_nan|wrong_values

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax_scale(x, out, scale, N, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    v = tl.load(x + row * N + i, mask=i < N, other=float("-inf")) * scale
    e = tl.where(i < N, 1 + v + v * v / 2 + v * v * v / 6 + v * v * v * v / 24 + v * v * v * v * v / 120, 0.0)
    tl.store(out + row * N + i, e / tl.sum(e, 0), mask=i < N)


class ModelNew(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        out = torch.empty_like(x)
        softmax_scale[(4,)](x, out, self.scale, 24, BLOCK=32)
        return out
