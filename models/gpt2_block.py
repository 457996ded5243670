"""A block of GPT-2 (Radford et al., 2019), the one of transformers with random weights."""

import torch
import torch.nn as nn
from transformers import GPT2Config
from transformers.models.gpt2.modeling_gpt2 import GPT2Block

GROUP = "GEMM-bound"
BATCH = 8  # few: 1; small: 2
TOKENS = 1024  # small: 16
HIDDEN = 768  # small: 32
HEADS = 12  # small: 2
DTYPE = torch.float32  # bf16: torch.bfloat16


class Model(nn.Module):
    def __init__(self, hidden: int, heads: int):
        super().__init__()
        config = GPT2Config(n_embd=hidden, n_head=heads, attn_implementation="sdpa")
        self.block = GPT2Block(config, layer_idx=0).to(DTYPE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result = self.block(x)
        return result[0] if isinstance(result, tuple) else result


def get_inputs():
    return [torch.randn(BATCH, TOKENS, HIDDEN, dtype=DTYPE)]


def get_init_inputs():
    return [HIDDEN, HEADS]
