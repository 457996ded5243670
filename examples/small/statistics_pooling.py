"""A pooling head as in speaker recognition: mean and standard deviation over time, then a linear classifier."""

import torch
import torch.nn as nn

BATCH = 3
FRAMES = 50
FEATURES = 40
CLASSES = 10


class Model(nn.Module):
    def __init__(self, features: int, classes: int):
        super().__init__()
        self.norm = nn.LayerNorm(2 * features)
        self.classifier = nn.Linear(2 * features, classes)

    def forward(self, frames: torch.Tensor) -> torch.Tensor:
        mean = frames.mean(dim=1)
        deviation = torch.sqrt(frames.var(dim=1, unbiased=False) + 1e-5)
        return self.classifier(self.norm(torch.cat([mean, deviation], dim=-1)))


def get_inputs():
    return [torch.randn(BATCH, FRAMES, FEATURES)]


def get_init_inputs():
    return [FEATURES, CLASSES]
