"""Exports a module: torch.export to functional ATen operators, composite ones (linear, layer_norm, softmax) kept whole.

Three ways, tried in order. Under fake tensors nothing is computed and no memory is needed; that covers nearly every
module. Where a constructor reads a tensor's value (`.item()`) or keeps a tensor whose data is needed, the module made
for real is exported, and last the same through TorchDynamo (strict).
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import types
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode
from torch.utils import _pytree as pytree

from drtriton.importer_composites import taken_apart
from drtriton.importer_errors import ModuleProblem, UserFile, first_line
from drtriton.importer_load import make_inputs, make_model, move_fake_model
from drtriton.importer_mends import mended_construction, mended_export
from drtriton.importer_program import Imported, ProgramBuilder


def warm_up() -> None:
    """Exports something tiny, so that what PyTorch imports on the way is there."""
    torch.export.export(nn.ReLU(), (torch.zeros(1),), strict=False)


class ExportFailed(Exception):
    """torch.export refused; `error` is what it raised."""

    def __init__(self, error: Exception):
        super().__init__(str(error))
        self.error = error


class Exporter:
    """Exports one user's module for one device."""

    def __init__(self, file: UserFile, module: types.ModuleType, request: dict, context: dict):
        self._file = file
        self._module = module
        self._device: str = request["device"]
        self._seed: int = request["seed"]
        self._training: bool = request["training"]
        self._context = context

    def under_fake_tensors(self) -> Imported:
        """Constructs and exports without data. Any failure is the caller's reason to go on to `for_real`."""
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        with mode:
            with mended_construction():
                model = make_model(self._module, self._file, self._seed, self._training)
            arguments = make_inputs(self._module, self._file, self._seed, model)
            if self._device != "cpu":
                move_fake_model(model, self._device)
        return self._build(self._export(model, _without_data(arguments, self._device, mode), strict=False))

    def for_real(self, model: nn.Module, arguments: tuple[tuple, dict], with_dynamo: bool = True) -> Imported:
        """Exports a module that was made for real (no memory beyond its own). Raises ModuleProblem with the reason.

        Where the target is a GPU that is not there, the module's parameters are replaced by fake ones on it.
        """
        mode = FakeTensorMode(allow_non_fake_inputs=True)
        if self._device == "cuda" and not torch.cuda.is_available():
            with mode:
                move_fake_model(model, self._device)
        arguments = _without_data(arguments, self._device, mode)
        try:
            return self._build(self._export(model, arguments, strict=False))
        except ExportFailed as failure:
            first = failure.error
        if with_dynamo and not isinstance(first, GuardOnDataDependentSymNode):
            with contextlib.suppress(ExportFailed):  # the first reason speaks of the user's lines
                return self._build(self._export(model, arguments, strict=True))
        raise ModuleProblem(self._reason(first)) from first

    def _export(self, model: nn.Module, arguments: tuple[tuple, dict], strict: bool) -> torch.export.ExportedProgram:
        register_dataclasses(self._module, self._file)
        try:
            with mended_export(self._device):
                exported = torch.export.export(model, arguments[0], arguments[1], strict=strict)
                exported = exported.run_decompositions(taken_apart())
        except Exception as error:
            raise ExportFailed(error) from error
        for target, constant in exported.constants.items():
            if isinstance(constant, FakeTensor) and find_attribute(model, target) is None:
                raise ExportFailed(RuntimeError(f"the data of the constant {target} is not known"))
        return exported

    def _build(self, exported: torch.export.ExportedProgram) -> Imported:
        return ProgramBuilder(exported, self._file, self._module.__name__, self._device, self._context).build()

    def _reason(self, error: Exception) -> str:
        if isinstance(error, GuardOnDataDependentSymNode):
            return f"{self._file.at(error)}: forward() has control flow on values of a tensor"
        return f"{self._file.at(error)}: forward() cannot be exported: {type(error).__name__}: {first_line(error)}"


def _without_data(arguments: tuple[tuple, dict], device: str, mode: FakeTensorMode) -> tuple[tuple, dict]:
    """Fake tensors like the arguments, each of its own: torch.export takes a tensor passed twice for one argument."""

    def fake(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor):
            return leaf
        return torch.empty_strided(leaf.shape, leaf.stride(), dtype=leaf.dtype, device=device)

    with mode:
        return pytree.tree_map(fake, arguments)


def find_attribute(model: nn.Module, target: str) -> torch.Tensor | None:
    """The tensor at a dotted path of attributes, or None."""
    found: Any = model
    for name in target.split("."):
        found = getattr(found, name, None)
    return found if isinstance(found, torch.Tensor) else None


def register_dataclasses(module: types.ModuleType, file: UserFile) -> None:
    """Makes the dataclasses that the user's file and its siblings define known to torch.export, as results."""
    own = {module.__name__} | {
        name
        for name, loaded in list(sys.modules.items())
        if os.path.dirname(getattr(loaded, "__file__", None) or "") == file.folder
    }
    for value in list(vars(module).values()):
        if (
            isinstance(value, type)
            and dataclasses.is_dataclass(value)
            and value.__module__ in own
            and value not in pytree.SUPPORTED_NODES
        ):
            torch.export.register_dataclass(value)
