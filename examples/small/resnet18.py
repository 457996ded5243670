"""ResNet-18 from torchvision with random weights, as deployed (model.eval())."""

import torch
import torch.nn as nn
from torchvision.models import resnet18

BATCH = 1
SIZE = 32
CLASSES = 10


class Model(nn.Module):
    def __init__(self, classes: int):
        super().__init__()
        self.network = resnet18(weights=None, num_classes=classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images)


def get_inputs():
    return [torch.randn(BATCH, 3, SIZE, SIZE)]


def get_init_inputs():
    return [CLASSES]
