"""Attention scores with a relative position bias, as in T5 and Swin: bmm(query, key^T) * scale + bias, in bfloat16."""

import torch
import torch.nn as nn

BATCH_HEADS = 128  # small: 4
TOKENS = 1024  # small: 24
HEAD_SIZE = 64  # small: 16


class Model(nn.Module):
    def __init__(self, tokens: int, head_size: int):
        super().__init__()
        self.bias = nn.Parameter(torch.randn(tokens, tokens, dtype=torch.bfloat16))
        self.scale = head_size**-0.5

    def forward(self, query: torch.Tensor, key: torch.Tensor) -> torch.Tensor:
        return torch.bmm(query, key.transpose(1, 2)) * self.scale + self.bias


def get_inputs():
    shape = (BATCH_HEADS, TOKENS, HEAD_SIZE)
    return [torch.randn(shape, dtype=torch.bfloat16), torch.randn(shape, dtype=torch.bfloat16)]


def get_init_inputs():
    return [TOKENS, HEAD_SIZE]
