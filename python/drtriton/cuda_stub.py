"""`torch.cuda` as launchers see it, on a machine without a GPU: one device, the target, on which nothing ever runs.

Installed in forks only; nothing is restored.
"""

from __future__ import annotations

import contextlib
import types
from typing import Any

import torch


class _Stream:
    """The one stream. Work is recorded in program order whatever stream it was meant for."""

    cuda_stream = 0
    stream_id = 0
    device_index = 0

    def __init__(self, *_: Any, **__: Any):
        self.device = torch.device("cuda", 0)

    def _nothing(self, *_: Any, **__: Any) -> None:
        return None

    synchronize = wait_stream = wait_event = _nothing

    def query(self) -> bool:
        return True

    def record_event(self, event: Any = None) -> Any:
        return event or _Event()

    def __enter__(self) -> _Stream:
        return self

    def __exit__(self, *_: Any) -> None:
        return None


class _Event:
    def __init__(self, *_: Any, **__: Any):
        pass

    def _nothing(self, *_: Any, **__: Any) -> None:
        return None

    record = wait = synchronize = _nothing

    def query(self) -> bool:
        return True

    def elapsed_time(self, _: Any) -> float:
        return 1.0


def device_properties(device: dict[str, Any]) -> types.SimpleNamespace:
    """The target as `torch.cuda.get_device_properties` describes it; `device` is a DeviceSpec (core/device.h)."""
    major, minor = divmod(int(device["capability"]), 10)
    return types.SimpleNamespace(
        name=device["name"], major=major, minor=minor, multi_processor_count=device["multiprocessors"],
        total_memory=141 << 30, warp_size=32, max_threads_per_block=1024, max_threads_per_multi_processor=2048,
        regs_per_multiprocessor=device["registers_per_multiprocessor"], shared_memory_per_block=48 << 10,
        shared_memory_per_block_optin=device["shared_bytes_per_block"],
        shared_memory_per_multiprocessor=device["shared_bytes_per_block"] + 1024, L2_cache_size=device["l2_bytes"],
        is_integrated=0, is_multi_gpu_board=0, gcnArchName="")


def install(device: dict[str, Any]) -> None:
    """Makes `torch.cuda` answer for `device`."""
    properties = device_properties(device)
    stream = _Stream()
    answers = {
        "is_available": True, "is_initialized": True, "device_count": 1, "current_device": 0, "_lazy_init": None, "init": None,
        "synchronize": None, "set_device": None, "empty_cache": None, "ipc_collect": None, "get_device_name": properties.name,
        "get_device_capability": (properties.major, properties.minor), "get_device_properties": properties,
        "current_stream": stream, "default_stream": stream, "is_current_stream_capturing": False, "is_bf16_supported": True,
        "_exchange_device": 0, "_maybe_exchange_device": 0, "memory_allocated": 0, "max_memory_allocated": 0,
        "memory_reserved": 0, "max_memory_reserved": 0, "reset_peak_memory_stats": None, "set_stream": None,
        "mem_get_info": (properties.total_memory, properties.total_memory), "manual_seed": None, "manual_seed_all": None,
        "get_arch_list": [f"sm_{device['capability']}"],
    }
    for name, answer in answers.items():
        setattr(torch.cuda, name, lambda *_, _answer=answer, **__: _answer)
    torch.cuda.Stream, torch.cuda.Event = _Stream, _Event  # type: ignore[misc, assignment]
    torch.cuda.stream = lambda _: contextlib.nullcontext()  # type: ignore[assignment]
    torch._C._dynamo.guards._empty_strided_cuda = lambda shape, strides, dtype: torch.empty_strided(
        shape, strides, dtype=dtype, device="cuda")
    torch._C._cuda_getCurrentRawStream = lambda _: 0
    torch._C._cuda_getDevice = lambda: 0
    torch._C._cuda_getDeviceCount = lambda: 1
    torch._C._cuda_setDevice = lambda _: None
    torch._C._cuda_init = lambda: None
    torch._C._cuda_synchronize = lambda: None
