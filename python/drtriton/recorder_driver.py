"""A Triton driver that records launches instead of carrying them out.

It compiles for the target (Triton needs no GPU for that) and keeps what every launch was given. Fast paths work too: code
that keeps a CompiledKernel and calls its `run`, or the launcher's `launch` with raw pointers and encoded descriptors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.backends.driver import DriverBase
from triton.backends.nvidia.driver import wrap_handle_tensordesc
from triton.runtime import driver as triton_driver


@dataclass
class CompiledImage:
    """A kernel that was loaded for launching."""

    name: str
    cubin: bytes
    src: Any = None        # Triton's ASTSource
    metadata: Any = None
    ttir: str = ""
    ptx: str = ""


@dataclass
class TensorMap:
    """What stands for an encoded CUtensorMap."""

    address: int
    block_size: list[int]
    padding: int


@dataclass
class Descriptor:
    """A tensor descriptor as a launch gets it; `base` is an address or has one."""

    base: Any
    shape: list[int]
    strides: list[int]
    padding: int


@dataclass
class Launch:
    """One launch: arguments as in the function's signature."""

    image: CompiledImage
    grid: tuple[int, int, int]
    args: list[Any]


@dataclass
class LaunchLog:
    """Everything that was loaded; where launches go."""

    on_launch: Callable[[Launch], None]
    images: dict[int, CompiledImage] = field(default_factory=dict)   # by function handle

    def image_of(self, function: Any, launcher: CudaLauncher) -> CompiledImage:
        image = self.images[int(function)]
        if image.src is None:
            image.src, image.metadata = launcher.src, launcher.metadata
        return image


class CudaLauncher:
    """In the place of Triton's class of this name: the same members, called in the same two ways."""

    def __init__(self, log: LaunchLog, src: Any, metadata: Any):
        self._log = log
        self.src = src
        self.metadata = metadata
        self.num_ctas = getattr(metadata, "num_ctas", 1)
        self.global_scratch_size = metadata.global_scratch_size
        self.global_scratch_align = metadata.global_scratch_align
        self.profile_scratch_size = metadata.profile_scratch_size
        self.profile_scratch_align = metadata.profile_scratch_align
        self.launch_cooperative_grid = metadata.launch_cooperative_grid
        self.launch_pdl = metadata.launch_pdl
        signature = dict(enumerate(src.signature.values()))
        self.launch = wrap_handle_tensordesc(self._launch_expanded, signature, getattr(metadata, "tensordesc_meta", None))

    def __call__(self, x: Any, y: Any, z: Any, stream: Any, function: Any, *args: Any) -> None:
        self.launch(x, y, z, stream, function, self.launch_cooperative_grid, self.launch_pdl, None, None, *args)

    def _launch_expanded(self, x: Any, y: Any, z: Any, stream: Any, function: Any, cooperative: Any, pdl: Any,
                         global_scratch: Any, profile_scratch: Any, packed: Any, launch_metadata: Any, enter: Any,
                         leave: Any, *args: Any) -> None:
        """In the place of the compiled launcher: descriptors come as map, sizes and strides (or as base, sizes, strides,
        padding, sizes, strides where the target has no maps)."""
        given, values = [], list(args)
        for kind in self.src.signature.values():
            value = values.pop(0)
            if isinstance(kind, str) and kind.startswith("tensordesc"):
                rank = kind.count(",") + 1
                shape, strides = values[:rank], values[rank:2 * rank]
                padding = value.padding if isinstance(value, TensorMap) else int(values[2 * rank])
                del values[:2 * rank if isinstance(value, TensorMap) else 4 * rank + 1]
                value = Descriptor(value.address if isinstance(value, TensorMap) else value, shape, strides, padding)
            given.append(value)
        self._record(x, y, z, function, given)

    def _record(self, x: Any, y: Any, z: Any, function: Any, args: list[Any]) -> None:
        self._log.on_launch(Launch(self._log.image_of(function, self), (int(x), int(y), int(z)), args))


class CudaUtils:
    """In the place of Triton's class of this name."""

    def __init__(self, log: LaunchLog, device: dict[str, Any]):
        self._log = log
        self._properties = {
            "max_shared_mem": device["shared_bytes_per_block"], "max_num_regs": device["registers_per_multiprocessor"],
            "multiprocessor_count": device["multiprocessors"], "warpSize": 32, "sm_clock_rate": 1980000,
            "mem_clock_rate": 3201000, "mem_bus_width": 6144}

    def get_device_properties(self, _: int) -> dict[str, int]:
        return self._properties

    def load_binary(self, name: str, kernel: bytes, shared: int, device: int) -> tuple[int, int, int, int, int]:
        handle = len(self._log.images) + 1
        self._log.images[handle] = CompiledImage(name, kernel)
        return handle, handle, 0, 0, 1024

    def loaded(self, module: Any, function: Any, name: str, files: dict[str, str], hash: str) -> None:
        """Triton's hook behind load_binary: where the intermediate forms are."""
        image = self._log.images[function]
        for file, path in files.items():
            if file.endswith(".ttir"):
                image.ttir = Path(path).read_text(encoding="utf-8")
            elif file.endswith(".ptx"):
                image.ptx = Path(path).read_text(encoding="utf-8")

    def fill_tma_descriptor(self, address: int, swizzle: int, element_bytes: int, element_type: int, block_size: list[int],
                            shape: list[int], strides: list[int], padding: int) -> TensorMap:
        return TensorMap(int(address), list(block_size), int(padding))

    def cuOccupancyMaxActiveClusters(self, *_: Any) -> int:
        return 1

    def set_printf_fifo_size(self, _: int) -> None:
        return None


class CudaDriver(DriverBase):
    """The active driver while a candidate is recorded."""

    def __init__(self, log: LaunchLog, device: dict[str, Any]):
        self._capability = int(device["capability"])
        self.utils = CudaUtils(log, device)
        self.launcher_cls = lambda src, metadata: CudaLauncher(log, src, metadata)

    @classmethod
    def is_active(cls) -> bool:
        return True

    def map_python_to_cpp_type(self, ty: str) -> str:
        return ty

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", self._capability, 32)

    def get_device_capability(self, *_: Any) -> tuple[int, int]:
        return divmod(self._capability, 10)

    def get_active_torch_device(self) -> torch.device:
        return torch.device("cuda", 0)

    def get_benchmarker(self) -> Callable[..., Any]:
        return lambda call, **_: (call(), [0.0, 0.0, 0.0])[1]

    def get_current_device(self) -> int:
        return 0

    def set_current_device(self, _: int) -> None:
        return None

    def get_current_stream(self, _: int) -> int:
        return 0

    def get_device_interface(self) -> Any:
        return torch.cuda

    def get_empty_cache_for_benchmark(self) -> Any:
        return None

    def clear_cache(self, _: Any) -> None:
        return None


def install(log: LaunchLog, device: dict[str, Any]) -> None:
    """Makes every later launch in this process go to `log`."""
    driver = CudaDriver(log, device)
    triton_driver.set_active(driver)
    knobs.runtime.kernel_load_end_hook.add(driver.utils.loaded)


__all__ = ["CompiledImage", "Descriptor", "Launch", "LaunchLog", "install"]
