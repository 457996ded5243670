"""One block of GPT-2 from transformers with random weights, in bfloat16."""

import torch
import torch.nn as nn
from transformers import GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2Block

BATCH = 8  # small: 2
TOKENS = 1024  # small: 16
HIDDEN = 768  # small: 32
HEADS = 12  # small: 2


class Model(nn.Module):
    def __init__(self, hidden: int, heads: int):
        super().__init__()
        config = GPT2Config(n_embd=hidden, n_head=heads, attn_implementation="sdpa")
        self.block = GPT2Block(config, layer_idx=0).to(torch.bfloat16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result = self.block(x)
        return result[0] if isinstance(result, tuple) else result


def get_inputs():
    return [torch.randn(BATCH, TOKENS, HIDDEN, dtype=torch.bfloat16)]


def get_init_inputs():
    return [HIDDEN, HEADS]
