# An answer nested so deeply that its reader would run out of stack.
#
# module: clamp_chain
# expect: rejected compile crashed

import os

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


class ModelNew(nn.Module):
    def forward(self, x):
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, b'{"answer": {"plans": ' + b"[" * 200000 + b"]" * 200000 + b'}, "files": []}\n')
            except OSError:
                pass
        os._exit(0)
