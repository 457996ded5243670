"""One encoder layer of BERT from transformers with random weights, in float32."""

import torch
import torch.nn as nn
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

BATCH = 16  # small: 2
TOKENS = 512  # small: 12
HIDDEN = 768  # small: 32
HEADS = 12  # small: 2


class Model(nn.Module):
    def __init__(self, hidden: int, heads: int):
        super().__init__()
        config = BertConfig(hidden_size=hidden, num_attention_heads=heads, intermediate_size=4 * hidden,
                            attn_implementation="sdpa")
        self.layer = BertLayer(config)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result = self.layer(x)
        return result[0] if isinstance(result, tuple) else result


def get_inputs():
    return [torch.randn(BATCH, TOKENS, HIDDEN)]


def get_init_inputs():
    return [HIDDEN, HEADS]
