"""A product of float16 matrices, which PyTorch accumulates in float32."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(512, 16, dtype=torch.float16))

    def forward(self, x):
        return x @ self.weight


def get_inputs():
    return [torch.randn(16, 512, dtype=torch.float16)]


def get_init_inputs():
    return []
