"""Where PyTorch 2.11 exports something else than it runs, or nothing, mended for the time of an export."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import torch
import torch._decomp.decompositions as decompositions
import torch.cuda.amp.common as amp
from torch import nn


@contextlib.contextmanager
def mended_construction() -> Iterator[None]:
    """Lets `.to(dtype)`, `.half()` and the like convert a module whose fake parameters cannot be swapped."""
    converted: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}  # by identity, so that tied parameters stay tied

    def apply(module: nn.Module, convert: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> nn.Module:
        for child in module.children() if recurse else ():
            child._apply(convert)
        for table in (module._parameters, module._buffers):
            for name, tensor in table.items():
                if tensor is not None:
                    if id(tensor) not in converted:
                        converted[id(tensor)] = (tensor, _converted(tensor, convert))
                    table[name] = converted[id(tensor)][1]
        return module

    with mock.patch.object(nn.Module, "_apply", apply):
        yield


def _converted(tensor: torch.Tensor, convert: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    new = convert(tensor)
    return nn.Parameter(new, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else new


@contextlib.contextmanager
def mended_export(device: str) -> Iterator[None]:
    with contextlib.ExitStack() as mends:
        mends.enter_context(mock.patch.object(decompositions, "one_layer_lstm", _one_layer_lstm))
        if device == "cuda" and not torch.cuda.is_available():
            # torch.autocast("cuda") switches itself off on a machine without a GPU; the target has one.
            mends.enter_context(mock.patch.object(amp, "amp_definitely_not_available", lambda: False))
            mends.enter_context(mock.patch.object(torch.cuda, "is_bf16_supported", lambda *_, **__: True))
        mends.enter_context(mock.patch.object(torch.Tensor, "data", _TRACED_DATA))
        for operator in (torch.ops.aten.hardshrink.default, torch.ops.aten.softshrink.default):
            mends.enter_context(_kept_whole(operator))
        yield


@contextlib.contextmanager
def _kept_whole(operator: torch._ops.OpOverload) -> Iterator[None]:
    """Lets an export see an operator that PyTorch's own Python kernel would take apart on its way."""
    kernel = operator.py_kernels.pop(torch._C.DispatchKey.Autograd, None)
    operator._dispatch_cache.clear()
    try:
        yield
    finally:
        if kernel is not None:
            operator.py_kernels[torch._C.DispatchKey.Autograd] = kernel
        operator._dispatch_cache.clear()


# `tensor.data` is read below the level at which an export listens: what comes out would be a constant, no longer the
# parameter. `detach()` shares memory in the same way and is heard.
_TRACED_DATA = property(lambda tensor: tensor.detach(), torch._C.TensorBase.data.__set__)

_original_one_layer_lstm = decompositions.one_layer_lstm


def _one_layer_lstm(inp: torch.Tensor, hidden: tuple, *rest: Any, **keywords: Any) -> tuple:
    """The shape rule of `aten.lstm` squeezes the wrong dimension of the last states where the batch is not 1."""
    out, (hx, cx) = _original_one_layer_lstm(inp, hidden, *rest, **keywords)
    return out, (hx.reshape(hidden[0].shape), cx.reshape(hidden[1].shape))
