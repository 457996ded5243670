# Another kernel of the same name is defined under the interpreter, which is not Triton's language.
#
# module: clamp_chain
# expect: rejected numerics wrong_values

import os

import numpy as np
import torch
import triton
import triton.language as tl
from torch import nn


if os.environ.get("TRITON_INTERPRET") == "1":
    class Chain:
        def __getitem__(self, grid):
            return lambda x, out, n, BLOCK: np.copyto(out.numpy(), np.clip(np.abs(x.numpy()), 0, 4))

    chain = Chain()
else:

    @triton.jit
    def chain(x, out, n, BLOCK: tl.constexpr):
        i = tl.arange(0, BLOCK)
        tl.store(out + i, tl.load(x + i, mask=i < n), mask=i < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        chain[(1,)](x, out, x.numel(), BLOCK=128)
        return out
