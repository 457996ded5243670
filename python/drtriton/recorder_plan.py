"""From recorded launches to the JSON of a LaunchPlan (docs/formats.md, docs/launch_plan.md)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import torch
import triton.language as tl

from drtriton.candidate_failure import CandidateFailure
from drtriton.kernel_text import pack
from drtriton.recorder_driver import CompiledImage, Descriptor, Launch
from drtriton.recorder_kernels import accessed_parameters, approximations, has_atomics, has_inline_assembly, registers_and_spills
from drtriton.recorder_memory import Memory, attribute

_INTEGERS = {"i1", "i8", "i16", "i32", "i64", "u1", "u8", "u16", "u32", "u64"}
_FLOATS = {"fp16", "bf16", "fp32", "fp64"}


class Images:
    """The kernels of all plans of one candidate; equal ones are kept once."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self._json: dict[int, dict[str, Any]] = {}      # by identity of the image
        self._held: list[CompiledImage] = []
        self._names: dict[str, str] = {}                # cubin's hash -> file

    def json_of(self, launch: Launch) -> dict[str, Any]:
        image = launch.image
        if id(image) not in self._json:
            self._held.append(image)
            self._json[id(image)] = self._describe(image, launch)
        return self._json[id(image)]

    def _describe(self, image: CompiledImage, launch: Launch) -> dict[str, Any]:
        metadata = image.metadata
        if metadata.launch_cooperative_grid:
            raise CandidateFailure("unsupported", f"kernel {image.src.fn.__name__} asks for a cooperative launch")
        digest = hashlib.sha256(image.cubin).hexdigest()
        file = self._names.setdefault(digest, f"{len(self._names)}.cubin")
        self.files[file] = image.cubin
        registers, spills = registers_and_spills(image.cubin)
        reads, writes = _accessed(image)
        return {"name": image.name, "function": image.src.fn.__name__, "cubin": file, "sha256": digest,
                "num_warps": metadata.num_warps, "num_stages": metadata.num_stages, "num_ctas": metadata.num_ctas,
                "shared_bytes": metadata.shared, "global_scratch_bytes": metadata.global_scratch_size or 0,
                "profile_scratch_bytes": metadata.profile_scratch_size or 0, "registers": registers, "spills": spills,
                "has_atomics": has_atomics(image.ptx), "has_inline_assembly": has_inline_assembly(image.ttir),
                "params": [param_type(kind) for kind in _flat_kinds(image.src.signature)], "arguments": _arguments(launch),
                "reads": sorted(reads), "writes": sorted(writes), "approximations": approximations(image.ttir, image.ptx), "text": _text(launch)}


def _accessed(image: CompiledImage) -> tuple[set[int], set[int]]:
    """Positions among the entry point's parameters that the kernel may read and write through.

    The compiler's first form writes a descriptor as itself, its sizes and its strides.
    """
    positions: list[int] = []
    for index, kind in enumerate(_flat_kinds(image.src.signature)):
        positions += [index] * (1 + 2 * len(_descriptor_type(kind)[1]) if kind.startswith("tensordesc") else 1)
    read, written = accessed_parameters(image.ttir)
    return ({positions[place] for place in read if place < len(positions)},
            {positions[place] for place in written if place < len(positions)})


def _text(launch: Launch) -> str:
    """What kernel_text.Kernel makes the kernel of again."""
    source = launch.image.src
    arguments = {name: _packed(kind, launch.args[index], source.constants, (index,))
                 for index, (name, kind) in enumerate(source.signature.items())}
    return json.dumps(pack(source.fn, arguments))


def _packed(kind: Any, value: Any, constants: dict[tuple[int, ...], Any], place: tuple[int, ...]) -> Any:
    if isinstance(kind, tuple):
        return [_packed(part, value[index], constants, (*place, index)) for index, part in enumerate(kind)]
    return (constants.get(place, value),) if kind == "constexpr" else kind


def param_type(kind: str) -> str:
    if kind.startswith("*"):
        return "pointer"
    if kind.startswith("tensordesc"):
        return "tensordesc"
    if kind == "f32":
        return "fp32"
    if kind in _INTEGERS or kind in _FLOATS:
        return kind
    raise CandidateFailure("unsupported", f"a kernel parameter has type {kind}")


def _flat_kinds(signature: dict[str, Any]) -> list[str]:
    return [kind for kind, _ in _flatten(list(signature.values()), list(signature.values()))]


def _flatten(kinds: list[Any], values: list[Any]) -> list[tuple[str, Any]]:
    """Parameters of the compiled entry point: tuples flattened, constants left out."""
    flat: list[tuple[str, Any]] = []
    for kind, value in zip(kinds, values):
        if isinstance(kind, tuple):
            flat += _flatten(list(kind), list(value))
        elif kind != "constexpr":
            flat.append((kind, value))
    return flat


def _arguments(launch: Launch) -> list[dict[str, Any]]:
    """Every parameter of the function; a constant (declared, or specialised by Triton) with its value."""
    arguments = []
    source = launch.image.src   # its constants are the compiled ones; a fast path may pass anything in their place
    for index, (name, kind) in enumerate(source.signature.items()):
        value = source.constants.get((index,), launch.args[index])
        arguments.append({"name": name, "constexpr": constant(value)} if kind == "constexpr" else {"name": name})
    return arguments


def constant(value: Any) -> Any:
    """A constexpr as an attribute; what has no such form is its Python text."""
    if isinstance(value, tl.constexpr):
        value = value.value
    if isinstance(value, tl.dtype):
        return {"str": f"tl.{_TL_NAMES.get(str(value), str(value))}"}
    if isinstance(value, (list, tuple)):
        return [constant(item) for item in value]
    if callable(value):
        return {"str": getattr(value, "__name__", str(value))}
    return attribute(value, {})


# Element types of pointers, as dtypes.
_POINTED = {"i1": "bool", "u1": "bool", "i8": "int8", "u8": "uint8", "i16": "int16", "i32": "int32", "i64": "int64",
            "fp16": "float16", "bf16": "bfloat16", "fp32": "float32", "fp64": "float64"}
_TL_NAMES = {"fp16": "float16", "bf16": "bfloat16", "fp32": "float32", "fp64": "float64", "fp8e4nv": "float8e4nv",
             "fp8e5": "float8e5"}


class PlanBuilder:
    """One plan: takes launches as they come, in step with Memory's copies and fills."""

    def __init__(self, memory: Memory, images: Images):
        self._memory = memory
        self._images = images
        self._kernels: list[dict[str, Any]] = []
        self._keys: dict[tuple, int] = {}

    def launch(self, launch: Launch) -> None:
        if 0 in launch.grid:
            return  # Triton launches nothing
        if min(launch.grid) < 0:
            raise self._memory.refuse("launcher_error", f"the grid {list(launch.grid)} has a negative size")
        image = self._images.json_of(launch)
        metas = list(getattr(launch.image.metadata, "tensordesc_meta", None) or [])
        args = []
        for kind, value in _flatten(list(launch.image.src.signature.values()), launch.args):
            if kind.startswith("tensordesc"):
                args.append(self._descriptor(value, kind, metas.pop(0) if metas else None))
            else:
                args.append(self._pointer(value, kind) if kind.startswith("*") else self._scalar(kind, value))
        self._memory.add_step({"launch": self._kernel(launch.image, image), "grid": list(launch.grid), "args": args})

    def _kernel(self, image: CompiledImage, json: dict[str, Any]) -> int:
        key = (id(image),)
        if key not in self._keys:
            self._keys[key] = len(self._kernels)
            self._kernels.append(json)
        return self._keys[key]

    def _pointer(self, value: Any, kind: str) -> dict[str, Any]:
        dtype = _POINTED.get(kind.removeprefix("*").removeprefix("k"))
        element = [dtype] if dtype else []
        if hasattr(value, "data_ptr"):
            device = getattr(value, "device", None)
            if device is not None and device.type != "cuda":
                raise self._memory.refuse("launcher_error",
                                          f"a kernel was given a tensor on {device.type}, which a GPU cannot read")
            if isinstance(value, torch.Tensor) and value.numel() == 0:
                return {"pointer": [self._memory.buffer_of(value).index, 0, *element]}
            value = value.data_ptr()
        buffer, offset = self._memory.locate(int(value))
        return {"pointer": [buffer.index, offset, *element]}

    def _descriptor(self, value: Descriptor, kind: str, meta: dict[str, Any] | None) -> dict[str, Any]:
        if meta is not None and meta.get("fp4_padded"):
            raise self._memory.refuse("unsupported", "a kernel takes a descriptor of 4-bit elements")
        dtype, block = _descriptor_type(kind)
        address = value.base.data_ptr() if hasattr(value.base, "data_ptr") else value.base
        buffer, offset = self._memory.locate(int(address))
        view = self._memory.strided_view(buffer, dtype, value.shape, value.strides, offset // dtype.itemsize)
        meta = meta or {"block_size": block, "swizzle": 0, "elem_type": -1, "elem_size": dtype.itemsize}
        return {"descriptor": view, "block_shape": block, "padding": value.padding, "box": list(meta["block_size"]),
                "swizzle": meta["swizzle"], "element_type": meta["elem_type"], "element_bytes": meta["elem_size"]}

    @staticmethod
    def _scalar(kind: str, value: Any) -> dict[str, Any]:
        kind = param_type(kind)
        return {kind: attribute(float(value), {}) if kind in _FLOATS else int(value)}

    def finish(self, results: list[torch.Tensor], target: str, compile_ms: float) -> dict[str, Any]:
        return {"format": "drtriton.plan/1", "target": target, "compile_ms": round(compile_ms, 3),
                "buffers": [buffer.to_json() for buffer in self._memory.buffers], "kernels": self._kernels,
                "steps": self._memory.steps, "results": [self._memory.view(tensor) for tensor in results]}


_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16, "fp32": torch.float32, "fp64": torch.float64, "i8": torch.int8,
           "u8": torch.uint8, "i16": torch.int16, "i32": torch.int32, "i64": torch.int64, "u1": torch.bool, "i1": torch.bool}


def _descriptor_type(kind: str) -> tuple[torch.dtype, list[int]]:
    """`tensordesc<fp16[128, 32]>` -> (float16, [128, 32])."""
    name, _, rest = kind.removeprefix("tensordesc<").partition("[")
    if name not in _DTYPES:
        raise CandidateFailure("unsupported", f"a kernel takes a descriptor of {name} elements")
    return _DTYPES[name], [int(size) for size in rest[: rest.index("]")].split(",")]

