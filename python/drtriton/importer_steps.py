"""The steps of an import in their order: load the file, export it, make it for real, run it, write what came out."""

from __future__ import annotations

import dataclasses
import json
import os
import types
from collections.abc import Callable

import torch

from drtriton.importer_errors import ModuleProblem, TimeLimit, UserFile
from drtriton.importer_export import Exporter
from drtriton.importer_load import forget, load_module, make_inputs, make_model, move_inputs
from drtriton.importer_program import Imported
from drtriton.importer_reduce import other_batch, reduced_inputs
from drtriton.importer_run import Recorder, add_format, require_tensors, value_leaves
from drtriton.tensors import value_digest

Arguments = tuple[tuple, dict]


@dataclasses.dataclass
class Steps:
    """One import: what was asked for and what the steps so far have made."""

    file: UserFile
    request: dict
    enter: Callable[[str], None]
    module: types.ModuleType
    exporter: Exporter
    model: torch.nn.Module | None = None
    arguments: Arguments = ((), {})
    digests: dict[str, str] = dataclasses.field(default_factory=dict)   # of parameters and buffers, when asked for


def import_module(file: UserFile, request: dict, enter: Callable[[str], None]) -> dict:
    """Imports the module that `request` (see importer.py) names; returns the files written."""
    with torch.no_grad():
        steps = _load(file, request, enter)
        imported = _export_without_data(steps)
        has_device = request["device"] == "cpu" or torch.cuda.is_available()
        if not has_device and imported is not None:
            return _write(request["folder"], imported, None, ran=False)
        try:
            return _run(steps, imported, has_device)
        except Exception as error:
            if not has_device or "FakeTensor" not in f"{type(error).__name__} {error}":
                raise
        # The module kept something that it made without data (a cache). Start again, and let another instance fill
        # such caches with real tensors before anything is exported.
        forget(steps.module, file)
        steps = _load(file, request, enter)
        _make_for_real(steps, has_device)
        enter("running")
        steps.model(*steps.arguments[0], **steps.arguments[1])
        return _run(steps, None, has_device)


def _load(file: UserFile, request: dict, enter: Callable[[str], None]) -> Steps:
    enter("importing")
    module = load_module(file)
    exporter = Exporter(file, module, request, run_context(request["training"]))
    return Steps(file, request, enter, module, exporter)


def run_context(training: bool) -> dict:
    """The user's flags; read after importing the file, which may set them."""
    matmul = torch.backends.cuda.matmul
    return {
        "training": training,
        "matmul_tf32": _flag(matmul, "allow_tf32"),
        "cudnn_tf32": _flag(torch.backends.cudnn, "allow_tf32"),
        "reduced_precision_bf16": _flag(matmul, "allow_bf16_reduced_precision_reduction"),
        "reduced_precision_fp16": _flag(matmul, "allow_fp16_reduced_precision_reduction"),
    }


def _flag(owner: object, name: str) -> bool:
    try:
        value = getattr(owner, name)
    except RuntimeError:  # the older flag cannot be read where the newer `fp32_precision` was set
        return getattr(owner, "fp32_precision", "ieee") == "tf32"
    return bool(value[0] if isinstance(value, tuple) else value)


def _export_without_data(steps: Steps) -> Imported | None:
    steps.enter("exporting")
    try:
        return steps.exporter.under_fake_tensors()
    except TimeLimit:
        raise
    except BaseException:  # whatever it is: where the module is at fault, making it for real says so
        return None


def value_digests(model: torch.nn.Module) -> dict[str, str]:
    """Of parameters and buffers by name, so that a candidate that names its own otherwise can be matched."""
    held = [*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False)]
    return {name: value_digest(tensor) for name, tensor in held if not torch.nn.parameter.is_lazy(tensor)}


def _make_for_real(steps: Steps, has_device: bool) -> None:
    request = steps.request
    steps.enter("constructing")
    steps.model = make_model(steps.module, steps.file, request["seed"], request["training"])
    if request.get("digests"):
        steps.digests = value_digests(steps.model)
    steps.enter("get_inputs")
    steps.arguments = make_inputs(steps.module, steps.file, request["seed"], steps.model)
    if has_device and request["device"] != "cpu":
        steps.model.to(request["device"])
        steps.arguments = move_inputs(steps.arguments, request["device"])


def _run(steps: Steps, imported: Imported | None, has_device: bool) -> dict:
    request, folder = steps.request, steps.request["folder"]
    _make_for_real(steps, has_device)
    if imported is None:
        imported = _export_for_real(steps, has_device)
        if not has_device:
            return _write(folder, imported, None, ran=False)
    reduced = None
    if request["device"] == "cpu" and imported.flops > request["max_cpu_flops"]:
        reduced = _reduce(steps, imported)
    steps.enter("running")
    ran = reduced or imported
    path = os.path.join(folder, "reduced.tensors" if reduced else "values.tensors")
    recorder = Recorder(steps.file, ran, steps.model, steps.arguments)
    recorder.record(path, request["seed"])
    if reduced:
        _copy_findings(reduced, imported, recorder.formats)
    other = _at_other_batch(steps, imported) if request.get("other_batch") and not reduced else {}
    return {**_write(folder, imported, reduced, ran=True), **other, "digests": steps.digests}


def _export_for_real(steps: Steps, has_device: bool) -> Imported:
    """Exports the real module; where that fails, a call shows first whether the module itself is at fault."""
    steps.enter("exporting")
    try:
        return steps.exporter.for_real(steps.model, steps.arguments)
    except ModuleProblem:
        if has_device:
            steps.enter("running")
            torch.manual_seed(steps.request["seed"])
            require_tensors(steps.model(*steps.arguments[0], **steps.arguments[1]), steps.file)
        raise


def _reduce(steps: Steps, imported: Imported) -> Imported | None:
    """Replaces the arguments by smaller ones that the module takes; None, and the arguments kept, where none fit."""
    steps.enter("exporting")
    for arguments in reduced_inputs(steps.arguments):
        try:
            reduced = steps.exporter.for_real(steps.model, arguments, with_dynamo=False)
        except ModuleProblem:
            continue
        if reduced.flops < imported.flops and len(reduced.result_ids) == len(imported.result_ids):
            steps.arguments = arguments
            return reduced
    return None


def _at_other_batch(steps: Steps, imported: Imported) -> dict:
    """The module once more at another batch size, where it runs with one: its Program and values there."""
    changed = other_batch(steps.arguments)
    if changed is None:
        return {}
    arguments, rows, other_rows = changed
    folder, seed = steps.request["folder"], steps.request["seed"]
    try:
        other = steps.exporter.for_real(steps.model, arguments, with_dynamo=False)
        if len(other.result_ids) != len(imported.result_ids):
            return {}
        Recorder(steps.file, other, steps.model, arguments).record(os.path.join(folder, "other.tensors"), seed)
    except TimeLimit:
        raise
    except Exception:  # whatever it is: the module is one for its own batch size
        return {}
    _write_json(os.path.join(folder, "other_program.json"), other.json)
    return {"other_program": "other_program.json", "other_tensors": "other.tensors", "rows": rows, "other_rows": other_rows}


def _copy_findings(source: Imported, target: Imported, formats: list[str | None]) -> None:
    """What shares memory and how results lie is so at every size; the two Programs number their values differently."""
    by_name = {value["name"]: index for index, value in enumerate(target.json["values"])}
    leaves = zip(value_leaves(source.json["result"]), value_leaves(target.json["result"]), formats)
    for from_leaf, to_leaf, name in leaves:
        if name:
            add_format(target.json, to_leaf, name)
        if "alias_of" in from_leaf:
            owner = source.json["values"][from_leaf["alias_of"]]["name"]
            if owner in by_name:
                to_leaf["alias_of"] = by_name[owner]


def _write(folder: str, imported: Imported, reduced: Imported | None, ran: bool) -> dict:
    """Writes the Programs; names them and the tensor file of the one that ran."""
    done: dict[str, str | None] = {
        "program": "program.json",
        "tensors": None,
        "reduced_program": None,
        "reduced_tensors": None,
    }
    _write_json(os.path.join(folder, "program.json"), imported.json)
    if reduced:
        _write_json(os.path.join(folder, "reduced_program.json"), reduced.json)
        done.update(reduced_program="reduced_program.json", reduced_tensors="reduced.tensors")
    elif ran:
        done["tensors"] = "values.tensors"
    return done


def _write_json(path: str, value: dict) -> None:
    with open(path, "w") as out:
        json.dump(value, out)
