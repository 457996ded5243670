# A C++ extension computes.
#
# module: clamp_chain
# expect: rejected rules forbidden

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def clamp_chain(x, out, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    v = tl.load(x + i, mask=i < n)
    v = tl.minimum(tl.maximum(v, -4.0), 4.0)
    v = tl.abs(tl.where(v > 0, v, v * 0.01))
    tl.store(out + i, v, mask=i < n)


def extension():
    from torch.utils.cpp_extension import load_inline

    source = "#include <torch/extension.h>\ntorch::Tensor clamp_chain(torch::Tensor x) { return x.clamp(-4, 4).abs(); }"
    return load_inline("adversarial_extension", cpp_sources=source, functions=["clamp_chain"])


class ModelNew(nn.Module):
    def forward(self, x):
        return extension().clamp_chain(x)
