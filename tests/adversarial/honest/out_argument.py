# A helper with the style of out=, a dataclass, keywords, partial application.
#
# module: norm_affine
# expect: accepted done ok

from __future__ import annotations

import dataclasses
import functools
from typing import Optional

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def norm_sigmoid(x, w, b, out, N, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    v = tl.load(x + row * N + i, mask=i < N, other=0.0)
    centred = tl.where(i < N, v - tl.sum(v, 0) / N, 0.0)
    scaled = centred / tl.sqrt(tl.sum(centred * centred, 0) / N + eps)
    scaled = scaled * tl.load(w + i, mask=i < N) + tl.load(b + i, mask=i < N)
    tl.store(out + row * N + i, 1 / (1 + tl.exp(-scaled)), mask=i < N)


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How the kernel is launched."""

    block: int = 32
    warps: int = 1


def norm_into(schedule: Schedule, x: torch.Tensor, *, weight: torch.Tensor, bias: torch.Tensor, out: Optional[torch.Tensor] = None) -> torch.Tensor:
    """Normalises rows."""
    if out is None:
        out = torch.empty_like(x)
    rows, columns = x.shape
    norm_sigmoid[(rows,)](x=x, w=weight, b=bias, out=out, N=columns, eps=1e-5, BLOCK=schedule.block, num_warps=schedule.warps)
    return out


run = functools.partial(norm_into, Schedule())


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(24)

    def forward(self, x):
        return run(x, weight=self.norm.weight, bias=self.norm.bias, out=None)
