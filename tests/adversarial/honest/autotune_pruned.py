# Several configurations, some pruned early.
#
# module: softmax_scale
# expect: accepted done ok

import torch
import triton
import triton.language as tl
from torch import nn


def fitting(configs, arguments, **kwargs):
    return [config for config in configs if config.kwargs["BLOCK"] >= 24]


@triton.autotune(
    configs=[triton.Config({"BLOCK": block}, num_warps=warps, num_stages=2) for block in (16, 32, 64) for warps in (1, 2)],
    key=["N"],
    prune_configs_by={"early_config_prune": fitting},
)
@triton.jit
def softmax_scale(x, out, scale, N, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    i = tl.arange(0, BLOCK)
    v = tl.load(x + row * N + i, mask=i < N, other=float("-inf")) * scale
    e = tl.exp(v - tl.max(v, 0))
    tl.store(out + row * N + i, e / tl.sum(e, 0), mask=i < N)


class ModelNew(nn.Module):
    def __init__(self, scale):
        super().__init__()
        self.scale = scale

    def forward(self, x):
        out = torch.empty_like(x)
        softmax_scale[lambda meta: (x.shape[0],)](x, out, self.scale, x.shape[1])
        return out
