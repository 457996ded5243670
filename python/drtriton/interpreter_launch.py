"""Launches under the interpreter: arguments stay where they are, and PyTorch's modes do not reach into kernels."""

from __future__ import annotations

import inspect
from typing import Any

import torch
import triton
import triton.runtime.interpreter as ti
from torch.utils._python_dispatch import _disable_current_modes
from triton.runtime.errors import InterpreterError

from drtriton import interpreter_memory

_launches = 0


def launches() -> int:
    """Launches of this process so far."""
    return _launches


def _call(executor: ti.GridExecutor, *args: Any, **kwargs: Any) -> None:
    """In place of GridExecutor.__call__, which copies every argument there and back."""
    global _launches
    _launches += 1
    names = inspect.getfullargspec(executor.fn).args
    kwargs = {name: value for name, value in kwargs.items() if name in names}   # num_warps and the like mean nothing here
    for hook in executor.pre_run_hooks:
        hook(*args, **kwargs)
    bound = inspect.getcallargs(executor.fn, *args, **kwargs)
    grid = tuple(int(size) for size in (executor.grid(bound) if callable(executor.grid) else executor.grid))
    if not 1 <= len(grid) <= 3:
        raise ValueError(f"a grid has one to three sizes, not {len(grid)}")
    with _disable_current_modes(), torch._C.DisableTorchFunction():
        interpreter_memory.enter_launch(bound)
        converted = {name: value if name in executor.constexprs else ti._implicit_cvt(value) for name, value in bound.items()}
        _run_grid(executor.fn, grid + (1,) * (3 - len(grid)), converted)


def _run_grid(function: Any, grid: tuple[int, int, int], args: dict[str, Any]) -> None:
    builder = ti.interpreter_builder
    builder.set_grid_dim(*grid)
    try:
        for x in range(grid[0]):
            for y in range(grid[1]):
                for z in range(grid[2]):
                    builder.set_grid_idx(x, y, z)
                    function(**args)
    except Exception as error:
        if triton.knobs.compilation.front_end_debugging:
            raise
        raise InterpreterError(repr(error)) from error


def install() -> None:
    ti.GridExecutor.__call__ = _call
