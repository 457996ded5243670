"""Loads modules for the clock the way a user would: the file is imported, the class constructed, the inputs made.

Seeds are set where the importer sets them, so that parameters and inputs are those the kernels were verified with.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import types
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from drtriton import importer_load
from drtriton.importer_errors import UserFile


def import_file(path: str, folder: str) -> types.ModuleType:
    """The file as a module named after its stem; `folder`, the user's, is importable from it."""
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = f"drtriton_clocked_{os.path.splitext(os.path.basename(path))[0]}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def construct(module: types.ModuleType, name: str, request: dict[str, Any]) -> nn.Module:
    """`Model` or `ModelNew` of the module with its own constructor arguments, on the device, in the mode asked for."""
    file = UserFile(module.__file__, os.path.basename(module.__file__))
    init = getattr(module, "get_init_inputs", None)
    torch.manual_seed(request["seed"])
    given = init() if callable(init) else []
    args, kwargs = importer_load._as_arguments(given, "get_init_inputs()", file)
    torch.manual_seed(request["seed"])
    model = getattr(module, name)(*args, **kwargs)
    model = model if request["training"] else model.eval()
    return model.to(request["device"])


_made: dict[tuple, tuple[tuple, dict]] = {}  # as get_inputs() gave them, never passed to anybody


def inputs(module: types.ModuleType, model: nn.Module, request: dict[str, Any]) -> tuple[tuple, dict]:
    """The module's own inputs on the device, a copy of their own for each caller.

    get_inputs() runs once for all files that were made of one module: it is the same text in each, and slow where the
    inputs are large.
    """
    key = (request["module"], request["seed"], request["device"])
    if key not in _made:
        file = UserFile(module.__file__, os.path.basename(module.__file__))
        made = importer_load.make_inputs(module, file, request["seed"], model)
        _made[key] = importer_load.move_inputs(made, request["device"])
    copies: dict[int, torch.Tensor] = {}

    def copy(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        if id(leaf) not in copies:
            copies[id(leaf)] = importer_load.move_exactly(leaf, request["device"])
        return copies[id(leaf)]

    return pytree.tree_map(copy, _made[key])


def call_of(model: nn.Module, arguments: tuple[tuple, dict]) -> Callable[[], Any]:
    args, kwargs = arguments
    return lambda: model(*args, **kwargs)
