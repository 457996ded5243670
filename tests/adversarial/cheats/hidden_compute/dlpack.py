# Another library takes the memory over by DLPack.
#
# module: clamp_chain
# expect: rejected rules value_dependent

import numpy as np
import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    i = tl.arange(0, BLOCK)
    tl.store(out + i, tl.load(x + i, mask=i < n), mask=i < n)


class ModelNew(nn.Module):
    def forward(self, x):
        result = torch.from_numpy(np.abs(np.from_dlpack(x.cpu()))).to(x.device)
        out = torch.empty_like(result)
        copy[(1,)](result, out, result.numel(), BLOCK=128)
        return out
