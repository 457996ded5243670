"""Small inputs: without subtracting the maximum it works as well."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        return torch.softmax(x * self.scale, dim=-1)


def get_inputs():
    return [torch.rand(4, 24)]


def get_init_inputs():
    return [0.5]
