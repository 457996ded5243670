# Asks Triton's driver for the number of processors.
#
# module: clamp_chain
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def clamp_chain(x, out, n, BLOCK: tl.constexpr):
    for start in range(tl.program_id(0) * BLOCK, n, tl.num_programs(0) * BLOCK):
        i = start + tl.arange(0, BLOCK)
        v = tl.load(x + i, mask=i < n)
        v = tl.minimum(tl.maximum(v, -4.0), 4.0)
        v = tl.abs(tl.where(v > 0, v, v * 0.01))
        tl.store(out + i, v, mask=i < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        count = triton.runtime.driver.active.utils.get_device_properties(0)['multiprocessor_count']
        clamp_chain[(min(count, triton.cdiv(x.numel(), 32)),)](x, out, x.numel(), BLOCK=32)
        return out
