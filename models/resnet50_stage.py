"""The second stage of ResNet-50 (He et al., 2015): four bottleneck blocks, from torchvision with random weights."""

import torch
import torch.nn as nn
from torchvision.models.resnet import Bottleneck

GROUP = "fused convolutions"
BATCH = 64  # few: 1; small: 1
SIZE = 56  # small: 10
WIDTH = 128  # small: 8
BLOCKS = 4  # small: 2
DTYPE = torch.float32  # bf16: torch.bfloat16


class Model(nn.Module):
    def __init__(self, width: int, blocks: int):
        super().__init__()
        shortcut = nn.Sequential(nn.Conv2d(2 * width, 4 * width, 1, stride=2, bias=False), nn.BatchNorm2d(4 * width))
        first = Bottleneck(2 * width, width, stride=2, downsample=shortcut)
        self.blocks = nn.Sequential(first, *[Bottleneck(4 * width, width) for _ in range(blocks - 1)]).to(DTYPE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.blocks(x)


def get_inputs():
    return [torch.randn(BATCH, 2 * WIDTH, SIZE, SIZE, dtype=DTYPE)]


def get_init_inputs():
    return [WIDTH, BLOCKS]
