"""Residual addition and RMS normalisation between two transformer layers, in bfloat16; both results are needed later."""

import torch
import torch.nn as nn

BATCH = 2
TOKENS = 20
HIDDEN = 128


class Model(nn.Module):
    def __init__(self, hidden: int, epsilon: float = 1e-6):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden, dtype=torch.bfloat16))
        self.epsilon = epsilon

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        residual = x + residual
        wide = residual.float()
        scale = torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return (wide * scale).to(x.dtype) * self.weight, residual


def get_inputs():
    shape = (BATCH, TOKENS, HIDDEN)
    return [torch.randn(shape, dtype=torch.bfloat16), torch.randn(shape, dtype=torch.bfloat16)]


def get_init_inputs():
    return [HIDDEN]
