"""The last layers of a 3-d decoder (3D-GAN, Wu et al., 2016): transposed convolutions that double each side."""

import torch
import torch.nn as nn

GROUP = "transposed convolutions"
BATCH = 16  # few: 1; small: 1
SIZE = 8  # small: 2
CHANNELS = 256  # small: 8
DTYPE = torch.float32  # bf16: torch.bfloat16


class Model(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        layers = []
        for taken in (channels, channels // 2):
            layers += [nn.ConvTranspose3d(taken, taken // 2, 4, stride=2, padding=1, bias=False),
                       nn.BatchNorm3d(taken // 2), nn.ReLU()]
        layers.append(nn.ConvTranspose3d(channels // 4, 1, 4, stride=2, padding=1))
        self.layers = nn.Sequential(*layers).to(DTYPE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.layers(x))


def get_inputs():
    return [torch.randn(BATCH, CHANNELS, SIZE, SIZE, SIZE, dtype=DTYPE)]


def get_init_inputs():
    return [CHANNELS]
