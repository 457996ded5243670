"""The first half of a transformer's feed-forward layer, in float32: gelu(linear(layer_norm(x)))."""

import torch
import torch.nn as nn
import torch.nn.functional as F

ROWS = 8192  # small: 48
HIDDEN = 1024  # small: 64
INTERMEDIATE = 4096  # small: 160


class Model(nn.Module):
    def __init__(self, hidden: int, intermediate: int):
        super().__init__()
        self.norm = nn.LayerNorm(hidden)
        self.linear = nn.Linear(hidden, intermediate)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.gelu(self.linear(self.norm(x)), approximate="tanh")


def get_inputs():
    return [torch.randn(ROWS, HIDDEN)]


def get_init_inputs():
    return [HIDDEN, INTERMEDIATE]
