"""One level of a U-Net's way down (Ronneberger et al., 2015): two 3x3 convolutions with batch norm, then max pooling."""

import torch
import torch.nn as nn
import torch.nn.functional as F

GROUP = "fused convolutions"
BATCH = 16  # few: 1; small: 2
SIZE = 128  # small: 12
CHANNELS = 64  # small: 4
DTYPE = torch.float32  # bf16: torch.bfloat16


class Model(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        layers = []
        for taken in (channels, 2 * channels):
            layers += [nn.Conv2d(taken, 2 * channels, 3, padding=1, bias=False), nn.BatchNorm2d(2 * channels), nn.ReLU()]
        self.layers = nn.Sequential(*layers).to(DTYPE)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        skip = self.layers(x)
        return skip, F.max_pool2d(skip, 2)


def get_inputs():
    return [torch.randn(BATCH, CHANNELS, SIZE, SIZE, dtype=DTYPE)]


def get_init_inputs():
    return [CHANNELS]
