"""The loss of a language model with label smoothing: log softmax over the vocabulary, the target's entry, the mean."""

import torch
import torch.nn as nn
import torch.nn.functional as F

TOKENS = 32
VOCABULARY = 200


class Model(nn.Module):
    def __init__(self, smoothing: float):
        super().__init__()
        self.smoothing = smoothing

    def forward(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        log_probabilities = F.log_softmax(logits.float(), dim=-1)
        of_target = log_probabilities.gather(-1, targets[:, None]).squeeze(-1)
        of_all = log_probabilities.mean(dim=-1)
        return -((1 - self.smoothing) * of_target + self.smoothing * of_all).mean()


def get_inputs():
    return [torch.randn(TOKENS, VOCABULARY, dtype=torch.bfloat16), torch.randint(VOCABULARY, (TOKENS,))]


def get_init_inputs():
    return [0.1]
