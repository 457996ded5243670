"""Runs an emitted module as a user would and writes what it gave, for the reference process to judge.

Beside the results themselves it makes sure that the kernels ran (not the original code), that a second call works, and
that changed parameters are seen.
"""

from __future__ import annotations

import os
import time
from typing import Any

import torch
from torch import nn
from torch.utils import _pytree as pytree

from drtriton import clock_load
from drtriton.clock_compile import compile_ahead
from drtriton.importer_errors import UserFile
from drtriton.importer_export import register_dataclasses
from drtriton.tensors import TensorWriter

_COMPILE_S = 120.0  # for all kernels together, before the first call compiles those that are missing
_LONG_S = 5.0  # a call that takes longer (under the interpreter) is made once


class CheckFailure(Exception):
    """The emitted module does not do what it should; the text is one sentence."""


def check(request: dict[str, Any]) -> dict[str, Any]:
    """Answers {"fast_path": bool, "why": reason when it did not run}."""
    if request["device"] == "cpu":
        _mend_interpreter()
    module = clock_load.import_file(request["emitted"], os.path.dirname(request["module"]))
    register_dataclasses(module, UserFile(module.__file__, module.__file__))
    with torch.no_grad():
        model = clock_load.construct(module, "ModelNew", request)
        arguments = clock_load.inputs(module, model, request)
        torch.manual_seed(request["seed"])
        guarded = module._drt_guard(model, *arguments)
        if not isinstance(guarded, tuple):
            return {"fast_path": False, "why": guarded}
        if request["device"] != "cpu":
            compile_ahead([module], _COMPILE_S)
        started = time.perf_counter()
        result = model(*arguments[0], **arguments[1])
        _write(request["results"], result, [guarded[position] for position in module._DRT_MUTATED])
        seconds = time.perf_counter() - started
        status = module._DRT_STATUS
        if status["accelerated"] != 1:
            return {"fast_path": False, "why": status["why"]}
        if seconds < _LONG_S:
            _check_again(module, model, request)
    return {"fast_path": True, "why": None}


def _mend_interpreter() -> None:
    from drtriton import interpreter_launch, interpreter_numerics

    interpreter_numerics.install()
    interpreter_launch.install()


def _write(path: str, result: Any, mutated: list[torch.Tensor]) -> None:
    leaves = [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]
    tensors = {f"result:{index}": tensor for index, tensor in enumerate(leaves)}
    tensors |= {f"mutation:{index}": tensor for index, tensor in enumerate(mutated)}
    with TensorWriter(path, list(tensors)) as writer:
        for name, tensor in tensors.items():
            writer.add(name, tensor)


def _check_again(module: Any, model: nn.Module, request: dict[str, Any]) -> None:
    """A later call with a changed parameter gives what the original code gives with it."""
    first = next((p for p in model.parameters() if p.is_floating_point() and p.numel()), None)
    before = _outputs(module, model, request, original=True)
    if first is not None:
        first.mul_(1.5).add_(0.25)
    expected = _outputs(module, model, request, original=True)
    ours = _outputs(module, model, request, original=False)
    for old, new, given in zip(before, expected, ours, strict=True):
        if not new.is_floating_point() or not bool(torch.isfinite(new).all()) or new.numel() == 0:
            continue
        moved = torch.linalg.vector_norm(new.double() - old.double())
        error = torch.linalg.vector_norm(given.double() - new.double())
        if error > 0.05 * torch.linalg.vector_norm(new.double()) and error > 0.5 * moved:
            raise CheckFailure("a later call with other parameter values gives the results of the old ones")


def _outputs(module: Any, model: nn.Module, request: dict[str, Any], original: bool) -> list[torch.Tensor]:
    arguments = clock_load.inputs(module, model, request)
    state = {name: tensor.clone() for name, tensor in model.named_buffers()}
    forward = (lambda *a, **k: module.Model.forward(model, *a, **k)) if original else model
    torch.manual_seed(request["seed"])
    result = forward(*arguments[0], **arguments[1])
    kept = [leaf.clone() for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]
    for name, tensor in model.named_buffers():  # so that each call starts from the same state
        tensor.copy_(state[name])
    return kept
