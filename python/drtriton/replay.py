"""Replays a LaunchPlan on host memory under Triton's interpreter: the runner's part where there is no GPU.

Nothing of the candidate runs here but the text of its kernels (kernel_text.py): what its launcher did is in the plan.
Every buffer is memory of its own, of just its size, filled with a poison byte where no step wrote. The run may be
repeated with another poison: results that differ depend on memory that nobody wrote.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import torch
from triton.runtime.errors import InterpreterError
from triton.tools.tensor_descriptor import TensorDescriptor

from drtriton.candidate import Request, literal
from drtriton.candidate_failure import CandidateFailure
from drtriton.kernel_text import Kernel, unsupported

_MAX_BYTES = 4 << 30   # of all buffers
_POINTED = {"i1": torch.bool, "u1": torch.bool, "i8": torch.int8, "u8": torch.uint8, "i16": torch.int16, "i32": torch.int32,
            "i64": torch.int64, "fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32, "fp64": torch.float64,
            "fp8e4nv": torch.float8_e4m3fn, "fp8e5": torch.float8_e5m2, "u16": torch.uint16, "u32": torch.uint32, "u64": torch.uint64}


class Replay:
    """One plan, ready to run on any inputs."""

    def __init__(self, plan: dict[str, Any], request: Request):
        self._plan = plan
        self._request = request
        if any(not kernel.get("text") for kernel in plan["kernels"]):
            raise unsupported("the plan does not hold its text")
        try:
            self._kernels = [Kernel(json.loads(kernel["text"])) for kernel in plan["kernels"]]
        except (SyntaxError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise unsupported(f"its text cannot be read ({type(error).__name__}: {error})") from None
        if sum(buffer["bytes"] for buffer in plan["buffers"]) > _MAX_BYTES:
            raise CandidateFailure("out_of_memory", f"the buffers of the plan are larger than {_MAX_BYTES >> 30} GiB")

    def run(self, inputs: list[torch.Tensor], poison: int = 255) -> list[torch.Tensor]:
        """The plan's results. `inputs` stay as they are; that the plan leaves them alone is checked."""
        memory = [self._allocate(buffer, inputs, poison) for buffer in self._plan["buffers"]]
        for step in self._plan["steps"]:
            if "launch" in step:
                self._launch(step, memory)
            elif "copy" in step:
                _view(step["copy"]["target"], memory).copy_(_view(step["copy"]["source"], memory))
            elif "fill" in step:
                _view(step["fill"]["target"], memory).fill_(literal(step["fill"]["value"]))
            else:
                self._vendor(step, memory)
        self._require_inputs_unchanged(inputs, memory)
        return [_view(result, memory) for result in self._plan["results"]]

    @staticmethod
    def _allocate(buffer: dict[str, Any], inputs: list[torch.Tensor], poison: int) -> torch.Tensor:
        memory = torch.empty(buffer["bytes"], dtype=torch.uint8)
        if buffer["kind"] != "input":
            return memory.fill_(poison)
        given = _bytes(inputs[buffer["input"]])
        if given.numel() != buffer["bytes"]:
            raise CandidateFailure("bad_plan", f"input {buffer['input']} has {given.numel()} bytes, the plan says {buffer['bytes']}")
        return memory.copy_(given)

    def _require_inputs_unchanged(self, inputs: list[torch.Tensor], memory: list[torch.Tensor]) -> None:
        mutated = {mutation["target"] for mutation in self._request.program["mutations"]}
        for buffer, now in zip(self._plan["buffers"], memory):
            if buffer["kind"] == "input" and self._request.inputs[buffer["input"]].value not in mutated:
                if not torch.equal(now, _bytes(inputs[buffer["input"]])):
                    name = self._request.inputs[buffer["input"]].name
                    raise CandidateFailure("wrong_mutation", f"input {name} holds other values after the call")

    # -- steps --

    def _launch(self, step: dict[str, Any], memory: list[torch.Tensor]) -> None:
        kernel = self._kernels[step["launch"]]
        waiting = list(step["args"])
        arguments = [_argument(kernel, description, waiting, memory) for description in kernel.arguments.values()]
        try:
            kernel.function.run(*arguments, grid=tuple(step["grid"]), warmup=False)
        except InterpreterError as error:
            raise kernel_failure(error) from None

    @staticmethod
    def _vendor(step: dict[str, Any], memory: list[torch.Tensor]) -> None:
        namespace, name, overload = step["vendor"].split(".")
        tensors = [_view(view, memory) for view in step["tensors"]]
        arguments = [_vendor_argument(argument, tensors) for argument in step["args"]]
        results = getattr(getattr(getattr(torch.ops, namespace), name), overload)(*arguments)
        results = [results] if isinstance(results, torch.Tensor) else torch.utils._pytree.tree_leaves(results)
        for view, result in zip(step["outputs"], results):
            _view(view, memory).copy_(result)


def kernel_failure(error: BaseException) -> CandidateFailure:
    """What went wrong inside a kernel, as a verdict."""
    while isinstance(error, InterpreterError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, CandidateFailure):
        return error
    if isinstance(error, MemoryError):
        return CandidateFailure("out_of_memory", "a kernel exceeded the limit of memory")
    code = "unsupported" if isinstance(error, NotImplementedError) else "triton_error"
    return CandidateFailure(code, f"a kernel cannot be interpreted: {type(error).__name__}: {str(error).strip()[:300]}")


def _vendor_argument(argument: Any, tensors: list[torch.Tensor]) -> Any:
    if isinstance(argument, dict) and "v" in argument:
        return tensors[argument["v"]]
    if isinstance(argument, list):
        return [_vendor_argument(item, tensors) for item in argument]
    if isinstance(argument, dict) and "device" in argument:
        return torch.device("cpu")
    return literal(argument)


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    """The memory between a tensor's first and last element."""
    if tensor.numel() == 0:
        return torch.empty(0, dtype=torch.uint8)
    extent = 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride()))
    return tensor.as_strided((extent,), (1,)).view(torch.uint8)


def _typed(memory: torch.Tensor, dtype: torch.dtype, start: int = 0) -> torch.Tensor:
    """What of a buffer from byte `start` on holds whole elements."""
    size = dtype.itemsize
    if start % size:   # a pointer that no element of its type is aligned to
        raise CandidateFailure("illegal_access", f"a kernel is given a pointer that is not aligned to its elements of {size} bytes")
    whole = (memory.numel() - start) // size * size
    return memory[start:start + whole].view(dtype) if whole > 0 else torch.empty(0, dtype=dtype)


def _view(view: dict[str, Any], memory: list[torch.Tensor]) -> torch.Tensor:
    typed = _typed(memory[view["buffer"]], getattr(torch, view["dtype"]))
    return typed.as_strided(view["shape"], view["strides"], view["offset"])


def _argument(kernel: Kernel, description: dict[str, Any], waiting: list[dict[str, Any]], memory: list[torch.Tensor]) -> Any:
    """A parameter's value: compiled in, or the next of the launch's."""
    if "items" in description:
        return tuple(_argument(kernel, item, waiting, memory) for item in description["items"])
    if "type" not in description:
        return kernel.value(description)
    given, kind = waiting.pop(0), description["type"]
    if "pointer" in given:
        return _typed(memory[given["pointer"][0]], _POINTED[kind.removeprefix("*").removeprefix("k")], given["pointer"][1])
    if "descriptor" in given:
        base = _view(given["descriptor"], memory)
        padding = "nan" if given["padding"] else "zero"
        return TensorDescriptor(base, list(base.shape), list(base.stride()), given["block_shape"], padding)
    (value,) = given.values()
    if kind in ("u1", "i1"):
        return bool(value)
    if kind.startswith("fp") or kind in ("f32", "bf16", "f64"):
        return float(np.float32(literal(value))) if kind in ("fp32", "f32") else float(literal(value))
    return int(value)

