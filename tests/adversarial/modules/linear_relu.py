"""Inputs and outputs are positive, so that ReLU does not show on them."""

import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)
        nn.init.uniform_(self.linear.weight, 0.0, 0.3)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        return torch.relu(self.linear(x))


def get_inputs():
    return [torch.rand(4, 8)]


def get_init_inputs():
    return [8, 16]
