"""What a candidate sees of Python and PyTorch while it is recorded or interpreted, where that would tell it apart.

Files that DRTriton wrote guard their kernels: a call is accelerated only with plain tensors, outside of dispatch modes. Under
recording tensors are FakeTensors under a mode, so the candidate's questions about that are answered as on a GPU.
"""

from __future__ import annotations

import builtins
import os
import sys
import types
from collections.abc import Callable
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor


class _TypeOfType(type):
    """`type(x)` of a FakeTensor is torch.Tensor or Parameter; everything else is as with the builtin."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and not kwargs and type(args[0]) is FakeTensor:
            return torch.nn.Parameter if isinstance(args[0], torch.nn.Parameter) else torch.Tensor
        return type(*args, **kwargs)

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, type)

    def __subclasscheck__(cls, subclass: Any) -> bool:
        return issubclass(subclass, type)


class _Type(type, metaclass=_TypeOfType):
    pass


def candidate_builtins() -> dict[str, Any]:
    """For `__builtins__` of a candidate's module."""
    return {**vars(builtins), "type": _Type}


def hide_modes(folder: str) -> None:
    """To code in files below `folder` no dispatch mode is active."""
    original: Callable[[], int] = torch._C._len_torch_dispatch_stack

    def depth() -> int:
        return 0 if sys._getframe(1).f_code.co_filename.startswith(folder + os.sep) else original()

    torch._C._len_torch_dispatch_stack = depth


def is_written_by_us(module: types.ModuleType) -> bool:
    """Whether the module is one that DRTriton wrote (emit/): it decides itself whether it runs on a GPU."""
    return all(hasattr(module, name) for name in ("_DRT_KERNELS", "_DRT_DEVICES", "_drt_device"))


def give_constants(module: types.ModuleType, constants: dict[str, torch.Tensor], device_index: int) -> None:
    """Hands the Program's constants to such a module, which otherwise makes them from its own copy of their values."""
    if is_written_by_us(module):
        module._drt_device(device_index).constants.update(constants)
