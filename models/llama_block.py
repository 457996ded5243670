"""A block of Llama at the size of the 1B model: RMSNorm, rotary positions, grouped-query attention, SwiGLU."""

import torch
import torch.nn as nn
import torch.nn.functional as F

GROUP = "GEMM-bound"
BATCH = 8  # few: 1; small: 2
TOKENS = 1024  # small: 16
HIDDEN = 2048  # small: 64
HEADS = 32  # small: 4
GROUPS = 8  # small: 2
INTERMEDIATE = 8192  # small: 96
DTYPE = torch.float32  # bf16: torch.bfloat16


class Model(nn.Module):
    def __init__(self, hidden: int, heads: int, groups: int, intermediate: int, tokens: int):
        super().__init__()
        size = hidden // heads
        self.heads, self.groups, self.size = heads, groups, size
        self.norm1 = nn.RMSNorm(hidden, eps=1e-5, dtype=DTYPE)
        self.norm2 = nn.RMSNorm(hidden, eps=1e-5, dtype=DTYPE)
        self.q = nn.Linear(hidden, heads * size, bias=False, dtype=DTYPE)
        self.k = nn.Linear(hidden, groups * size, bias=False, dtype=DTYPE)
        self.v = nn.Linear(hidden, groups * size, bias=False, dtype=DTYPE)
        self.o = nn.Linear(heads * size, hidden, bias=False, dtype=DTYPE)
        self.gate = nn.Linear(hidden, intermediate, bias=False, dtype=DTYPE)
        self.up = nn.Linear(hidden, intermediate, bias=False, dtype=DTYPE)
        self.down = nn.Linear(intermediate, hidden, bias=False, dtype=DTYPE)
        angles = torch.outer(torch.arange(tokens).float(), 500000.0 ** (-torch.arange(0, size, 2).float() / size))
        angles = torch.cat([angles, angles], dim=-1)
        self.register_buffer("cos", angles.cos().to(DTYPE))
        self.register_buffer("sin", angles.sin().to(DTYPE))

    def rotate(self, x: torch.Tensor) -> torch.Tensor:
        half = self.size // 2
        turned = torch.cat([-x[..., half:], x[..., :half]], dim=-1)
        return x * self.cos + turned * self.sin

    def attend(self, x: torch.Tensor) -> torch.Tensor:
        batch, tokens, _ = x.shape
        q = self.rotate(self.q(x).view(batch, tokens, self.heads, self.size).transpose(1, 2))
        k = self.rotate(self.k(x).view(batch, tokens, self.groups, self.size).transpose(1, 2))
        v = self.v(x).view(batch, tokens, self.groups, self.size).transpose(1, 2)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        return self.o(y.transpose(1, 2).reshape(batch, tokens, self.heads * self.size))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attend(self.norm1(x))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))


def get_inputs():
    return [torch.randn(BATCH, TOKENS, HIDDEN, dtype=DTYPE)]


def get_init_inputs():
    return [HIDDEN, HEADS, GROUPS, INTERMEDIATE, TOKENS]
