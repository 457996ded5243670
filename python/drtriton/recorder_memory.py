"""Buffers and data movement of a launcher that runs on tensors without data.

Every tensor is a FakeTensor; its storage stands for a buffer of the plan, its data pointer is an address that leads back
to the buffer. A dispatch mode sees each ATen operator that reaches PyTorch's kernels and turns it into plan steps by
operator_rules.RULES.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch._subclasses.fake_tensor import (DataDependentOutputException, DynamicOutputShapeException, FakeTensor,
                                           FakeTensorMode)
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

from drtriton import cuda_stub
from drtriton.candidate import Leaf
from drtriton.candidate_failure import CandidateFailure
from drtriton.operator_rules import Rule, rule_of
from drtriton.tensors import storage_extent

_BUFFER_SPAN_BITS = 40   # a buffer's addresses: (index + 1) << 40 and up, so aligned to more than any kernel asks for
_MAX_CONSTANTS = 64      # values of a constant tensor that become one fill each
# Where a fill's value stands among the arguments; ones and zeros are in the name.
_FILL_VALUE = {"aten.full.default": 1, "aten.full_like.default": 1, "aten.new_full.default": 2,
               "aten.scalar_tensor.default": 0, "aten.fill_.Scalar": 1}


@dataclass
class Buffer:
    """A piece of memory of the plan."""

    index: int
    bytes: int
    input: int = -1        # position among the fragment's inputs
    storage: Any = None    # kept, so that its identity is not taken by another

    def to_json(self) -> dict[str, Any]:
        if self.input >= 0:
            return {"kind": "input", "input": self.input, "bytes": self.bytes}
        return {"kind": "allocated", "bytes": self.bytes}


class Memory:
    """All buffers of one run of a launcher, and the steps so far."""

    def __init__(self, strict: bool):
        self.strict = strict
        self.buffers: list[Buffer] = []
        self.steps: list[dict[str, Any]] = []
        self.refusal: CandidateFailure | None = None   # the first one; a launcher that swallows it is refused all the same
        self._by_storage: dict[int, Buffer] = {}

    def refuse(self, code: str, reason: str) -> CandidateFailure:
        failure = CandidateFailure(code, reason)
        self.refusal = self.refusal or failure
        return failure

    def add_step(self, step: dict[str, Any]) -> None:
        self.steps.append(step)
        cuda_stub.STREAMS.work()

    # -- buffers --

    def add_input(self, position: int, leaf: Leaf, tensor: torch.Tensor) -> None:
        size = storage_extent(leaf.shape, leaf.strides) * leaf.dtype.itemsize
        self._register(tensor, Buffer(len(self.buffers), size, position))

    def allocate(self, tensor: torch.Tensor) -> Buffer:
        return self._register(tensor, Buffer(len(self.buffers), tensor.untyped_storage().nbytes()))

    def _register(self, tensor: torch.Tensor, buffer: Buffer) -> Buffer:
        buffer.storage = tensor.untyped_storage()
        self.buffers.append(buffer)
        self._by_storage[buffer.storage._cdata] = buffer
        return buffer

    def knows(self, tensor: torch.Tensor) -> bool:
        return tensor.untyped_storage()._cdata in self._by_storage

    def buffer_of(self, tensor: torch.Tensor) -> Buffer:
        buffer = self._by_storage.get(tensor.untyped_storage()._cdata)
        if buffer is None:
            raise self.refuse("call_state", f"the call uses a tensor of shape {list(tensor.shape)} that was made before it and "
                              "is no parameter, buffer or constant of the module")
        return buffer

    def address_of(self, tensor: torch.Tensor) -> int:
        if tensor.numel() == 0:
            return 0
        return ((self.buffer_of(tensor).index + 1) << _BUFFER_SPAN_BITS) + tensor.storage_offset() * tensor.element_size()

    def storage_address(self, storage: torch.UntypedStorage) -> int | None:
        buffer = self._by_storage.get(storage._cdata)
        return None if buffer is None else (buffer.index + 1) << _BUFFER_SPAN_BITS

    def locate(self, address: int) -> tuple[Buffer, int]:
        """The buffer and byte offset of an address."""
        index, offset = (address >> _BUFFER_SPAN_BITS) - 1, address & ((1 << _BUFFER_SPAN_BITS) - 1)
        if not 0 <= index < len(self.buffers):
            raise self.refuse("launcher_error", "a kernel was given a pointer that is no tensor's")
        return self.buffers[index], offset

    def view(self, tensor: torch.Tensor) -> dict[str, Any]:
        return self.strided_view(self.buffer_of(tensor), tensor.dtype, tensor.shape, tensor.stride(),
                                 tensor.storage_offset())

    @staticmethod
    def strided_view(buffer: Buffer, dtype: torch.dtype, shape: Sequence[int], strides: Sequence[int],
                     offset: int) -> dict[str, Any]:
        return {"buffer": buffer.index, "dtype": str(dtype).removeprefix("torch."), "shape": [int(size) for size in shape],
                "strides": [int(stride) for stride in strides], "offset": int(offset)}

    # -- steps --

    def fill(self, target: torch.Tensor, value: Any) -> None:
        if target.numel():
            if isinstance(value, complex):
                raise self.refuse("unsupported", "memory is filled with a complex number")
            self.add_step({"fill": {"target": self.view(target), "value": attribute(value, {})}})

    def copy(self, source: torch.Tensor, target: torch.Tensor) -> None:
        """Broadcasts as copy_ does."""
        if target.numel() == 0:
            return
        lead = target.dim() - source.dim()
        strides = [0] * lead + [0 if size == 1 else stride for size, stride in zip(source.shape, source.stride())]
        reader, writer = self.buffer_of(source), self.buffer_of(target)
        read = self.strided_view(reader, source.dtype, target.shape, strides, source.storage_offset())
        self.add_step({"copy": {"source": read, "target": self.view(target)}})

    def write_values(self, target: torch.Tensor, values: list[Any]) -> None:
        """Constants: one fill where all are equal, else one each."""
        if len(set(map(repr, values))) <= 1:
            if values:
                self.fill(target, values[0])
            return
        if len(values) > _MAX_CONSTANTS:
            raise self.refuse("unsupported", f"a constant tensor of {len(values)} different values is made in the launcher; "
                              f"at most {_MAX_CONSTANTS} are recorded")
        buffer = self.buffer_of(target)
        for index, value in zip(itertools.product(*map(range, target.shape)), values):
            offset = target.storage_offset() + sum(i * stride for i, stride in zip(index, target.stride()))
            view = self.strided_view(buffer, target.dtype, (1,), (1,), offset)
            self.add_step({"fill": {"target": view, "value": attribute(value, {})}})


def attribute(value: Any, tensors: dict[int, int]) -> Any:
    """An argument as docs/formats.md writes it; `tensors` gives a tensor's index by identity."""
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if value - value == 0 else {"float": "nan" if value != value else "inf" if value > 0 else "-inf"}
    if isinstance(value, torch.Tensor):
        return {"v": tensors[id(value)]}
    if isinstance(value, (list, tuple)):
        return [attribute(item, tensors) for item in value]
    for kind, name in ((torch.dtype, "dtype"), (torch.device, "device"), (torch.layout, "layout"),
                       (torch.memory_format, "memory_format")):
        if isinstance(value, kind):
            return {name: str(value).removeprefix("torch.")}
    return {"str": str(value)}


class RecordingMode(TorchDispatchMode):
    """Turns ATen calls of a launcher into steps. Entered inside a FakeTensorMode."""

    def __init__(self, memory: Memory, fake: FakeTensorMode):
        super().__init__()
        self._memory = memory
        self._fake = fake

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False   # else PyTorch imports its compiler, for seconds, to keep it away from this class

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None) -> Any:
        kwargs = kwargs or {}
        rule = rule_of(func)
        if func.namespace == "prim":
            return func(*args, **kwargs)
        if rule is not Rule.CONSTANT:
            args, kwargs = pytree.tree_map(self._adopt, (args, kwargs))
        try:
            output = func(*args, **kwargs)
        except (DataDependentOutputException, DynamicOutputShapeException):
            raise self._memory.refuse("value_dependent", f"the launcher reads a tensor's value ({func})") from None
        if rule is Rule.READ:   # answered from a constant that the launcher itself made
            return output
        if rule is Rule.COMPUTE:
            return self._compute(func, args, kwargs, output)
        getattr(self, f"_{rule.name.lower()}")(str(func), args, kwargs, output)
        return output

    def _adopt(self, leaf: Any) -> Any:
        """A real tensor of the host (torch.from_numpy, a module-level constant) becomes a constant of the plan."""
        if not isinstance(leaf, torch.Tensor) or isinstance(leaf, FakeTensor):
            return leaf
        fake = self._fake.from_tensor(leaf)
        if not self._memory.knows(fake):
            self._constant("", (leaf,), {}, fake)
        return fake

    def _allocate(self, name: str, args: tuple, kwargs: dict[str, Any], output: torch.Tensor) -> None:
        self._memory.allocate(output)

    def _view(self, name: str, args: tuple, kwargs: dict[str, Any], output: Any) -> None:
        for tensor in pytree.tree_leaves(output):
            if isinstance(tensor, torch.Tensor) and not self._memory.knows(tensor):
                self._memory.allocate(tensor)   # resize_ of an empty tensor

    def _fill(self, name: str, args: tuple, kwargs: dict[str, Any], output: torch.Tensor) -> None:
        if not self._memory.knows(output):
            self._memory.allocate(output)
        if name in _FILL_VALUE:
            place = _FILL_VALUE[name]
            value = args[place] if len(args) > place else kwargs.get("fill_value", kwargs.get("value"))
        else:
            value = 1 if "ones" in name else 0
        if isinstance(value, torch.Tensor):
            self._memory.copy(value, output)
        else:
            self._memory.fill(output, value)

    def _copy(self, name: str, args: tuple, kwargs: dict[str, Any], output: torch.Tensor) -> None:
        memory = self._memory
        if not memory.knows(output):
            memory.allocate(output)
        if name in ("aten.copy_.default", "aten.fill_.Tensor"):
            memory.copy(args[1], args[0])
        elif name in ("aten.clone.default", "aten._to_copy.default"):
            memory.copy(args[0], output)
        else:
            getattr(self, f"_copy_{name.split('.')[1]}")(output, *args, **kwargs)  # views taken there are not recorded

    def _copy_cat(self, output: torch.Tensor, tensors: list[torch.Tensor], dim: int = 0) -> None:
        start = 0
        for tensor in tensors:
            if tensor.dim() == output.dim():  # cat ignores legacy empty tensors of one dimension
                self._memory.copy(tensor, output.narrow(dim, start, tensor.shape[dim]))
                start += tensor.shape[dim]

    def _copy_stack(self, output: torch.Tensor, tensors: list[torch.Tensor], dim: int = 0) -> None:
        for index, tensor in enumerate(tensors):
            self._memory.copy(tensor, output.select(dim, index))

    def _copy_repeat(self, output: torch.Tensor, source: torch.Tensor, repeats: list[int]) -> None:
        sizes = [1] * (len(repeats) - source.dim()) + list(source.shape)
        source = source.reshape(sizes) if source.dim() == 0 else source.expand(sizes)
        for index in itertools.product(*map(range, repeats)):
            part = output
            for dim, (i, size) in enumerate(zip(index, sizes)):
                part = part.narrow(dim, i * size, size)
            self._memory.copy(source, part)

    def _copy_constant_pad_nd(self, output: torch.Tensor, source: torch.Tensor, pad: list[int], value: Any = 0) -> None:
        self._memory.fill(output, value)
        target = output
        for i in range(len(pad) // 2):
            dim, before, after = source.dim() - 1 - i, pad[2 * i], pad[2 * i + 1]
            source = source.narrow(dim, max(0, -before), source.shape[dim] + min(0, before) + min(0, after))
            target = target.narrow(dim, max(0, before), target.shape[dim] - max(0, before) - max(0, after))
        self._memory.copy(source, target)

    def _constant(self, name: str, args: tuple, kwargs: dict[str, Any], output: torch.Tensor) -> None:
        if "arange" in name:
            with torch.utils._python_dispatch._disable_current_modes():
                values = torch.arange(*args, dtype=output.dtype).tolist() if output.numel() <= _MAX_CONSTANTS else []
            if not values and output.numel():
                raise self._memory.refuse("torch_compute", f"the launcher computes {name} of {output.numel()} elements")
        elif isinstance(args[0], FakeTensor):
            if not self._memory.knows(output):
                self._memory.allocate(output)
                self._memory.copy(args[0], output)
            return
        else:
            with torch.utils._python_dispatch._disable_current_modes():
                values = args[0].detach().reshape(-1).tolist()
        self._memory.allocate(output)
        self._memory.write_values(output, values)

    # -- computation --

    def _compute(self, func: Any, args: tuple, kwargs: dict[str, Any], output: Any) -> Any:
        if self._memory.strict:
            raise self._memory.refuse("torch_compute", f"the launcher computes with PyTorch: {func}")
        arguments = _all_arguments(func, args, kwargs)
        written = [value for argument, value in zip(func._schema.arguments, arguments)
                   if argument.alias_info is not None and argument.alias_info.is_write]
        if written:
            func, arguments = self._functional(func, arguments)
            results = [value for value in written if isinstance(value, torch.Tensor)]
        else:
            results = [leaf for leaf in pytree.tree_leaves(output) if isinstance(leaf, torch.Tensor)]
        for tensor in results:
            if not self._memory.knows(tensor):
                self._memory.allocate(tensor)
        self._vendor(func, arguments, results)
        return output

    def _functional(self, func: Any, arguments: list[Any]) -> tuple[Any, list[Any]]:
        """The operator that computes what an in-place one writes."""
        packet = getattr(torch.ops.aten, func._schema.name.split("::")[1].removesuffix("_"), None)
        plain = getattr(packet, func._overloadname, None)
        if not func._schema.name.endswith("_") or plain is None or len(plain._schema.arguments) != len(arguments):
            raise self._memory.refuse("unsupported", f"{func} writes to its arguments")
        return plain, arguments

    def _vendor(self, func: Any, arguments: list[Any], results: list[torch.Tensor]) -> None:
        tensors, index = [], {}
        for leaf in pytree.tree_leaves(arguments):
            if isinstance(leaf, torch.Tensor) and id(leaf) not in index:
                index[id(leaf)] = len(tensors)
                tensors.append(leaf)
        self._memory.add_step({"vendor": str(func), "args": [attribute(value, index) for value in arguments],
                                   "tensors": [self._memory.view(tensor) for tensor in tensors],
                                   "outputs": [self._memory.view(tensor) for tensor in results]})


def _all_arguments(func: Any, args: tuple, kwargs: dict[str, Any]) -> list[Any]:
    """Every argument of the schema in its order, defaults filled in."""
    values = list(args)
    for argument in func._schema.arguments[len(args):]:
        values.append(kwargs[argument.name] if argument.name in kwargs else argument.default_value)
    return values
