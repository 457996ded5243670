"""An encoder layer of BERT-base (Devlin et al., 2018), the one of transformers with random weights."""

import torch
import torch.nn as nn
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

GROUP = "GEMM-bound"
BATCH = 16  # few: 1; small: 2
TOKENS = 512  # small: 12
HIDDEN = 768  # small: 32
HEADS = 12  # small: 2
DTYPE = torch.float32  # bf16: torch.bfloat16


class Model(nn.Module):
    def __init__(self, hidden: int, heads: int):
        super().__init__()
        config = BertConfig(hidden_size=hidden, num_attention_heads=heads, intermediate_size=4 * hidden,
                            attn_implementation="sdpa")
        self.layer = BertLayer(config).to(DTYPE)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result = self.layer(x)
        return result[0] if isinstance(result, tuple) else result


def get_inputs():
    return [torch.randn(BATCH, TOKENS, HIDDEN, dtype=DTYPE)]


def get_init_inputs():
    return [HIDDEN, HEADS]
