"""What the recorder's worker does once so that none of its forks does it again: imports, set-up of the compiler."""

from __future__ import annotations

import os
import tempfile

import torch
import triton
import triton.language as tl
from torch._subclasses.fake_tensor import FakeTensorMode
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.cache import triton_key

from drtriton.candidate_guard import assemblers, names_to_watch
from drtriton.recorder_memory import Memory, RecordingMode


def warm_up() -> None:
    import sympy  # noqa: F401  fake tensors import it late
    import triton.experimental.gluon  # noqa: F401  the first launch imports it

    torch.set_num_threads(1)
    names_to_watch()
    triton_key()
    assemblers()
    _record_something()
    _compile_something()


def _record_something() -> None:
    with torch.no_grad(), FakeTensorMode(allow_non_fake_inputs=True) as fake, RecordingMode(Memory(strict=False), fake):
        tensor = torch.empty(4, 4).t().contiguous()
        torch.nn.functional.relu(tensor @ torch.tensor([[1.0] * 4] * 4))


@triton.jit
def _sums(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    total = tl.zeros([BLOCK], tl.float32)
    for start in range(0, n, BLOCK):
        columns = start + tl.arange(0, BLOCK)
        total += tl.exp(tl.load(x_ptr + row * n + columns, mask=columns < n, other=0.0).to(tl.float32))
    tl.store(out_ptr + row, tl.sum(total, axis=0))


def _compile_something() -> None:
    """Initialises LLVM, which keeps what it set up in memory that the forks share."""
    source = ASTSource(_sums, {"x_ptr": "*fp32", "out_ptr": "*fp32", "n": "i32", "BLOCK": "constexpr"}, {(3,): 128})
    with tempfile.TemporaryDirectory() as folder:
        kept, knobs.cache.dir = knobs.cache.dir, os.path.join(folder, "triton")
        triton.compile(source, target=GPUTarget("cuda", 90, 32))
        knobs.cache.dir = kept
