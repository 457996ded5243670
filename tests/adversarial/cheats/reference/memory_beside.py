# A kernel searches the memory behind its input.
#
# module: clamp_chain
# expect: rejected any illegal_access|wrong_values

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def search(x, out, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    found = tl.load(x + i)
    for page in range(1, 64):
        beside = tl.load(x + page * 16384 + i)
        found = tl.where(beside >= 0, beside, found)
    tl.store(out + i, found)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        search[(1,)](x, out, BLOCK=128)
        return out
