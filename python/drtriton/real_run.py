"""Runs a foreign module on the GPU as its user would: `ModelNew(*init)(*inputs)`, nothing patched. Called in a fork.

The process holds inputs and the candidate, never the reference or its results. What comes out is compared elsewhere with the
replay of the recorded launches (src/execute/gpu_executor.cc).
"""

from __future__ import annotations

import mmap
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
import triton
import triton.language as tl

from drtriton.candidate import (Leaf, Request, check_result, find_entry, forward_arguments, load_source, module_results,
                                run_candidate)
from drtriton.candidate_failure import CandidateFailure
from drtriton.candidate_model import bind_parameters, buffers_by_target, construct, constructor_arguments, match_parameters
from drtriton.importer_load import move_exactly
from drtriton.tensors import read_tensors, write_tensors
from drtriton.worker_server import Answer

_OUTPUTS = "outputs.tensors"
_LOOPS, _LOOP_S = 7, 0.05


@triton.jit
def _double(pointer, BLOCK: tl.constexpr):
    place = tl.arange(0, BLOCK)
    tl.store(pointer + place, 2 * tl.load(pointer + place))


def probe() -> None:
    """Uses what candidates use: PyTorch's kernels and Triton's, on the GPU. Raises what goes wrong."""
    values = torch.ones(16, device="cuda")
    _double[(1,)](values, BLOCK=16)
    if not bool((values == 2).all()):
        raise RuntimeError("a Triton kernel gave wrong values")


class RealRun:
    """`triton_files` are what Triton's cache starts with, by relative path: its launcher need not be built for each candidate."""

    def __init__(self, triton_files: dict[str, bytes]):
        self._triton_files = triton_files

    def __call__(self, json: dict[str, Any]) -> Answer:
        """The farm's request -> `outputs.tensors` with "result0", "result1", ..."""
        request, folder = Request.from_json(json["candidate"]), os.getcwd()
        self.fill_cache(folder)
        given = list(read_tensors(json["inputs"]).values())
        if len(given) != len(request.inputs):
            raise CandidateFailure("internal", f"{len(given)} tensors were given for {len(request.inputs)} inputs")
        with torch.no_grad():
            results, wall_us = _run(request, folder, given, int(json.get("seed", 0)), bool(json.get("wall")))
        write_tensors(_OUTPUTS, {f"result{index}": tensor for index, tensor in enumerate(results)})
        with open(_OUTPUTS, "rb") as file:
            return Answer({} if wall_us is None else {"wall_us": wall_us}, {_OUTPUTS: memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))})

    def fill_cache(self, folder: str) -> None:
        cache = os.path.join(folder, "triton")
        for name, data in self._triton_files.items():
            os.makedirs(os.path.dirname(os.path.join(cache, name)), exist_ok=True)
            with open(os.path.join(cache, name), "wb") as file:
                file.write(data)
        triton.knobs.cache.dir = cache


def wall_us(call: Callable[[], Any], wait: Callable[[], None], clock: Callable[[], float] = time.perf_counter) -> float:
    """Microseconds of a call as its caller sees them: the median over loops that are waited for at their end.

    Runs in the candidate's process, which may do to its own clock what it likes: information, no part of a judgement.
    """
    def loop(count: int) -> float:
        wait()
        begin = clock()
        for _ in range(count):
            call()
        wait()
        return (clock() - begin) / count

    loop(3)   # compiles, chooses configurations
    count = max(1, min(1000, int(_LOOP_S / max(loop(1), 1e-7))))
    return 1e6 * statistics.median(loop(count) for _ in range(_LOOPS))


def _run(request: Request, folder: str, given: list[torch.Tensor], seed: int,
         wall: bool) -> tuple[list[torch.Tensor], float | None]:
    arguments = constructor_arguments(request)
    entry = find_entry(load_source(request, folder, as_user=True), request)
    model = run_candidate(lambda: construct(request, entry, arguments), "no_entry", "the constructor of ModelNew", folder)
    names = match_parameters(model, request, lambda: model)
    model = run_candidate(lambda: model.to("cuda"), "launcher_error", "moving ModelNew to the GPU", folder)
    tensors = {leaf.value: move_exactly(tensor, "cuda") for leaf, tensor in zip(request.inputs, given)}
    bind_parameters(model, request, names, tensors, device_index=0)
    positional, named = forward_arguments(request, tensors)
    torch.manual_seed(seed)

    def call() -> Any:
        output = model(*positional, **named)
        torch.cuda.synchronize()
        return output

    output = run_candidate(call, "launcher_error", "forward of ModelNew", folder)
    state = buffers_by_target(model, names)

    def held(leaf: Leaf) -> Any:
        return state.get(leaf.target, tensors[leaf.value]) if leaf.kind == "buffer" else tensors[leaf.value]

    results = module_results(request, output, held)
    for index, (tensor, leaf) in enumerate(zip(results, request.results)):
        check_result(index, tensor, leaf)
    results = [tensor.detach().clone() if wall else tensor.detach() for tensor in results]
    if not wall:
        return results, None
    us = run_candidate(lambda: wall_us(lambda: model(*positional, **named), torch.cuda.synchronize), "launcher_error",
                       "forward of ModelNew, called again", folder)
    return results, us
