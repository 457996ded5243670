"""Runs a candidate on real data under Triton's interpreter, for machines without a GPU. Called in a fork.

The candidate believes its tensors are on a GPU; they are in host memory. The same operators are allowed beside its
kernels as when it is recorded (operator_rules.py). Fresh memory holds NaN, so that what no kernel wrote shows.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from triton.runtime.errors import InterpreterError

from drtriton import autotune_choice, candidate_view, cuda_stub, interpreter_launch, interpreter_memory, interpreter_numerics, recorder_driver
from drtriton.candidate import (Leaf, Request, check_result, find_entry, forward_arguments, launch_results, load_source,
                                module_results, run_candidate)
from drtriton.candidate_failure import CandidateFailure
from drtriton.candidate_model import bind_parameters, buffers_by_target, construct, constructor_arguments, match_parameters
from drtriton.operator_rules import Rule, rule_of
from drtriton.replay import Replay, kernel_failure
from drtriton.tensors import read_tensors, value_bytes, write_tensors
from drtriton.worker_server import Answer

_OUTPUTS = "outputs.tensors"


def interpret(json: dict[str, Any]) -> Answer:
    """The farm's request -> `outputs.tensors` with "result0", "result1", ..."""
    request = Request.from_json(json["candidate"])
    given = list(read_tensors(json["inputs"]).values())
    if len(given) != len(request.inputs):
        raise CandidateFailure("internal", f"{len(given)} tensors were given for {len(request.inputs)} inputs")
    torch.manual_seed(json.get("seed", 0))
    if json.get("plan") is not None:
        results = replayed(json, request, given)
    else:
        tensors = {leaf.value: tensor for leaf, tensor in zip(request.inputs, given)}
        results = Interpreter(request, os.getcwd()).run(tensors)
    write_tensors(_OUTPUTS, {f"result{index}": tensor for index, tensor in enumerate(results)})
    with open(_OUTPUTS, "rb") as file:
        return Answer({}, {_OUTPUTS: memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))})


def replayed(json: dict[str, Any], request: Request, given: list[torch.Tensor]) -> list[torch.Tensor]:
    """What the plan computes, whatever was in the memory that it allocates."""
    replay = Replay(json["plan"], request)
    poisons = json.get("poisons") or [255]
    with torch.no_grad():
        results = replay.run(given, poisons[0])
        for index, (tensor, leaf) in enumerate(zip(results, request.results)):
            check_result(index, tensor, leaf)
        for poison in poisons[1:]:
            for index, (first, again) in enumerate(zip(results, replay.run(given, poison))):
                if not torch.equal(value_bytes(first), value_bytes(again)):
                    raise CandidateFailure("unwritten", f"result {index} depends on what is in memory that no step of the candidate wrote")
    return results


class Interpreter:
    """Runs one candidate; `folder` is its scratch."""

    def __init__(self, request: Request, folder: str):
        self.request = request
        self._folder = folder
        self._rules = RulesMode(request.strict)

    def run(self, tensors: dict[int, torch.Tensor]) -> list[torch.Tensor]:
        for tensor in tensors.values():
            interpreter_memory.note(tensor)
        cuda_stub.install(self.request.device)
        recorder_driver.install(recorder_driver.LaunchLog(lambda _: None), self.request.device)
        autotune_choice.install(autotune_choice.Choices())
        if "_DRT_INTERPRETED" not in self.request.source:   # a file of our own asks for the interpreter in earnest
            interpreter_launch.install_for_candidate()
        candidate_view.hide_modes(self._folder)
        with torch.no_grad(), DeviceMode() as device:
            self._arguments = constructor_arguments(self.request)
            module = load_source(self.request, self._folder)
            device.pretends = not candidate_view.is_written_by_us(module)
            entry = find_entry(module, self.request)
            results = self._run_module(entry, tensors) if self.request.form == "module" else \
                launch_results(self.request, self._guarded(lambda: entry(*tensors.values()), "launch"))
            if self._rules.refusal is not None:
                raise self._rules.refusal
            for index, (tensor, leaf) in enumerate(zip(results, self.request.results)):
                check_result(index, tensor, leaf)
        return [tensor.detach() for tensor in results]

    def _run_module(self, entry: Callable[..., Any], tensors: dict[int, torch.Tensor]) -> list[torch.Tensor]:
        model = run_candidate(lambda: construct(self.request, entry, self._arguments), "no_entry", "the constructor of ModelNew",
                              self._folder)
        names = match_parameters(model, self.request, lambda: model)
        bind_parameters(model, self.request, names, tensors, device_index=-1)
        positional, named = forward_arguments(self.request, tensors)
        output = self._guarded(lambda: model(*positional, **named), "forward of ModelNew")
        state = buffers_by_target(model, names)

        def held(leaf: Leaf) -> Any:
            return state.get(leaf.target, tensors[leaf.value]) if leaf.kind == "buffer" else tensors[leaf.value]

        return module_results(self.request, output, held)

    def _guarded(self, call: Callable[[], Any], doing: str) -> Any:
        def with_rules() -> Any:
            try:
                with self._rules:
                    return call()
            except InterpreterError as error:
                raise (self._rules.refusal or kernel_failure(error)) from None

        return run_candidate(with_rules, "launcher_error", doing, self._folder)


class RulesMode(TorchDispatchMode):
    """Refuses ATen computation where the candidate must be strict; poisons fresh memory."""

    def __init__(self, strict: bool):
        super().__init__()
        self.refusal: CandidateFailure | None = None
        self._strict = strict

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False   # else PyTorch imports its compiler, for seconds, to keep it away from this class

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        rule = rule_of(func)
        if rule is Rule.READ:
            raise self._refuse("value_dependent", f"the launcher reads a tensor's value ({func})")
        if rule is Rule.COMPUTE and self._strict and func.namespace != "prim":
            raise self._refuse("torch_compute", f"the launcher computes with PyTorch: {func}")
        output = func(*args, **(kwargs or {}))
        if rule is Rule.ALLOCATE:
            poison(output)
            interpreter_memory.note(output)
        return output

    def _refuse(self, code: str, reason: str) -> CandidateFailure:
        failure = CandidateFailure(code, reason)
        self.refusal = self.refusal or failure
        return failure


def poison(tensor: torch.Tensor) -> None:
    """All bits set: NaN in every floating type, -1 or the largest value in integers."""
    with _disable_current_modes(), torch._C.DisableTorchFunction():
        storage = tensor.untyped_storage()
        torch.empty(0, dtype=torch.uint8).set_(storage, 0, (storage.nbytes(),)).fill_(255)


class DeviceMode(TorchFunctionMode):
    """Host tensors that say they are on a GPU."""

    _ANSWERS = {torch.Tensor.device.__get__: torch.device("cuda", 0), torch.Tensor.is_cuda.__get__: True,
                torch.Tensor.is_cpu.__get__: False, torch.Tensor.get_device: 0}
    pretends = True   # a file of our own asks in earnest
    _SAME = {torch.Tensor.cuda, torch.Tensor.cpu, torch.Tensor.pin_memory}

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        if func in self._ANSWERS and self.pretends:
            return self._ANSWERS[func]
        if func in self._SAME:
            return args[0]
        if func is torch.device:
            return func(*args, **(kwargs or {}))
        args, kwargs = pytree.tree_map(_on_host, (args, kwargs or {}))
        return func(*args, **kwargs)


def _on_host(leaf: Any) -> Any:
    if isinstance(leaf, torch.device) and leaf.type == "cuda" or isinstance(leaf, str) and leaf.split(":")[0] == "cuda":
        return torch.device("cpu")
    return leaf


def warm_up() -> None:
    torch.set_num_threads(1)
    interpreter_numerics.install()
    interpreter_memory.install()
    interpreter_launch.install()
    with torch.no_grad(), DeviceMode(), RulesMode(strict=True):   # imports what modes import late
        torch.empty_like(torch.zeros(4, device="cuda"))


__all__ = ["interpret", "warm_up"]
