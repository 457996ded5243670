"""Bounds of what an interpreted kernel may touch: the storages of the tensors that its launch was given.

The interpreter reads and writes host memory at whatever address a kernel computes. Here every address of a load, store
or atomic operation that its mask lets through is compared with those storages first, so that an access outside of them
is a verdict (`illegal_access`) and not a crash, or worse, a value from somewhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import triton.runtime.interpreter as ti
from triton.tools.tensor_descriptor import TensorDescriptor

from drtriton.candidate_failure import CandidateFailure

Builder = ti.InterpreterBuilder


_noted: dict[int, int] = {}  # bytes of what a candidate was given or allocated, by address


def note(tensor: torch.Tensor) -> None:
    """Remembers the tensor's storage, for launches that get its address alone."""
    storage = tensor.untyped_storage()
    _noted[storage.data_ptr()] = storage.nbytes()


def _extent(storage: torch.UntypedStorage) -> tuple[int, int]:
    """Address and bytes: for a tensor around foreign memory (what a written file makes of an address), of what was noted there."""
    start = storage.data_ptr()
    if not storage.resizable():
        for address, size in _noted.items():
            if address <= start < address + size:
                return address, size
    return start, storage.nbytes()


class Bounds:
    """The storages of one launch, by address."""

    def __init__(self, arguments: dict[str, Any]):
        spans: dict[int, tuple[int, str]] = {}
        for name, tensor in _tensors(arguments):
            start, size = _extent(tensor.untyped_storage())
            if size > spans.get(start, (0, ""))[0]:
                spans[start] = (size, name)
        self._starts = np.array(sorted(spans), dtype=np.uint64)
        self._ends = np.array([start + spans[start][0] for start in sorted(spans)], dtype=np.uint64)
        self._names = [spans[start][1] for start in sorted(spans)]

    def check(self, addresses: np.ndarray, mask: np.ndarray | None, size: int, doing: str) -> None:
        """Raises CandidateFailure unless the `size` bytes at each address that `mask` lets through lie in one storage."""
        if mask is not None and not mask.all():
            addresses = addresses[np.broadcast_to(mask, addresses.shape)]
        if addresses.size == 0:
            return
        lowest, highest = addresses.min(), addresses.max()
        first = np.searchsorted(self._starts, lowest, side="right") - 1
        if first >= 0 and highest + np.uint64(size) <= self._ends[first]:
            return
        places = np.searchsorted(self._starts, addresses, side="right").astype(np.int64) - 1
        ends = self._ends[np.maximum(places, 0)] if self._ends.size else np.zeros_like(addresses)
        outside = addresses[(places < 0) | (addresses + np.uint64(size) > ends)]
        if outside.size:
            raise CandidateFailure("illegal_access", f"a kernel {doing} {self._where(int(outside.flat[0]))} ({outside.size} such "
                                   f"element{'s' if outside.size > 1 else ''} of one access)")

    def _where(self, address: int) -> str:
        """The storage that is nearest, in words."""
        distances = [(start - address, f"{start - address} bytes before the start of {name}") if address < start else
                     (address - end, f"{address - end} bytes past the end of {name}")
                     for start, end, name in zip(self._starts.tolist(), self._ends.tolist(), self._names)]
        return min(distances)[1] if distances else "memory, but was given no tensor"


def _tensors(arguments: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(arguments, torch.Tensor):
        yield name, arguments
    elif isinstance(arguments, TensorDescriptor):
        yield name, arguments.base
    elif isinstance(arguments, dict):
        for key, value in arguments.items():
            yield from _tensors(value, key)
    elif isinstance(arguments, (tuple, list)):
        for value in arguments:
            yield from _tensors(value, name)
    elif hasattr(arguments, "base") and isinstance(arguments.base, torch.Tensor):   # triton.reinterpret
        yield name, arguments.base


_bounds = Bounds({})


def enter_launch(arguments: dict[str, Any]) -> None:
    """From here on accesses are held to the storages of these arguments."""
    global _bounds
    _bounds = Bounds(arguments)


def _check(pointers: Any, mask: Any, doing: str) -> None:
    _bounds.check(pointers.data, None if mask is None else np.asarray(mask.data), max(1, pointers.get_element_ty().primitive_bitwidth // 8), doing)


def install() -> None:
    """Wraps the interpreter's accesses; after interpreter_numerics, which replaces some of them."""
    load, store = Builder.create_masked_load, Builder.create_masked_store
    modify, exchange = Builder.create_atomic_rmw, Builder.create_atomic_cas

    def checked_load(builder: Builder, pointers: Any, mask: Any, *rest: Any, **named: Any) -> Any:
        _check(pointers, mask, "reads")
        return load(builder, pointers, mask, *rest, **named)

    def checked_store(builder: Builder, pointers: Any, value: Any, mask: Any, *rest: Any, **named: Any) -> Any:
        _check(pointers, mask, "writes")
        return store(builder, pointers, value, mask, *rest, **named)

    def checked_modify(builder: Builder, operation: Any, pointers: Any, value: Any, mask: Any, *rest: Any, **named: Any) -> Any:
        _check(pointers, mask, "writes")
        return modify(builder, operation, pointers, value, mask, *rest, **named)

    def checked_exchange(builder: Builder, pointers: Any, *rest: Any, **named: Any) -> Any:
        _check(pointers, None, "writes")
        return exchange(builder, pointers, *rest, **named)

    wrapped: dict[str, Callable] = {"create_masked_load": checked_load, "create_masked_store": checked_store,
                                    "create_atomic_rmw": checked_modify, "create_atomic_cas": checked_exchange}
    for name, function in wrapped.items():
        setattr(Builder, name, function)
