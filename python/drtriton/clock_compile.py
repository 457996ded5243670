"""Compiles the kernels of emitted modules side by side, before any of them is called.

A module compiles each kernel when it is first launched, one after the other.  Triton's compiler leaves the interpreter
lock for most of its work, so all kernels of all modules go to threads; equal ones are compiled once.
"""

from __future__ import annotations

import contextlib
import os
import time
import types
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import triton

_MOST_THREADS = 16


def share_kernels(module: types.ModuleType) -> None:
    """Makes Triton take kernels of equal text for equal, wherever in their file they stand.  Before they are compiled."""
    for kernel in module._DRT_KERNELS.values():
        kernel.function.starting_line_number = 0


def compile_ahead(modules: Sequence[types.ModuleType], seconds: float) -> list[bool]:
    """Whether all kernels of each module are ready, in order; what is not when the time is over is given up.

    A kernel that cannot be compiled counts as ready: calling it tells why.
    """
    deadline = time.perf_counter() + seconds
    pool = ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1))
    with triton.AsyncCompileMode(pool, ignore_errors=True) as mode:
        started = [[_start(module, kernel) for kernel in module._DRT_KERNELS.values()] for module in modules]
        ready = [all([_wait(kernel, deadline) for kernel in kernels]) for kernels in started]
        pool.shutdown(wait=False, cancel_futures=True)
        mode.raw_futures[:] = [future for future in mode.raw_futures if future.done()]  # nobody waits for the others
    return ready


def _start(module: types.ModuleType, kernel: Any) -> Any:
    """The kernel under compilation; None where it cannot even be begun."""
    pointers = [name for name in kernel.function.arg_names if name not in kernel.constants]
    values = kernel.values((0,) * len(pointers), module._DrtPointer)  # as aligned as what an allocator gives
    with contextlib.suppress(Exception):
        return kernel.function.warmup(*values, grid=kernel.grid, **kernel.options)
    return None


def _wait(kernel: Any, deadline: float) -> bool:
    future = getattr(kernel, "future", None)
    if future is None:  # compiled before
        return True
    with contextlib.suppress(TimeoutError):
        future.exception(max(0.0, deadline - time.perf_counter()))
        return True
    return False
