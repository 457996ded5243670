"""One line of pointwise work, the simplest thing worth fusing: gelu(x + bias) + residual."""

import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH = 32  # small: 2
TOKENS = 512  # small: 24
FEATURES = 4096  # small: 96


class Model(nn.Module):
    def __init__(self, features: int):
        super().__init__()
        self.bias = nn.Parameter(0.1 * torch.randn(features))

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        return F.gelu(x + self.bias) + residual


def get_inputs():
    return [torch.randn(BATCH, TOKENS, FEATURES), torch.randn(BATCH, TOKENS, FEATURES)]


def get_init_inputs():
    return [FEATURES]
