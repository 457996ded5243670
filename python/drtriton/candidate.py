"""What the recorder and the interpreter share about a candidate: its request, its source, its arguments and its results.

A candidate comes in two forms: `launch(*inputs) -> tuple` (one tensor a fragment input, one a fragment result) or a
module file with `ModelNew`, called as the user's module is.
"""

from __future__ import annotations

import errno
import importlib.util
import os
import sys
import traceback
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch

from drtriton.candidate_failure import CandidateFailure
from drtriton.candidate_view import candidate_builtins


@dataclass(frozen=True)
class Leaf:
    """A value of the fragment, as the Program states it."""

    value: int
    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    kind: str
    target: str

    def describe(self) -> str:
        return f"{str(self.dtype).removeprefix('torch.')}{list(self.shape)}"


@dataclass
class Request:
    """One candidate, from the farm's JSON (src/compile/request.cc)."""

    form: str
    source: str
    source_name: str
    source_folder: str
    module_path: str
    strict: bool
    max_alternatives: int
    device: dict[str, Any]
    program: dict[str, Any]
    module_source: str            # the text of `module_path`, until it was run
    seed: int
    digests: dict[str, str]       # of the module's parameters and buffers, by name (tensors.value_digest)
    leaves: dict[int, Leaf] = field(default_factory=dict)

    @staticmethod
    def from_json(json: dict[str, Any]) -> Request:
        request = Request(json["form"], json["source"], json["source_name"], json["source_folder"], json["module_path"],
                          json["strict"], json["max_alternatives"], json["device"], json["program"],
                          json.pop("module_source", ""), json.get("seed", 0), json.get("digests", {}))
        for index, value in enumerate(request.program["values"]):
            if value is not None:
                request.leaves[index] = Leaf(index, value["name"], getattr(torch, value["dtype"]), tuple(value["shape"]),
                                             tuple(value["strides"]), value["kind"], value.get("target", ""))
        return request

    @property
    def inputs(self) -> list[Leaf]:
        return [self.leaves[value] for value in self.program["inputs"]]

    @property
    def results(self) -> list[Leaf]:
        return [self.leaves[value] for value in self.program["results"]]

    @property
    def training(self) -> bool:
        return bool(self.program["context"]["training"])


def where(error: BaseException, folder: str) -> str:
    """" (candidate.py, line 12)" for the deepest frame in a file below `folder`, else nothing."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(folder + os.sep):
            return f" ({os.path.basename(frame.filename)}, line {frame.lineno})"
    return ""


def first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def load_source(request: Request, folder: str, as_user: bool = False) -> types.ModuleType:
    """Imports the candidate's text from a file in `folder`: Triton reads kernels from their file.

    Unless `as_user`, it sees of Python what candidate_view.py shows.
    """
    name = os.path.basename(request.source_name) or "candidate.py"
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(request.source)
    try:
        code = compile(request.source, path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise CandidateFailure("syntax", f"{name}{f', line {line}' if line else ''}: {getattr(error, 'msg', error)}") from None
    for extra in (request.source_folder, os.path.dirname(request.module_path)):
        if extra and extra not in sys.path:
            sys.path.insert(0, extra)
    module = types.ModuleType("drtriton_candidate")
    module.__file__ = path
    module.__spec__ = importlib.util.spec_from_file_location(module.__name__, path)
    if not as_user:
        module.__dict__["__builtins__"] = candidate_builtins()
    sys.modules[module.__name__] = module
    run_candidate(lambda: exec(code, module.__dict__), "import_error", "importing the candidate", folder)
    return module


# What the system answers where isolation forbids something.
_REFUSED = (errno.EPERM, errno.EACCES, errno.EROFS, errno.ENETUNREACH)


def run_candidate(call: Callable[[], Any], code: str, doing: str, folder: str) -> Any:
    """Calls code of the candidate; whatever it raises becomes a CandidateFailure."""
    try:
        return call()
    except (CandidateFailure, MemoryError):
        raise
    except SystemExit as error:
        raise CandidateFailure("forbidden", f"{doing} called sys.exit({error.code!r})") from None
    except BaseException as error:
        failure = failure_behind(error)
        if failure is not None:
            raise failure from None
        if "DefaultCPUAllocator" in str(error) or "std::bad_alloc" in str(error):
            raise CandidateFailure("out_of_memory", f"{doing} exceeded the limit of memory") from None
        if isinstance(error, OSError) and error.errno in _REFUSED:
            code = "forbidden"
        raise CandidateFailure(code, f"{doing} raised {first_line(error)}{where(error, folder)}") from error


def failure_behind(error: BaseException | None) -> CandidateFailure | None:
    """A CandidateFailure that other exceptions were wrapped around."""
    for _ in range(32):
        if error is None or isinstance(error, CandidateFailure):
            return error
        error = error.__cause__ or error.__context__
    return None


def find_entry(module: types.ModuleType, request: Request) -> Callable[..., Any]:
    if request.form == "launch":
        entry, wanted = getattr(module, "launch", None), "launch(*inputs)"
    else:
        entry, wanted = getattr(module, "ModelNew", None), "class ModelNew"
    if not callable(entry):
        raise CandidateFailure("no_entry", f"{os.path.basename(request.source_name)} defines no {wanted}")
    return entry


# ---- arguments of a module; its construction and parameters are in candidate_model.py ----------------------------------


def forward_arguments(request: Request, tensors: dict[int, torch.Tensor]) -> tuple[list[Any], dict[str, Any]]:
    """The arguments of forward(), as the Program's `arguments` tree arranges them."""
    built = build_tree(request.program["arguments"], tensors)
    return ([], built) if isinstance(built, dict) else (list(built), {})


def build_tree(tree: dict[str, Any], tensors: dict[int, torch.Tensor]) -> Any:
    if "value" in tree:
        return tensors[tree["value"]]
    if "literal" in tree:
        return literal(tree["literal"])
    if "list" in tree:
        return [build_tree(child, tensors) for child in tree["list"]]
    if "tuple" in tree:
        return _as_class(tree, tuple(build_tree(child, tensors) for child in tree["tuple"]))
    return _as_class(tree, {key: build_tree(child, tensors) for key, child in tree["dict"]})


def _as_class(tree: dict[str, Any], plain: Any) -> Any:
    if not tree.get("class"):
        return plain
    module, name = tree["class"].split(":")
    kind = getattr(importlib.import_module(module), name)
    return kind(**plain) if isinstance(plain, dict) else kind(*plain)


def literal(json: Any) -> Any:
    """An attribute of docs/formats.md that stands for a Python constant."""
    if isinstance(json, dict):
        if "float" in json:
            return float(json["float"])
        if "dtype" in json:
            return getattr(torch, json["dtype"])
        if "device" in json:
            return torch.device(json["device"])
        return json.get("str")
    return [literal(item) for item in json] if isinstance(json, list) else json


# ---- results --------------------------------------------------------------------------------------------------------


def match_tree(tree: dict[str, Any], output: Any, path: str = "the result") -> Iterator[tuple[int, Any]]:
    """(value, what the candidate returned for it) for each leaf of the Program's result tree."""
    if "value" in tree:
        yield tree["value"], output
    elif "literal" in tree:
        return
    elif "dict" in tree:
        for key, child in tree["dict"]:
            try:
                item = output[key]
            except (KeyError, TypeError, IndexError):
                raise CandidateFailure("wrong_result_count", f"{path} has no member {key!r}") from None
            yield from match_tree(child, item, f"{path}[{key!r}]")
    else:
        children = tree.get("list", tree.get("tuple"))
        if not isinstance(output, (list, tuple)) or len(output) != len(children):
            have = f"{len(output)} items" if isinstance(output, (list, tuple)) else type(output).__name__
            raise CandidateFailure("wrong_result_count", f"{path} has {have}, not {len(children)} items")
        for index, (child, item) in enumerate(zip(children, output)):
            yield from match_tree(child, item, f"{path}[{index}]")


def module_results(request: Request, output: Any, mutated: Callable[[Leaf], Any]) -> list[Any]:
    """One tensor a fragment result: leaves of the result tree, then what `mutated` inputs and buffers hold now."""
    found: dict[int, Any] = {}
    for value, tensor in match_tree(request.program["result"], output):
        found.setdefault(value, tensor)
    for mutation in request.program["mutations"]:
        found.setdefault(mutation["value"], mutated(request.leaves[mutation["target"]]))
    return [found[leaf.value] for leaf in request.results]


def launch_results(request: Request, output: Any) -> list[Any]:
    results = list(output) if isinstance(output, (list, tuple)) else [output]
    if len(results) != len(request.results):
        raise CandidateFailure("wrong_result_count", f"launch returned {len(results)} results, not {len(request.results)}")
    return results


def check_result(index: int, tensor: Any, leaf: Leaf) -> None:
    """Raises unless the tensor has the dtype, shape and strides that the Program states."""
    what = f"result {index} ({leaf.name})"
    if not isinstance(tensor, torch.Tensor):
        raise CandidateFailure("wrong_result_count", f"{what} is {type(tensor).__name__}, not a tensor")
    if tuple(tensor.shape) != leaf.shape:
        raise CandidateFailure("wrong_result_shape", f"{what} has shape {list(tensor.shape)}, not {list(leaf.shape)}")
    if tensor.dtype != leaf.dtype:
        have, want = (str(dtype).removeprefix("torch.") for dtype in (tensor.dtype, leaf.dtype))
        raise CandidateFailure("wrong_result_dtype", f"{what} is {have}, not {want}")
    if 0 not in leaf.shape and any(size > 1 and have != want
                                   for size, have, want in zip(leaf.shape, tensor.stride(), leaf.strides)):
        raise CandidateFailure("wrong_result_strides",
                               f"{what} has strides {list(tensor.stride())}, not {list(leaf.strides)}")
