"""Times modules on one GPU against each other, interleaved in one run.

Device time: each module's call is captured as a CUDA graph; a sample is one replay between two events, behind a kernel
that overwrites the L2 cache.  Wall time: the caller's time per call, over an unsynchronised loop that is waited for at
its end.  Samples of all modules alternate, so that clocks and temperature are the same for each.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import statistics
import time
import types
from collections.abc import Callable, Iterator
from typing import Any

import torch

from drtriton import clock_load
from drtriton.clock_compile import compile_ahead, share_kernels
from drtriton.importer_errors import first_line

_READY_LIMIT_S = 120.0  # for one module's compilation and first calls
_THOROUGH = "max-autotune-no-cudagraphs"
_THOROUGH_LIMIT_S = 600.0  # the same, where torch.compile times kernels
_WARM_S = 0.2
_MOST_SAMPLES = 400
_LEAST_SAMPLES = 5


class Contestant:
    """One module under the clock."""

    def __init__(self, name: str):
        self.name = name
        self.call: Callable[[], Any] | None = None
        self.replay: Callable[[], Any] | None = None
        self.graph: torch.cuda.CUDAGraph | None = None
        self.device_ms: list[float] = []
        self.wall_us: list[float] = []
        self.failure = ""

    def fail(self, what: str) -> None:
        self.failure, self.call, self.replay, self.graph = what, None, None, None
        gc.collect()
        torch.cuda.empty_cache()

    def json(self) -> dict[str, Any]:
        return {"name": self.name, "device_ms": statistics.median(self.device_ms) if self.device_ms else None,
                "device_ci_ms": interval(self.device_ms),
                "wall_us": statistics.median(self.wall_us) if self.wall_us else None, "failure": self.failure}


def interval(samples: list[float]) -> float | None:
    """Half the width of the 95% confidence interval of the median, from order statistics."""
    count = len(samples)
    if count < _LEAST_SAMPLES:
        return None
    ordered = sorted(samples)
    reach = 0.98 * count**0.5  # 1.96 standard deviations of the rank, each sqrt(count) / 2
    low, high = max(0, int(count / 2 - reach)), min(count - 1, int(count / 2 + reach))
    return (ordered[high] - ordered[low]) / 2


def time_all(request: dict[str, Any]) -> dict[str, Any]:
    """Answers {"timings": [...]}: eager, torch.compile in each mode (where asked for), then the variants in order."""
    with torch.no_grad():
        contestants = _prepare(request)
        pool = torch.cuda.graph_pool_handle() if torch.cuda.is_available() else None
        for contestant in contestants:
            if contestant.call is not None:
                _capture(contestant, pool)
        running = [contestant for contestant in contestants if contestant.call is not None]
        share = 0.6 if request["wall"] else 1.0
        _sample_device(running, request["budget_s"] * share)
        if request["wall"]:
            _sample_wall(running, request["budget_s"] * (1 - share))
    timings = [contestant.json() for contestant in contestants]
    for contestant in contestants:  # their memory, before the next request
        contestant.fail("")
    return {"timings": timings}


_compiled_ahead: list[Contestant] = []  # torch.compile's module, made by prepare()


def prepare(request: dict[str, Any]) -> dict[str, Any]:
    """Makes the module, its inputs and (where asked for) what torch.compile makes of it, so that later requests find them."""
    with torch.no_grad():
        original, eager = _original(request)
        if request["compile"]:
            _compiled_ahead.append(_ready("torch.compile", lambda: _compiled(original, eager, request)))
        else:
            clock_load.inputs(original, eager, request)
    return {}


def _prepare(request: dict[str, Any]) -> list[Contestant]:
    """Modules with the same state; each is called until it is warm."""
    original, eager = _original(request)
    contestants = []
    started = time.perf_counter()
    if request["eager"]:
        contestants.append(
            _ready("eager", lambda: clock_load.call_of(eager, clock_load.inputs(original, eager, request)))
        )
    if request["compile"]:
        ahead = _compiled_ahead.pop() if _compiled_ahead else None
        contestants.append(ahead or _ready("torch.compile", lambda: _compiled(original, eager, request)))
    if request["max_autotune"]:
        make = lambda: _compiled(original, eager, request, _THOROUGH)  # noqa: E731
        contestants.append(_ready(f"torch.compile {_THOROUGH}", make, _THOROUGH_LIMIT_S))
        started = time.perf_counter()  # the variants' time begins behind it
    variants = [clock_load.import_file(path, os.path.dirname(request["module"])) for path in request["variants"]]
    if len(variants) > 1:  # a file that is timed alone is compiled just as its user will
        for module in variants:
            share_kernels(module)
    compiled = compile_ahead(variants, request["ready_s"] - (time.perf_counter() - started))
    for path, module, is_compiled in zip(request["variants"], variants, compiled):
        stem = os.path.splitext(os.path.basename(path))[0]
        if is_compiled and time.perf_counter() - started < request["ready_s"]:
            contestants.append(_ready(stem, lambda module=module: _variant(module, eager, request)))
        else:
            contestants.append(Contestant(stem))
            contestants[-1].fail("the time ended before it was compiled")
    return contestants


def _ready(name: str, make: Callable[[], Callable[[], Any]], limit_s: float = _READY_LIMIT_S) -> Contestant:
    contestant = Contestant(name)
    try:
        with _time_limit(limit_s):
            contestant.call = make()
            for _ in range(3):
                contestant.call()
            torch.cuda.synchronize()
    except Exception as error:  # whatever a module does, the others go on
        contestant.fail(f"{type(error).__name__}: {first_line(error)}")
    return contestant


_originals: dict[str, tuple[Any, torch.nn.Module]] = {}  # the module of earlier requests


def _original(request: dict[str, Any]) -> tuple[Any, torch.nn.Module]:
    path = request["module"]
    if path not in _originals:
        module = clock_load.import_file(path, os.path.dirname(path))
        _originals[path] = module, clock_load.construct(module, "Model", request)
    return _originals[path]


def _compiled(
    original: Any, eager: torch.nn.Module, request: dict[str, Any], mode: str | None = None
) -> Callable[[], Any]:
    return clock_load.call_of(torch.compile(eager, mode=mode), clock_load.inputs(original, eager, request))


def _variant(module: types.ModuleType, eager: torch.nn.Module, request: dict[str, Any]) -> Callable[[], Any]:
    with torch.device(request["device"]):  # parameters that are replaced at once are drawn where that is quick
        model = clock_load.construct(module, "ModelNew", request)
    arguments = clock_load.inputs(module, model, request)
    found = module._drt_guard(model, *arguments)
    if not isinstance(found, tuple):  # the constructor made something else there than on the CPU
        model = clock_load.construct(module, "ModelNew", request)
        found = module._drt_guard(model, *arguments)
    if not isinstance(found, tuple):
        raise RuntimeError(f"its kernels do not run: {found}")
    model.load_state_dict(eager.state_dict())
    return clock_load.call_of(model, arguments)


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise TimeoutError(f"not ready after {seconds:g} s")

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def _capture(contestant: Contestant, pool: Any) -> None:
    """The call as a graph; graphs share their memory, since only one runs at a time and no result is looked at."""
    try:
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool, capture_error_mode="thread_local"):
            contestant.call()
        graph.replay()
        torch.cuda.synchronize()
        contestant.graph, contestant.replay = graph, graph.replay
    except Exception as error:
        torch.cuda.synchronize()
        contestant.fail(f"it cannot be captured as a CUDA graph: {first_line(error)}")


def _flush_buffer() -> torch.Tensor:
    l2_bytes = torch.cuda.get_device_properties(torch.cuda.current_device()).L2_cache_size
    return torch.empty(max(4 * l2_bytes, 64 << 20), dtype=torch.uint8, device="cuda")


def _sample_device(contestants: list[Contestant], budget_s: float) -> None:
    if not contestants:
        return
    flush = _flush_buffer()
    started = time.perf_counter()
    while time.perf_counter() - started < _WARM_S:  # clocks
        flush.zero_()
        torch.cuda.synchronize()
    started = time.perf_counter()
    while len(contestants[0].device_ms) < _MOST_SAMPLES:
        if len(contestants[0].device_ms) >= _LEAST_SAMPLES and time.perf_counter() - started > budget_s:
            break
        events = []
        for contestant in contestants:
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            flush.zero_()
            begin.record()
            contestant.replay()
            end.record()
            events.append((contestant, begin, end))
        torch.cuda.synchronize()
        for contestant, begin, end in events:
            contestant.device_ms.append(begin.elapsed_time(end))


def _sample_wall(contestants: list[Contestant], budget_s: float) -> None:
    if not contestants:
        return
    started = time.perf_counter()
    calls = {contestant.name: _calls_in(contestant.call, 0.01) for contestant in contestants}
    while len(contestants[0].wall_us) < _MOST_SAMPLES:
        if len(contestants[0].wall_us) >= _LEAST_SAMPLES and time.perf_counter() - started > budget_s:
            break
        for contestant in contestants:
            contestant.wall_us.append(_loop_us(contestant.call, calls[contestant.name]))


def _calls_in(call: Callable[[], Any], seconds: float) -> int:
    return max(1, min(1000, int(seconds * 1e6 / max(_loop_us(call, 3), 1.0))))


def _loop_us(call: Callable[[], Any], count: int) -> float:
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(count):
        call()
    torch.cuda.synchronize()
    return (time.perf_counter() - started) * 1e6 / count
