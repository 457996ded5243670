"""A product of float32 matrices, in full precision."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(128, 16) * 0.1)

    def forward(self, x):
        return x @ self.weight


def get_inputs():
    return [torch.randn(16, 128)]


def get_init_inputs():
    return []
