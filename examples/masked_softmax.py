"""Attention probabilities from scores: scale, mask out padding, softmax over the keys."""

import torch
import torch.nn as nn

BATCH = 8  # small: 2
HEADS = 16  # small: 3
QUERIES = 1024  # small: 18
KEYS = 1024  # small: 40
HEAD_SIZE = 64  # small: 64


class Model(nn.Module):
    def __init__(self, head_size: int):
        super().__init__()
        self.scale = head_size**-0.5

    def forward(self, scores: torch.Tensor, is_padding: torch.Tensor) -> torch.Tensor:
        scores = scores * self.scale
        scores = scores.masked_fill(is_padding[:, None, None, :], float("-inf"))
        return torch.softmax(scores, dim=-1)


def get_inputs():
    scores = torch.randn(BATCH, HEADS, QUERIES, KEYS) * HEAD_SIZE**0.5
    lengths = torch.randint(KEYS // 2, KEYS + 1, (BATCH, 1))
    return [scores, torch.arange(KEYS) >= lengths]


def get_init_inputs():
    return [HEAD_SIZE]
