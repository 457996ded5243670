"""A candidate's module: what it is constructed with, and whose place its parameters and buffers take.

The user's file is run before the candidate's, only for what `get_init_inputs()` gives; the candidate sees neither. Parameters are
matched by name, and where names differ by construction: built under the seed that the user's module was built under, each
parameter that is left must have the dtype, shape and value of exactly one of the candidate's.
"""

from __future__ import annotations

import copy
import gc
import os
import sys
import types
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import _disable_current_modes

from drtriton.candidate import Leaf, Request
from drtriton.candidate_failure import CandidateFailure
from drtriton.candidate_view import give_constants
from drtriton.tensors import value_digest

Arguments = tuple[list[Any], dict[str, Any]]


def constructor_arguments(request: Request) -> Arguments:
    """What the user's get_init_inputs() gives. Call before the candidate's code runs; the file's text is dropped."""
    source, request.module_source = request.module_source, ""
    if request.form != "module" or not source:
        return [], {}
    for folder in (request.source_folder, os.path.dirname(request.module_path)):
        if folder and folder not in sys.path:
            sys.path.insert(0, folder)
    module = types.ModuleType("drtriton_user_module")
    module.__file__ = request.module_path
    sys.modules[module.__name__] = module
    exec(compile(source, request.module_path, "exec", dont_inherit=True), module.__dict__)
    init = getattr(module, "get_init_inputs", None)
    given = init() if callable(init) else []
    del sys.modules[module.__name__], module, init
    gc.collect()
    return ([], dict(given)) if isinstance(given, dict) else (list(given), {})


def construct(request: Request, entry: Callable[..., Any], arguments: Arguments) -> torch.nn.Module:
    """`ModelNew` as the user's module is constructed: same arguments, same seed."""
    positional, named = copy.deepcopy(arguments)
    torch.manual_seed(request.seed)
    model = entry(*positional, **named)
    if not isinstance(model, torch.nn.Module):
        raise CandidateFailure("no_entry", "ModelNew is no torch.nn.Module")
    return model.train(request.training)


# ---- matching ---------------------------------------------------------------------------------------------------------


def match_parameters(model: torch.nn.Module, request: Request, really_constructed: Callable[[], torch.nn.Module]) -> dict[str, str]:
    """The candidate's name for each parameter and buffer of the Program, by the Program's.

    `really_constructed` gives the model with values, where `model` has none.
    """
    wanted = {leaf.target: leaf for leaf in request.inputs if leaf.kind in ("parameter", "buffer")}
    held = _held_tensors(model)
    names = {target: target for target, leaf in wanted.items() if target in held and _fits(held[target], leaf)}
    missing = {target: leaf for target, leaf in wanted.items() if target not in names}
    if missing:
        names |= _match_by_value(missing, names, request, held, really_constructed)
    places: dict[int, str] = {}
    for target, name in names.items():
        other = places.setdefault(id(held[name]), target)
        if other != target:
            raise CandidateFailure("params_unmatched", f"ModelNew has one tensor for the module's {other!r} and {target!r}")
    return names


def _held_tensors(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Parameters and buffers by name, all names of one tensor."""
    return {**dict(model.named_parameters(remove_duplicate=False)), **dict(model.named_buffers(remove_duplicate=False))}


def _fits(tensor: torch.Tensor, leaf: Leaf) -> bool:
    return tuple(tensor.shape) == leaf.shape and tensor.dtype == leaf.dtype


def _match_by_value(missing: dict[str, Leaf], taken: dict[str, str], request: Request, held: dict[str, torch.Tensor],
                    really_constructed: Callable[[], torch.nn.Module]) -> dict[str, str]:
    target, leaf = min(missing.items())
    more = f" ({len(missing)} are missing)" if len(missing) > 1 else ""
    if target in held:
        told = f"ModelNew's {target!r} is {_kind(held[target])}, the module's is {leaf.describe()}{more}"
    else:
        told = f"ModelNew has no parameter or buffer named {target!r}{more}"
    if any(target not in request.digests for target in missing):
        raise CandidateFailure("params_unmatched", told)
    built = _held_tensors(really_constructed())
    used = {id(built[name]) for name in taken.values() if name in built}
    free = {id(tensor): name for name, tensor in reversed(built.items()) if id(tensor) not in used}   # one name of each tensor
    found: dict[str, str] = {}
    for target, leaf in missing.items():
        fitting = [name for name in free.values() if _fits(built[name], leaf) and _digest(built[name]) == request.digests[target]]
        if len(fitting) != 1:
            count = f"{len(fitting)} parameters" if fitting else "no parameter"
            raise CandidateFailure("params_unmatched", f"{told}, and built under the same seed {count} of ModelNew "
                                   f"{'have' if fitting else 'has'} the dtype, shape and value of the module's {target!r}")
        found[target] = fitting[0]
    return found


def _digest(tensor: torch.Tensor) -> str:
    with _disable_current_modes(), torch.no_grad():
        return value_digest(tensor)


def _kind(tensor: torch.Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def bind_parameters(model: torch.nn.Module, request: Request, names: dict[str, str], tensors: dict[int, torch.Tensor],
                    device_index: int) -> None:
    """Puts the fragment's own tensors in the place of the model's parameters and buffers, as `match_parameters` named them.

    `tensors` holds one for each leaf. Two names of one tensor (tied weights) get the same one; a constant of the Program
    that the model holds as a plain attribute of the same name is matched too.
    """
    leaves = {names[leaf.target]: leaf for leaf in request.inputs if leaf.kind in ("parameter", "buffer")}
    placed: dict[int, torch.Tensor] = {}  # by identity of what stood there before
    held = []
    # First those that are named, so that a tied name that comes before them meets its place.
    for tied in (False, True):
        for part_name, part in model.named_modules(remove_duplicate=False):
            for table in (part._parameters, part._buffers):
                for name, old in table.items():
                    full = f"{part_name}.{name}" if part_name else name
                    if old is None or (id(old) not in placed if tied else full not in leaves or id(old) in placed):
                        continue
                    if not tied:
                        new = tensors[leaves[full].value]
                        placed[id(old)] = torch.nn.Parameter(new, old.requires_grad) if table is part._parameters else new
                        held.append(old)
                    table[name] = placed[id(old)]
    for part in model.modules():
        if isinstance(part, torch.nn.RNNBase):  # it keeps its weights in a list too
            part._flat_weights = [getattr(part, name, None) for name in part._flat_weights_names]
    constants = {leaf.target: tensors[leaf.value] for leaf in request.inputs if leaf.kind == "constant"}
    for name, tensor in constants.items():
        _bind_constant(model, name, tensor)
    give_constants(sys.modules[type(model).__module__], constants, device_index)


def buffers_by_target(model: torch.nn.Module, names: dict[str, str]) -> dict[str, torch.Tensor]:
    """What the module's buffers hold now, by the Program's names."""
    held = dict(model.named_buffers(remove_duplicate=False))
    return {target: held[name] for target, name in names.items() if name in held}


def _bind_constant(model: torch.nn.Module, target: str, tensor: torch.Tensor) -> None:
    *path, name = target.split(".")
    part: Any = model
    for step in path:
        part = getattr(part, step, None)
    if isinstance(getattr(part, name, None), torch.Tensor) and not isinstance(getattr(part, name), torch.nn.Parameter):
        setattr(part, name, tensor)
