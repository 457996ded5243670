"""Runs a module for real and records it: leaves and inputs before the call, results and mutations after it.

What only a real run shows goes into the Program: which results share memory with what, and the strides that the kernels
really gave.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensor
from torch.utils import _pytree as pytree

from drtriton.importer_errors import ModuleProblem, UserFile
from drtriton.importer_export import find_attribute
from drtriton.importer_program import Imported
from drtriton.tensors import TensorWriter


class Recorder:
    """One real call of `model` beside the Program it was imported as."""

    def __init__(self, file: UserFile, imported: Imported, model: nn.Module, arguments: tuple[tuple, dict]):
        self._file = file
        self._program = imported.json
        self._imported = imported
        self._model = model
        self._arguments = arguments
        self._leaves = self._find_leaves()
        # For each result, the memory format that add_format() gave it.
        self.formats: list[str | None] = []

    def record(self, path: str, seed: int) -> None:
        """Writes the tensor file at `path` and completes the Program (`alias_of`, strides)."""
        names = (
            [value["name"] for value in self._program["values"] if value["kind"] != "node"]
            + [f"result:{index}" for index in range(len(self._imported.result_ids))]
            + [f"mutation:{index}" for index in range(len(self._program["mutations"]))]
        )
        with TensorWriter(path, names) as writer:
            for index, tensor in self._leaves.items():
                self._check(index, tensor, "has")
                writer.add(self._program["values"][index]["name"], tensor)
            self._refuse_shared_mutations()
            before = self._storages()
            torch.manual_seed(seed)
            worker = os.getpid()
            result = self._model(*self._arguments[0], **self._arguments[1])
            if os.getpid() != worker:  # a process that the module forked may not write the worker's file
                os._exit(0)
            if self._program["device"] == "cuda":
                torch.cuda.synchronize()  # a kernel's failure is forward()'s, not that of whoever reads the result
            tensors = self._result_tensors(result)
            self._add_aliases(tensors, before)
            for index, (leaf, tensor) in enumerate(zip(value_leaves(self._program["result"]), tensors, strict=True)):
                self.formats.append(self._follow_strides(leaf, tensor))
                self._check(leaf["value"], tensor, "gave")
                writer.add(f"result:{index}", tensor)
            for index, mutation in enumerate(self._program["mutations"]):
                writer.add(f"mutation:{index}", self._after(mutation["target"]))

    def _find_leaves(self) -> dict[int, torch.Tensor]:
        leaves = {}
        given = [
            leaf for leaf in ordered_leaves(self._arguments, self._imported.in_spec) if isinstance(leaf, torch.Tensor)
        ]
        inputs = dict(zip(self._imported.input_ids, given, strict=True))
        for index, value in enumerate(self._program["values"]):
            if value["kind"] == "input":
                leaves[index] = inputs[index]
            elif value["kind"] != "node":
                leaves[index] = self._stored(value)
        return leaves

    def _stored(self, value: dict) -> torch.Tensor:
        constant = self._imported.constants.get(value["target"]) if value["kind"] == "constant" else None
        if constant is None or isinstance(constant, FakeTensor):
            constant = find_attribute(self._model, value["target"])
        if constant is None:
            raise ModuleProblem(f"{self._file.shown}: the module made for real has no tensor {value['target']}")
        return constant

    def _after(self, target: int) -> torch.Tensor:
        value = self._program["values"][target]
        return self._leaves[target] if value["kind"] == "input" else self._stored(value)

    def _check(self, index: int, tensor: torch.Tensor, verb: str) -> None:
        """Dtype and shape have to be those of the export; the strides of the real tensor count."""
        value = self._program["values"][index]
        dtype = str(tensor.dtype).removeprefix("torch.")
        if dtype != value["dtype"] or list(tensor.shape) != value["shape"]:
            raise ModuleProblem(
                f"{self._file.shown}: the module {verb} {value['name']} as {dtype} {list(tensor.shape)} when run "
                f"and as {value['dtype']} {value['shape']} when exported"
            )
        value["strides"] = list(tensor.stride())

    def _follow_strides(self, leaf: dict, tensor: torch.Tensor) -> str | None:
        """Where the module took another way when run (attention's fast path), results may lie otherwise in memory."""
        value = self._program["values"][leaf["value"]]
        if value["strides"] == list(tensor.stride()) or value["kind"] != "node" or "alias_of" in leaf:
            return None
        name = memory_format(tensor)
        if name:
            add_format(self._program, leaf, name)
        return name

    def _result_tensors(self, result: Any) -> list[torch.Tensor]:
        require_tensors(result, self._file)
        leaves, spec = pytree.tree_flatten(result)
        tensors = [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]
        if spec != self._imported.out_spec or len(tensors) != len(self._imported.result_ids):
            raise ModuleProblem(f"{self._file.shown}: forward() returned another structure when run than when exported")
        device = self._program["device"]
        for tensor in tensors:
            if tensor.device.type != device or tensor.layout is not torch.strided:
                raise ModuleProblem(
                    f"{self._file.shown}: forward() returns a tensor of layout {tensor.layout} on "
                    f"{tensor.device}; only dense tensors on {device} can be carried"
                )
        return tensors

    # Shared memory.

    def _storages(self) -> dict[int, int]:
        """For each storage in use, the leaf it belongs to; inputs come first."""
        storages: dict[int, int] = {}
        for index, tensor in self._leaves.items():
            if tensor.untyped_storage().nbytes():
                storages.setdefault(tensor.untyped_storage().data_ptr(), index)
        return storages

    def _refuse_shared_mutations(self) -> None:
        """A Program's inputs are apart; writing to one that another shares memory with cannot be expressed."""
        mutated = {mutation["target"] for mutation in self._program["mutations"]}
        owners: dict[int, int] = {}
        for index, tensor in self._leaves.items():
            owner = owners.setdefault(tensor.untyped_storage().data_ptr(), index)
            if owner != index and tensor.numel() and mutated & {owner, index}:
                names = [self._program["values"][each]["name"] for each in (owner, index)]
                raise ModuleProblem(
                    f"{self._file.shown}: forward() writes to {names[0]} or {names[1]}, which share memory"
                )

    def _add_aliases(self, tensors: list[torch.Tensor], storages: dict[int, int]) -> None:
        storages = dict(storages)
        for mutation in self._program["mutations"]:  # a buffer that was assigned anew
            tensor = self._after(mutation["target"])
            if tensor.untyped_storage().nbytes():
                storages.setdefault(tensor.untyped_storage().data_ptr(), mutation["target"])
        for index, (leaf, tensor) in enumerate(zip(value_leaves(self._program["result"]), tensors, strict=True)):
            storage = tensor.untyped_storage()
            if not storage.nbytes():
                continue
            owner = storages.setdefault(storage.data_ptr(), -1 - index)
            if owner >= 0:
                leaf["alias_of"] = owner
            elif owner != -1 - index:
                leaf["alias_of"] = self._imported.result_ids[-1 - owner]


_FORMATS = {"contiguous_format": None, "channels_last": 4, "channels_last_3d": 5}


def memory_format(tensor: torch.Tensor) -> str | None:
    """The memory format that gives exactly the tensor's strides, if one does."""
    for name, rank in _FORMATS.items():
        if rank in (None, tensor.dim()):
            like = torch.empty(tensor.shape, device="meta", memory_format=getattr(torch, name))
            if like.stride() == tensor.stride():
                return name
    return None


def add_format(program: dict, leaf: dict, name: str) -> None:
    """Lets a result be a clone of its value in another memory format."""
    source = program["values"][leaf["value"]]
    clone = torch.ops.aten.clone.default
    like = torch.empty(source["shape"], device="meta", memory_format=getattr(torch, name))
    program["nodes"].append(
        {
            "op": str(clone),
            "args": [{"v": leaf["value"]}, {"memory_format": name}],
            "outputs": [len(program["values"])],
            "schema": str(clone._schema),
        }
    )
    program["values"].append(
        {
            "name": f"{source['name']}_{name}_{len(program['values'])}",
            "dtype": source["dtype"],
            "shape": source["shape"],
            "strides": list(like.stride()),
            "kind": "node",
            "node": len(program["nodes"]) - 1,
            "output": 0,
        }
    )
    leaf["value"] = len(program["values"]) - 1


def require_tensors(result: Any, file: UserFile) -> None:
    """Refuses a result of forward() that holds something that no Program can return."""
    for leaf in pytree.tree_leaves(result):
        if not isinstance(leaf, (torch.Tensor, bool, int, float, str, type(None))):
            raise ModuleProblem(
                f"{file.shown}: forward() returns a value of type {type(leaf).__name__}; tensors, numbers and "
                "None in lists, tuples, dicts, named tuples and dataclasses can be carried"
            )


def value_leaves(tree: dict) -> Iterator[dict]:
    """The tensor leaves of a tree (docs/formats.md), left to right."""
    if "value" in tree:
        yield tree
    for child in tree.get("list", []) + tree.get("tuple", []):
        yield from value_leaves(child)
    for _, child in tree.get("dict", []):
        yield from value_leaves(child)


def ordered_leaves(arguments: tuple[tuple, dict], in_spec: pytree.TreeSpec) -> list:
    """Leaves of the arguments in the exported order: keywords come in the order of forward()'s parameters."""
    order = in_spec.children()[1].context
    return pytree.tree_leaves((arguments[0], {name: arguments[1][name] for name in order}))
