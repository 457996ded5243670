# Programs loop over blocks, as many as there are processors.
#
# module: clamp_chain
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def chain(x, out, n, blocks, BLOCK: tl.constexpr):
    for block in tl.range(tl.program_id(0), blocks, tl.num_programs(0), num_stages=2):
        i = block * BLOCK + tl.arange(0, BLOCK)
        v = tl.load(x + i, mask=i < n, eviction_policy="evict_first")
        v = tl.clamp(v, -4.0, 4.0)
        tl.store(out + i, tl.abs(tl.maximum(v, 0.01 * v)), mask=i < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty_like(x)
        processors = torch.cuda.get_device_properties(x.device).multi_processor_count
        blocks = triton.cdiv(x.numel(), 16)
        chain[(max(1, min(processors, blocks) // 2),)](x, out, x.numel(), blocks, BLOCK=16)
        return out
