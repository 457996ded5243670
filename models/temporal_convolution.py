"""A stack of temporal convolutions (Bai et al., 2018): causal, dilated 1, 2, 4, 8, each level with a residual."""

import torch
import torch.nn as nn
import torch.nn.functional as F

GROUP = "fused convolutions"
BATCH = 32  # few: 1; small: 2
LENGTH = 2048  # small: 40
CHANNELS = 128  # small: 8
LEVELS = 4  # small: 2
TAPS = 3
DTYPE = torch.float32  # bf16: torch.bfloat16


class Level(nn.Module):
    def __init__(self, channels: int, taps: int, dilation: int):
        super().__init__()
        self.reach = (taps - 1) * dilation
        self.first = nn.Conv1d(channels, channels, taps, dilation=dilation, dtype=DTYPE)
        self.second = nn.Conv1d(channels, channels, taps, dilation=dilation, dtype=DTYPE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = F.relu(self.first(F.pad(x, (self.reach, 0))))
        y = F.relu(self.second(F.pad(y, (self.reach, 0))))
        return F.relu(x + y)


class Model(nn.Module):
    def __init__(self, channels: int, taps: int, levels: int):
        super().__init__()
        self.levels = nn.Sequential(*[Level(channels, taps, 2**level) for level in range(levels)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.levels(x)


def get_inputs():
    return [torch.randn(BATCH, CHANNELS, LENGTH, dtype=DTYPE)]


def get_init_inputs():
    return [CHANNELS, TAPS, LEVELS]
