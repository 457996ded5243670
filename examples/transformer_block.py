"""A pre-norm transformer block with causal self-attention, in bfloat16."""

import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH = 8  # small: 2
TOKENS = 1024  # small: 16
HIDDEN = 1024  # small: 32
HEADS = 16  # small: 2


class Model(nn.Module):
    def __init__(self, hidden: int, heads: int):
        super().__init__()
        bfloat16 = {"dtype": torch.bfloat16}
        self.heads = heads
        self.attention_norm = nn.LayerNorm(hidden, **bfloat16)
        self.qkv = nn.Linear(hidden, 3 * hidden, **bfloat16)
        self.projection = nn.Linear(hidden, hidden, **bfloat16)
        self.mlp_norm = nn.LayerNorm(hidden, **bfloat16)
        self.expand = nn.Linear(hidden, 4 * hidden, **bfloat16)
        self.contract = nn.Linear(4 * hidden, hidden, **bfloat16)

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, hidden = x.shape
        qkv = self.qkv(x).view(batch, tokens, 3, self.heads, hidden // self.heads)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.projection(mixed.transpose(1, 2).reshape(batch, tokens, hidden))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attend(self.attention_norm(x))
        return x + self.contract(F.gelu(self.expand(self.mlp_norm(x)), approximate="tanh"))


def get_inputs():
    return [torch.randn(BATCH, TOKENS, HIDDEN, dtype=torch.bfloat16)]


def get_init_inputs():
    return [HIDDEN, HEADS]
