# Two passes over a scratch buffer, through views.
#
# module: mean_square
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def partial(x, scratch, N, stride, BLOCK: tl.constexpr):
    row, part = tl.program_id(0), tl.program_id(1)
    v = tl.load(x + row * N + part * BLOCK + tl.arange(0, BLOCK)).to(tl.float32)
    tl.store(scratch + row * stride + part, tl.sum(v * v, axis=0))


@triton.jit
def total(scratch, out, N, PARTS: tl.constexpr):
    row = tl.program_id(0)
    tl.store(out + row, tl.sum(tl.load(scratch + row * PARTS + tl.arange(0, PARTS)), axis=0) / N)


class ModelNew(nn.Module):
    def forward(self, x):
        rows, columns = x.shape
        scratch = torch.empty(2 * rows, 4, device=x.device)[rows:]
        partial[(rows, 4)](x, scratch, columns, scratch.stride(0), BLOCK=512)
        out = torch.empty(rows, device=x.device)
        total[(rows,)](scratch, out, columns, PARTS=4)
        return out.unsqueeze(-1)
