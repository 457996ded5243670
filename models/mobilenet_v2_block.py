"""An inverted residual of MobileNetV2 (Sandler et al., 2018): 1x1 expansion, depthwise 3x3, 1x1 projection; torchvision's."""

import torch
import torch.nn as nn
from torchvision.models.mobilenetv2 import InvertedResidual

GROUP = "fused convolutions"
BATCH = 128  # few: 1; small: 2
SIZE = 28  # small: 9
CHANNELS = 32  # small: 8
DTYPE = torch.float32  # bf16: torch.bfloat16


class Model(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.block = InvertedResidual(channels, channels, stride=1, expand_ratio=6).to(DTYPE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.block(x)


def get_inputs():
    return [torch.randn(BATCH, CHANNELS, SIZE, SIZE, dtype=DTYPE)]


def get_init_inputs():
    return [CHANNELS]
