"""A transposed argument."""

import torch
from torch import nn


class Model(nn.Module):
    def forward(self, x, y):
        return y + x.t()


def get_inputs():
    return [torch.randn(8, 4), torch.randn(4, 8)]


def get_init_inputs():
    return []
