# The launch is in the forward of an autograd function.
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


class Chain(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        x = x.contiguous()
        out = torch.empty_like(x)
        grid = lambda meta: (triton.cdiv(x.numel(), meta["BLOCK"]),)
        clamp_chain[grid](x, out, x.numel(), BLOCK=32)
        ctx.save_for_backward(x)
        return out


class ModelNew(nn.Module):
    def forward(self, x):
        return Chain.apply(x)
