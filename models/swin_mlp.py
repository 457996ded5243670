"""The MLP half of a first-stage block of Swin-T (Liu et al., 2021): 96 channels, so that memory bounds it."""

import torch
import torch.nn as nn
import torch.nn.functional as F

GROUP = "memory-bound"
BATCH = 64  # few: 1; small: 2
TOKENS = 3136  # small: 20
CHANNELS = 96  # small: 24
DTYPE = torch.float32  # bf16: torch.bfloat16


class Model(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.norm = nn.LayerNorm(channels, dtype=DTYPE)
        self.fc1 = nn.Linear(channels, 4 * channels, dtype=DTYPE)
        self.fc2 = nn.Linear(4 * channels, channels, dtype=DTYPE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.fc2(F.gelu(self.fc1(self.norm(x))))


def get_inputs():
    return [torch.randn(BATCH, TOKENS, CHANNELS, dtype=DTYPE)]


def get_init_inputs():
    return [CHANNELS]
