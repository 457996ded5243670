"""Loads a user's module file and makes its model and inputs, for real or under fake tensors.

A module file follows KernelBench's convention: `class Model(nn.Module)`, `get_inputs()`, and, where the constructor
takes arguments, `get_init_inputs()`. Both functions return a list or tuple (positional) or a dict (keywords).
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from drtriton.importer_errors import ModuleProblem, UserFile
from drtriton.tensors import storage_extent


def load_module(file: UserFile) -> types.ModuleType:
    """Runs the file as a module of its own; its folder is importable, as when Python runs it as a script."""
    if file.folder not in sys.path:
        sys.path.insert(0, file.folder)
    stem = os.path.splitext(os.path.basename(file.path))[0]
    name = stem if stem.isidentifier() and _is_free(stem, file) else "user_module"
    with open(file.path, "rb") as source:
        code = compile(source.read(), file.path, "exec", dont_inherit=True)
    module = types.ModuleType(name)
    module.__file__ = file.path
    module.__spec__ = importlib.util.spec_from_file_location(name, file.path)
    sys.modules[name] = module
    exec(code, module.__dict__)
    _check_names(module, file)
    return module


def _is_free(stem: str, file: UserFile) -> bool:
    """Whether a module of this name would hide none but the file itself."""
    if stem in sys.modules:
        return getattr(sys.modules[stem], "__file__", None) == file.path
    return stem not in sys.stdlib_module_names


def _check_names(module: types.ModuleType, file: UserFile) -> None:
    model = getattr(module, "Model", None)
    if model is None:
        raise ModuleProblem(f"{file.shown} defines no Model; it needs `class Model(nn.Module)` and `get_inputs()`")
    if not (isinstance(model, type) and issubclass(model, nn.Module)):
        raise ModuleProblem(f"{file.shown}: Model is no subclass of torch.nn.Module")
    if not callable(getattr(module, "get_inputs", None)):
        raise ModuleProblem(f"{file.shown} defines no get_inputs(); it returns the arguments of forward() as a list")


def forget(module: types.ModuleType, file: UserFile) -> None:
    """Drops the module and its siblings, so that loading it again starts from nothing."""
    for name, loaded in list(sys.modules.items()):
        origin = getattr(loaded, "__file__", None)
        if loaded is module or (origin and os.path.dirname(os.path.abspath(origin)) == file.folder):
            del sys.modules[name]


def _as_arguments(given: Any, function: str, file: UserFile) -> tuple[tuple, dict]:
    if isinstance(given, dict) and all(isinstance(key, str) for key in given):
        return (), dict(given)
    if isinstance(given, (list, tuple)):
        return tuple(given), {}
    raise ModuleProblem(
        f"{file.shown}: {function} returned {_kind(given)}; it has to return a list or tuple of positional "
        "arguments or a dict of keyword arguments"
    )


def _kind(value: Any) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__}"


def _require_fit(call: Callable, arguments: tuple[tuple, dict], what: str, source: str, file: UserFile) -> None:
    try:
        signature = inspect.signature(call)
    except (TypeError, ValueError):
        return  # nothing is known about it; calling it will tell
    try:
        signature.bind(*arguments[0], **arguments[1])
    except TypeError as error:
        raise ModuleProblem(f"{file.shown}: what {source} returned does not fit {what}: {error}") from None


def make_model(module: types.ModuleType, file: UserFile, seed: int, training: bool) -> nn.Module:
    """`Model(*get_init_inputs())` after `torch.manual_seed(seed)`; in eval mode unless `training`."""
    torch.manual_seed(seed)
    init = getattr(module, "get_init_inputs", None)
    arguments = _as_arguments(init() if callable(init) else [], "get_init_inputs()", file)
    _require_fit(module.Model, arguments, "the constructor of Model", "get_init_inputs()", file)
    torch.manual_seed(seed)
    model = module.Model(*arguments[0], **arguments[1])
    return model if training else model.eval()


def make_inputs(module: types.ModuleType, file: UserFile, seed: int, model: nn.Module) -> tuple[tuple, dict]:
    """What `get_inputs()` gives after `torch.manual_seed(seed)`, as positional and keyword arguments."""
    torch.manual_seed(seed)
    given = module.get_inputs()
    arguments = _as_arguments(given, "get_inputs()", file)
    _require_fit(model.forward, arguments, "forward()", "get_inputs()", file)
    for leaf in pytree.tree_leaves(arguments):
        if not isinstance(leaf, (torch.Tensor, bool, int, float, str, type(None))):
            raise ModuleProblem(
                f"{file.shown}: get_inputs() returned {_kind(leaf)} among the arguments; tensors, numbers, "
                "strings and None in lists, tuples and dicts are understood"
            )
        if isinstance(leaf, torch.Tensor) and leaf.layout is not torch.strided:
            raise ModuleProblem(
                f"{file.shown}: get_inputs() returned a tensor of layout {leaf.layout}; only dense tensors "
                "are understood"
            )
    return arguments


def move_exactly(tensor: torch.Tensor, device: str) -> torch.Tensor:
    """A copy of the tensor on `device` with the strides it had.

    `.to()` would make non-dense tensors contiguous, but what the user passes is what the Program must take. The memory
    that the view spans is copied as it is, so that overlapping views (`expand`, `unfold`) stay what they are.
    """
    count = storage_extent(tuple(tensor.shape), tensor.stride())
    with torch.no_grad():
        flat = tensor.detach().as_strided((count,), (1,)).to(device, copy=True)
        return flat.as_strided(tensor.shape, tensor.stride(), 0)


def move_inputs(arguments: tuple[tuple, dict], device: str) -> tuple[tuple, dict]:
    """All tensors among the arguments on `device`; one that was passed twice stays one tensor."""
    moved: dict[int, torch.Tensor] = {}

    def move(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor) or leaf.device.type == device:
            return leaf
        if id(leaf) not in moved:
            moved[id(leaf)] = move_exactly(leaf, device)
        return moved[id(leaf)]

    return pytree.tree_map(move, arguments)


def move_fake_model(model: nn.Module, device: str) -> None:
    """Puts parameters and buffers on `device` under the active FakeTensorMode, where `Module.to` fails."""
    moved: dict[
        int, tuple[torch.Tensor, torch.Tensor]
    ] = {}  # by identity; the original is held so that its id stays taken

    def move(tensor: torch.Tensor) -> torch.Tensor:
        if id(tensor) not in moved:
            copy = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)
            copy = nn.Parameter(copy, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else copy
            moved[id(tensor)] = (tensor, copy)
        return moved[id(tensor)][1]

    for part in model.modules():
        for table in (part._parameters, part._buffers):
            for name, tensor in table.items():
                if tensor is not None and tensor.device.type != device:
                    table[name] = move(tensor)
        if isinstance(part, nn.RNNBase):  # it keeps its weights in a list too
            part._flat_weights = [getattr(part, name, None) for name in part._flat_weights_names]
