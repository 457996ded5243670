"""An encoder block of ViT-B/16 (Dosovitskiy et al., 2021): 14 x 14 patches and the class token."""

import torch
import torch.nn as nn
import torch.nn.functional as F

GROUP = "GEMM-bound"
BATCH = 64  # few: 1; small: 2
TOKENS = 197  # small: 17
HIDDEN = 768  # small: 32
HEADS = 12  # small: 2
DTYPE = torch.float32  # bf16: torch.bfloat16


class Model(nn.Module):
    def __init__(self, hidden: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(hidden, eps=1e-6, dtype=DTYPE)
        self.qkv = nn.Linear(hidden, 3 * hidden, dtype=DTYPE)
        self.out = nn.Linear(hidden, hidden, dtype=DTYPE)
        self.norm2 = nn.LayerNorm(hidden, eps=1e-6, dtype=DTYPE)
        self.fc1 = nn.Linear(hidden, 4 * hidden, dtype=DTYPE)
        self.fc2 = nn.Linear(4 * hidden, hidden, dtype=DTYPE)

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, hidden = x.shape
        q, k, v = self.qkv(x).view(batch, tokens, 3, self.heads, hidden // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        return self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, hidden))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attend(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


def get_inputs():
    return [torch.randn(BATCH, TOKENS, HIDDEN, dtype=DTYPE)]


def get_init_inputs():
    return [HIDDEN, HEADS]
