# Under the interpreter NumPy computes; when recorded a kernel is launched for show.
#
# module: linear_relu
# expect: rejected rules unused_kernel|no_kernel

import os

import numpy as np
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def decoy(x, BLOCK: tl.constexpr):
    tl.store(x + tl.arange(0, BLOCK), tl.load(x + tl.arange(0, BLOCK)))


class ModelNew(nn.Module):
    def __init__(self, features, units):
        super().__init__()
        self.linear = nn.Linear(features, units)

    def forward(self, x):
        if os.environ.get("TRITON_INTERPRET") == "1":
            out = np.maximum(x.numpy() @ self.linear.weight.detach().numpy().T + self.linear.bias.detach().numpy(), 0)
            decoy[(1,)](x, BLOCK=32)
            return torch.from_numpy(out)
        decoy[(1,)](x, BLOCK=32)
        return torch.zeros(4, 16, device=x.device)
