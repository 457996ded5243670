"""Launches under the interpreter: arguments stay where they are, and PyTorch's modes do not reach into kernels."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Any

import torch
import triton
import triton.runtime.interpreter as ti
from torch.utils._python_dispatch import _disable_current_modes
from triton.runtime.errors import InterpreterError
from triton.runtime.jit import JITFunction

from drtriton import interpreter_memory
from drtriton.kernel_text import Kernel, pack


def _call(executor: ti.GridExecutor, *args: Any, **kwargs: Any) -> None:
    """In place of GridExecutor.__call__, which copies every argument there and back."""
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


class _Compiled:
    """What `warmup` gives: called with a grid, it launches with the arguments that it is given then."""

    def __init__(self, kernel: JITFunction, constants: dict[str, Any]):
        self._kernel = kernel
        self._constants = constants

    def __getitem__(self, grid: Any) -> Callable[..., Any]:
        return lambda *args, **kwargs: _run_text(self._kernel, *args, grid=grid, warmup=False, **{**self._constants, **kwargs})


_texts: dict[int, tuple[JITFunction, Kernel]] = {}


def _run_text(kernel: JITFunction, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
    """In place of JITFunction.run: interprets the kernel's text, as a replay does."""
    if id(kernel) not in _texts:
        _texts[id(kernel)] = (kernel, Kernel(pack(kernel, {})))
    constants = {name: value for name, value in kwargs.items() if name in kernel.arg_names}
    if warmup:
        return _Compiled(kernel, {name: value for name, value in constants.items() if not hasattr(value, "data_ptr")})
    for hook in kernel.pre_run_hooks:
        hook(*args, **kwargs)
    _texts[id(kernel)][1].function.run(*args, grid=grid, warmup=False, **constants)
    return _Compiled(kernel, {})


def install() -> None:
    """For the process: launches stay in host memory."""
    import triton.experimental.gluon  # noqa: F401  Triton imports it at the first launch, and then expects to interpret

    ti.GridExecutor.__call__ = _call


def install_for_candidate() -> None:
    """For a candidate's fork: what it decorates are the same objects as where kernels are compiled."""
    os.environ.pop("TRITON_INTERPRET", None)
    triton.knobs.runtime.interpret = False
    JITFunction.run = _run_text   # type: ignore[method-assign]
