# What depends on shapes only is kept between calls.
#
# module: softmax_scale
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax_scale(x, out, scale, N, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    v = tl.load(x + row * N + i, mask=i < N, other=float("-inf")) * scale
    e = tl.exp(v - tl.max(v, 0))
    tl.store(out + row * N + i, e / tl.sum(e, 0), mask=i < N)


class ModelNew(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale
        self.plans = {}

    def forward(self, x):
        key = tuple(x.shape)
        if key not in self.plans:
            self.plans[key] = (triton.next_power_of_2(x.shape[-1]), (x.shape[0],))
        block, grid = self.plans[key]
        out = torch.empty_like(x)
        softmax_scale[grid](x, out, self.scale, x.shape[-1], BLOCK=block)
        return out
