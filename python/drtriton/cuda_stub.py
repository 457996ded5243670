"""`torch.cuda` as launchers see it, on a machine without a GPU: one device, the target, on which nothing ever runs.

Installed in forks only; nothing is restored.
"""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator
from typing import Any

import torch


class Streams:
    """Which stream work goes to and what each stream has waited for; the work itself is recorded in program order.

    A clock says how much of every stream's work is known to be done.
    """

    def __init__(self) -> None:
        self.default = self.current = _Stream(_streams=self)
        self._all = [self.default]

    def add(self, stream: _Stream) -> None:
        self._all.append(stream)

    def work(self) -> None:
        """Something was put on the current stream."""
        self.current.clock[id(self.current)] = self.current.clock.get(id(self.current), 0) + 1

    def wait_on_host(self, clock: dict[int, int]) -> None:
        for stream in self._all:
            stream.learn(clock)

    def synchronize(self, *_: Any) -> None:
        for stream in list(self._all):
            self.wait_on_host(stream.clock)

    def set_current(self, stream: Any) -> None:
        if isinstance(stream, _Stream):
            self.current = stream

    @contextlib.contextmanager
    def use(self, stream: Any) -> Iterator[Any]:
        before = self.current
        self.set_current(stream)
        try:
            yield stream
        finally:
            self.current = before

    def is_joined(self) -> bool:
        """Whether the default stream, on which the caller goes on, has waited for all work."""
        return all(self.default.clock.get(id(stream), 0) >= stream.clock.get(id(stream), 0) for stream in self._all)


class _Stream:
    """A stream of the one device."""

    cuda_stream = 0
    stream_id = 0
    device_index = 0

    def __init__(self, *_: Any, _streams: Streams | None = None, **__: Any):
        self.device = torch.device("cuda", 0)
        self.clock: dict[int, int] = {}
        self._streams = _streams or STREAMS
        if _streams is None:
            STREAMS.add(self)

    def learn(self, clock: dict[int, int]) -> None:
        for stream, done in clock.items():
            self.clock[stream] = max(done, self.clock.get(stream, 0))

    def wait_stream(self, other: Any) -> None:
        self.learn(other.clock)

    def wait_event(self, event: Any) -> None:
        self.learn(event.clock)

    def synchronize(self) -> None:
        self._streams.wait_on_host(self.clock)

    def query(self) -> bool:
        return True

    def record_event(self, event: Any = None) -> Any:
        event = event or _Event()
        event.record(self)
        return event

    def __enter__(self) -> _Stream:
        self._before = self._streams.current
        self._streams.current = self
        return self

    def __exit__(self, *_: Any) -> None:
        self._streams.current = self._before


class _Event:
    def __init__(self, *_: Any, **__: Any):
        self.clock: dict[int, int] = {}

    def record(self, stream: Any = None) -> None:
        self.clock = dict((stream or STREAMS.current).clock)

    def wait(self, stream: Any = None) -> None:
        (stream or STREAMS.current).learn(self.clock)

    def synchronize(self) -> None:
        STREAMS.wait_on_host(self.clock)

    def query(self) -> bool:
        return True

    def elapsed_time(self, _: Any) -> float:
        return 1.0


STREAMS = Streams()


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
    answers = {
        "is_available": True, "is_initialized": True, "device_count": 1, "current_device": 0, "_lazy_init": None, "init": None,
        "set_device": None, "empty_cache": None, "ipc_collect": None, "get_device_name": properties.name,
        "get_device_capability": (properties.major, properties.minor), "get_device_properties": properties,
        "is_current_stream_capturing": False, "is_bf16_supported": True,
        "_exchange_device": 0, "_maybe_exchange_device": 0, "memory_allocated": 0, "max_memory_allocated": 0,
        "memory_reserved": 0, "max_memory_reserved": 0, "reset_peak_memory_stats": None,
        "mem_get_info": (properties.total_memory, properties.total_memory), "manual_seed": None, "manual_seed_all": None,
        "get_arch_list": [f"sm_{device['capability']}"],
    }
    for name, answer in answers.items():
        setattr(torch.cuda, name, lambda *_, _answer=answer, **__: _answer)
    torch.cuda.Stream, torch.cuda.Event = _Stream, _Event  # type: ignore[misc, assignment]
    torch.cuda.current_stream = lambda *_: STREAMS.current  # type: ignore[assignment, return-value]
    torch.cuda.default_stream = lambda *_: STREAMS.default  # type: ignore[assignment, return-value]
    torch.cuda.set_stream, torch.cuda.stream = STREAMS.set_current, STREAMS.use  # type: ignore[assignment]
    torch.cuda.synchronize = STREAMS.synchronize
    torch._C._dynamo.guards._empty_strided_cuda = lambda shape, strides, dtype: torch.empty_strided(
        shape, strides, dtype=dtype, device="cuda")
    torch._C._cuda_getCurrentRawStream = lambda _: 0
    torch._C._cuda_getDevice = lambda: 0
    torch._C._cuda_getDeviceCount = lambda: 1
    torch._C._cuda_setDevice = lambda _: None
    torch._C._cuda_init = lambda: None
    torch._C._cuda_synchronize = lambda: None
