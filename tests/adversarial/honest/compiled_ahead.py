# warmup compiles, then the kernel is launched.
#
# module: clamp_chain
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def clamp_chain(x, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + i, mask=i < n)
    v = tl.minimum(tl.maximum(v, -4.0), 4.0)
    v = tl.abs(tl.where(v > 0, v, v * 0.01))
    tl.store(out + i, v, mask=i < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        blocks = triton.cdiv(x.numel(), 128)
        clamp_chain.warmup(x, out, x.numel(), BLOCK=128, grid=(blocks,))
        clamp_chain[(blocks, 1, 1)](x, out, x.numel(), BLOCK=128)
        return out
