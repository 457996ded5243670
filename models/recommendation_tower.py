"""A recommendation tower (DLRM, Naumov et al., 2019): embeddings, a bottom MLP, pairwise products, a top MLP."""

import torch
import torch.nn as nn

GROUP = "memory-bound"
BATCH = 16384  # few: 64; small: 6
DENSE = 13
TABLES = 26  # small: 5
ROWS = 40000  # small: 50
FEATURES = 64  # small: 16
DTYPE = torch.float32  # bf16: torch.bfloat16


def layers(*sizes: int) -> nn.Sequential:
    pairs = zip(sizes, sizes[1:])
    return nn.Sequential(*[layer for taken, made in pairs for layer in (nn.Linear(taken, made), nn.ReLU())]).to(DTYPE)


class Model(nn.Module):
    def __init__(self, dense: int, tables: int, rows: int, features: int):
        super().__init__()
        self.table = nn.Embedding(tables * rows, features, dtype=DTYPE)  # all tables, one behind the other
        self.register_buffer("first_row", rows * torch.arange(tables))
        self.bottom = layers(dense, 4 * features, features)
        left, right = torch.tril_indices(tables + 1, tables + 1, offset=-1)
        self.register_buffer("pairs", left * (tables + 1) + right)
        self.top = layers(features + len(left), 4 * features, 2 * features)
        self.click = nn.Linear(2 * features, 1, dtype=DTYPE)

    def forward(self, dense: torch.Tensor, sparse: torch.Tensor) -> torch.Tensor:
        bottom = self.bottom(dense)
        vectors = torch.cat([bottom.unsqueeze(1), self.table(sparse + self.first_row)], dim=1)
        products = torch.bmm(vectors, vectors.transpose(1, 2)).flatten(1)
        crossed = torch.cat([bottom, products.index_select(1, self.pairs)], dim=1)
        return torch.sigmoid(self.click(self.top(crossed)))


def get_inputs():
    return [torch.randn(BATCH, DENSE, dtype=DTYPE), torch.randint(0, ROWS, (BATCH, TABLES))]


def get_init_inputs():
    return [DENSE, TABLES, ROWS, FEATURES]
