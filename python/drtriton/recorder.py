"""Records a candidate: runs its launcher once on tensors without data and returns what it would do on the GPU.

Called in a fork that ends afterwards: what is patched here is never restored. One plan comes back for each alternative
of `triton.autotune` (autotune_choice.py), the one that Triton would try first being the first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import torch
from torch._subclasses import fake_tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import _disable_current_modes
from triton import knobs
from triton.compiler.errors import CompilationError, CompileTimeAssertionFailure
from triton.runtime.errors import OutOfResources, PTXASError

from drtriton import autotune_choice, candidate_view, cuda_stub, recorder_driver
from drtriton.candidate import (Leaf, Request, check_result, find_entry, forward_arguments, launch_results, load_source,
                                module_results, run_candidate)
from drtriton.candidate_failure import CandidateFailure
from drtriton.candidate_guard import Guard
from drtriton.candidate_model import bind_parameters, buffers_by_target, construct, constructor_arguments, match_parameters
from drtriton.recorder_cache import ScratchCache
from drtriton.recorder_memory import Memory, RecordingMode
from drtriton.recorder_plan import Images, PlanBuilder
from drtriton.worker_server import Answer


def record(json: dict[str, Any]) -> Answer:
    """The farm's request -> plans and cubins."""
    recorder = Recorder(Request.from_json(json["candidate"]), os.getcwd())
    plans = recorder.record()
    return Answer({"plans": plans}, recorder.images.files)


class Recorder:
    """Records one candidate; `folder` is its scratch."""

    def __init__(self, request: Request, folder: str):
        self.request = request
        self.images = Images()
        self._folder = folder
        self._fake = FakeTensorMode(allow_non_fake_inputs=True)
        self._choices = autotune_choice.Choices()
        self._memory: Memory | None = None      # of the run that is going on
        self._plan: PlanBuilder | None = None
        self._compile_s = 0.0
        self._arguments: tuple[list[Any], dict[str, Any]] = ([], {})   # of ModelNew's constructor

    def record(self) -> list[dict[str, Any]]:
        self._install()
        with torch.no_grad():
            self._arguments = constructor_arguments(self.request)
        guard = Guard(self._folder, [self.request.source_folder])
        try:
            with self._fake, torch.no_grad():
                entry = find_entry(load_source(self.request, self._folder), self.request)
                call = self._module_call(entry) if self.request.form == "module" else self._launch_call(entry)
                plans = self._record_calls(call)
        finally:
            guard.check()   # what the candidate attempted comes before how it ended
        return plans

    def _record_calls(self, call: Callable[[Memory], list[Any]]) -> list[dict[str, Any]]:
        """The plan, which a second call must give again, and its alternatives."""
        plans = [self._run(call)]
        self._require_same(plans[0], call)
        for forced in self._choices.alternatives():
            if len(plans) >= self.request.max_alternatives:
                break
            self._choices.forced = forced
            try:
                plans.append(self._run(call))
            except CandidateFailure as failure:
                if failure.code != "out_of_resources":
                    raise
        return plans

    def _require_same(self, plan: dict[str, Any], call: Callable[[Memory], list[Any]]) -> None:
        try:
            again = self._run(call)
        except CandidateFailure as failure:
            reason = failure.reason if failure.code == "call_state" else f"a second call fails: {failure.reason}"
            raise CandidateFailure("call_state", reason) from None
        if any(plan[part] != again[part] for part in ("buffers", "kernels", "steps", "results")):
            raise CandidateFailure("call_state", "a second call with arguments of the same shapes does not do what the first one did")

    def _install(self) -> None:
        knobs.cache.dir = os.path.join(self._folder, "triton")
        knobs.cache.manager_class = ScratchCache
        knobs.compilation.disable_line_info = True   # no path of the scratch folder in a cubin: equal kernels, equal bytes
        knobs.compilation.listener = self._compiled
        cuda_stub.install(self.request.device)
        fake_tensor.init_gpu_context = lambda *_: None
        FakeTensorMode.avoid_device_init = True   # what it would find by asking torch.cuda, which now claims a device
        recorder_driver.install(recorder_driver.LaunchLog(self._launched), self.request.device)
        autotune_choice.install(self._choices)
        candidate_view.hide_modes(self._folder)
        torch.UntypedStorage.data_ptr = lambda storage: self._storage_address(storage)
        FakeTensor.data_ptr = lambda tensor: self._address_of(tensor)
        FakeTensor.tolist = lambda tensor: self._read_on_host()
        for name in ("numpy", "__array__", "__dlpack__"):
            setattr(FakeTensor, name, lambda tensor, *_, **__: self._read_on_host())
        torch._C._to_dlpack = torch._C._to_dlpack_versioned = lambda *_, **__: self._read_on_host()

    def _compiled(self, times: Any, **_: Any) -> None:
        self._compile_s += (times.ir_initialization + sum(us for _, us in times.lowering_stages)) / 1e6

    def _launched(self, launch: recorder_driver.Launch) -> None:
        if self._plan is None:
            raise CandidateFailure("unsupported", "a kernel is launched while the candidate is imported or constructed")
        self._plan.launch(launch)

    def _address_of(self, tensor: torch.Tensor) -> int:
        if self._memory is None:
            raise CandidateFailure("unsupported",
                                   "a tensor's address is asked for while the candidate is imported or constructed")
        return self._memory.address_of(tensor)

    def _storage_address(self, storage: torch.UntypedStorage) -> int:
        address = self._memory.storage_address(storage) if self._memory else None
        return torch._C.StorageBase.data_ptr(storage) if address is None else address

    def _read_on_host(self) -> Any:
        failure = CandidateFailure("value_dependent", "the launcher reads a tensor's values on the host")
        raise self._memory.refuse(failure.code, failure.reason) if self._memory else failure

    # -- the two forms: a call makes inputs, runs the candidate and gives its results --

    def _launch_call(self, entry: Callable[..., Any]) -> Callable[[Memory], list[Any]]:
        def call(memory: Memory) -> list[Any]:
            tensors = self._input_tensors(memory)
            return launch_results(self.request, self._guarded(lambda: entry(*tensors.values()), "launch"))

        return call

    def _module_call(self, entry: Callable[..., Any]) -> Callable[[Memory], list[Any]]:
        model = self._construct(entry)
        names = match_parameters(model, self.request, lambda: self._really_construct(entry))

        def call(memory: Memory) -> list[Any]:
            tensors = self._input_tensors(memory)
            bind_parameters(model, self.request, names, tensors, device_index=0)
            positional, named = forward_arguments(self.request, tensors)
            output = self._guarded(lambda: model(*positional, **named), "forward of ModelNew")
            state = buffers_by_target(model, names)
            return module_results(self.request, output, lambda leaf: _held_by(leaf, state, tensors))

        return call

    def _construct(self, entry: Callable[..., Any]) -> torch.nn.Module:
        try:
            return self._run_constructor(entry)
        except CandidateFailure:   # it may need values, which fake tensors have not; its parameters are replaced anyway
            return self._really_construct(entry)

    def _really_construct(self, entry: Callable[..., Any]) -> torch.nn.Module:
        with _disable_current_modes():
            return self._run_constructor(entry)

    def _run_constructor(self, entry: Callable[..., Any]) -> torch.nn.Module:
        return run_candidate(lambda: construct(self.request, entry, self._arguments), "no_entry", "the constructor of ModelNew",
                             self._folder)

    def _input_tensors(self, memory: Memory) -> dict[int, torch.Tensor]:
        tensors = {}
        for position, leaf in enumerate(self.request.inputs):
            tensor = torch.empty_strided(leaf.shape, leaf.strides, dtype=leaf.dtype, device="cuda")
            memory.add_input(position, leaf, tensor)
            tensors[leaf.value] = tensor
        return tensors

    # -- one run --

    def _run(self, call: Callable[[Memory], list[Any]]) -> dict[str, Any]:
        start = self._compile_s
        memory = self._memory = Memory(self.request.strict)
        cuda_stub.STREAMS.synchronize()
        self._plan = PlanBuilder(memory, self.images)
        try:
            results = call(memory)
            if memory.refusal is not None:
                raise memory.refusal
            for index, (tensor, leaf) in enumerate(zip(results, self.request.results)):
                check_result(index, tensor, leaf)
                if type(tensor) is not FakeTensor:   # a subclass that computes when it is looked at, a tensor of the host
                    raise CandidateFailure("no_kernel", f"result {index} is a {type(tensor).__name__}, which no kernel wrote")
            if not cuda_stub.STREAMS.is_joined():
                raise CandidateFailure("deferred", "work is left on a stream that the caller's stream does not wait for")
            target = f"sm_{self.request.device['capability']}"
            return self._plan.finish(results, target, (self._compile_s - start) * 1e3)
        finally:
            self._memory = self._plan = None

    def _guarded(self, call: Callable[[], Any], doing: str) -> Any:
        def with_triton_errors() -> Any:
            try:
                with RecordingMode(self._memory, self._fake):
                    return call()
            except MemoryError:
                raise
            except Exception as error:
                if self._memory.refusal is not None:
                    raise self._memory.refusal from None
                raise (_triton_failure(error) or error) from None

        return run_candidate(with_triton_errors, "launcher_error", doing, self._folder)


def _held_by(leaf: Leaf, state: dict[str, torch.Tensor], tensors: dict[int, torch.Tensor]) -> Any:
    """The tensor in which a mutated input or buffer is found after the call."""
    return state.get(leaf.target, tensors[leaf.value]) if leaf.kind == "buffer" else tensors[leaf.value]


def _triton_failure(error: BaseException) -> CandidateFailure | None:
    """What Triton's compiler raised, as a verdict; None where the launcher itself is at fault."""
    if isinstance(error, OutOfResources):
        return CandidateFailure("out_of_resources",
                                f"a kernel needs {error.required} of {error.name}, the device has {error.limit}")
    if isinstance(error, CompilationError):
        return CandidateFailure("triton_error", _compilation_reason(error))
    if isinstance(error, PTXASError):
        return _assembler_failure(str(error))
    if isinstance(error, RuntimeError) and "PassManager::run failed" in str(error):
        return CandidateFailure("triton_error", f"Triton's compiler failed: {_diagnostic() or 'PassManager::run failed'}")
    return None


def _assembler_failure(text: str) -> CandidateFailure:
    said = [line.strip() for line in text.splitlines() if line.startswith("ptxas ")]
    first = (said or text.splitlines() or ["ptxas failed"])[0]
    code = "out_of_resources" if "uses too much" in first or "Insufficient registers" in first else "triton_error"
    return CandidateFailure(code, first[:300])


def _compilation_reason(error: CompilationError) -> str:
    """The message of the innermost error and the source line it points to."""
    innermost: BaseException = error
    while isinstance(innermost.__cause__, Exception):
        if isinstance(innermost.__cause__, CompilationError):
            error = innermost.__cause__
        innermost = innermost.__cause__
    message = innermost.error_message if isinstance(innermost, CompilationError) else str(innermost)
    if isinstance(innermost, CompileTimeAssertionFailure):
        message = f"static assertion failed{': ' + message if message else ''}"
    lines = [line.strip() for line in (message or type(innermost).__name__).splitlines() if line.strip()]
    text = lines[0] if lines else type(innermost).__name__
    node, source = getattr(error, "node", None), getattr(error, "src", None)
    if node is None or not source or not hasattr(node, "lineno"):
        return text[:400]
    source_lines = source.splitlines()
    shown = source_lines[node.lineno - 1].strip() if 0 < node.lineno <= len(source_lines) else ""
    function = re.search(r"def\s+(\w+)", source)
    return f"{text[:300]} at `{shown[:160]}`" + (f" in {function.group(1)}" if function else "")


def _diagnostic() -> str:
    """The first error that the compiler wrote to this process's standard error."""
    try:
        with open("/proc/self/fd/2", "rb") as log:
            text = log.read().decode(errors="replace")
    except OSError:
        return ""
    found = re.search(r"error: (.+)", text)
    return found.group(1)[:300] if found else ""
