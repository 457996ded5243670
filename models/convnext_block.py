"""A block of ConvNeXt-T (Liu et al., 2022): depthwise 7x7, layer norm, two pointwise layers with GELU, layer scale."""

import torch
import torch.nn as nn
import torch.nn.functional as F

GROUP = "fused convolutions"
BATCH = 64  # few: 1; small: 2
SIZE = 28  # small: 9
CHANNELS = 192  # small: 16
DTYPE = torch.float32  # bf16: torch.bfloat16


class Model(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, 7, padding=3, groups=channels, dtype=DTYPE)
        self.norm = nn.LayerNorm(channels, eps=1e-6, dtype=DTYPE)
        self.expand = nn.Linear(channels, 4 * channels, dtype=DTYPE)
        self.project = nn.Linear(4 * channels, channels, dtype=DTYPE)
        self.scale = nn.Parameter(torch.full((channels,), 0.1, dtype=DTYPE))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
        y = self.scale * self.project(F.gelu(self.expand(y)))
        return x + y.permute(0, 3, 1, 2)


def get_inputs():
    return [torch.randn(BATCH, CHANNELS, SIZE, SIZE, dtype=DTYPE)]


def get_init_inputs():
    return [CHANNELS]
