"""A warm worker: imports what is expensive once, then runs each request in a fork of itself.

The conversation is JSON lines. In: `{"id", "timeout_s", "memory_bytes", "folder", "visible", "masked", ...}`; the last two are
files and folders that this request's candidate sees although they lie in hidden folders, and files that it must not see. Out: first
`{"ready": true, "layers": [...]}`, then one line a request as each is done, `{"id", "layers", "seconds", "answer": {...}}` or
`{"id", "layers", "seconds", "failure": {"stage", "code", "reason"}}`. Files that a request returns are written to its folder by
this process, each under a temporary name that is then renamed; the fork itself can write nowhere.

A fork answers through a memory file: one line of JSON, `{"answer" or "failure", "files": [[name, bytes], ...]}`, then
the bytes of the files. What it prints goes to a second one whose end is kept for the reason of a crash.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import mmap
import os
import re
import select
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from drtriton.candidate_failure import CandidateFailure
from drtriton.worker_sandbox import NO_OUTER_SANDBOX, CandidateLimits, Sandbox, SandboxOptions, close_other_files, folder_bytes, process_count

_FILE_NAME = re.compile(r"[A-Za-z0-9_]+\.[a-z]+")
_MAX_HEADER_BYTES = 64 << 20
_MAX_NESTING = 200
_BRACKETS = re.compile(rb'[][{}]|"(?:[^"\\\\]|\\\\.)*"')   # outside of strings
_MAX_PROCESSES = 16  # of one candidate; Triton starts one compiler at a time
_TICK_S = 0.1


@dataclass
class Answer:
    """What a request gives: a JSON object, and files by name for its folder."""

    value: dict[str, Any]
    files: dict[str, bytes | memoryview] = field(default_factory=dict)


@dataclass
class _Running:
    request: dict[str, Any]
    pid: int
    watch: int        # pidfd
    result: int       # memory files
    log: int
    scratch: str
    start: float
    timed_out: bool = False
    too_many: bool = False
    too_much: bool = False


class Server:
    """Serves requests until its input ends. `run` is called in the fork."""

    def __init__(self, run: Callable[[dict[str, Any]], Answer], sandbox: Sandbox, scratch: str):
        self._run = run
        self._sandbox = sandbox
        self._scratch = scratch
        self._running: dict[int, _Running] = {}
        self._input = b""
        # Libraries that print must not disturb the conversation.
        self._output = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(2, 1)

    def serve(self) -> None:
        self._say({"ready": True, "layers": self._sandbox.layers})
        gc.collect()
        gc.freeze()  # keeps the pages of long-lived objects shared with the forks
        poll = select.poll()
        poll.register(0, select.POLLIN | select.POLLHUP)
        self._idle_processes = process_count()
        while True:
            for descriptor, _ in poll.poll(_TICK_S * 1000 if self._running else None):
                if descriptor == 0:
                    if not self._read_requests(poll):
                        self._kill_all()
                        return
                elif descriptor in self._running:
                    poll.unregister(descriptor)
                    self._finish(self._running.pop(descriptor))
            self._enforce_limits()

    def _say(self, message: dict[str, Any]) -> None:
        self._output.write(_line(message))

    def _read_requests(self, poll: select.poll) -> bool:
        data = os.read(0, 1 << 20)
        *lines, self._input = (self._input + data).split(b"\n")
        for line in lines:
            if line.strip():
                running = self._start(json.loads(line))
                poll.register(running.watch, select.POLLIN)
                self._running[running.watch] = running
        return bool(data)

    def _start(self, request: dict[str, Any]) -> _Running:
        result, log = os.memfd_create("result"), os.memfd_create("log")
        scratch = tempfile.mkdtemp(dir=self._scratch)
        sys.stdout.flush()
        sys.stderr.flush()
        pid = self._sandbox.fork_candidate()
        if pid == 0:
            self._be_candidate(request, result, log, scratch)
        return _Running(request, pid, os.pidfd_open(pid), result, log, scratch, time.monotonic())

    def _be_candidate(self, request: dict[str, Any], result: int, log: int, scratch: str) -> None:
        """Never returns: the life of a fork."""
        try:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(log, 1)
            os.dup2(log, 2)
            close_other_files({result})
            limits = CandidateLimits(request["memory_bytes"], int(request["timeout_s"]) + 30,
                                     max(1 << 30, request["memory_bytes"]))
            self._sandbox.enter_candidate(scratch, limits, request.get("visible", []), request.get("masked", []))
            os.environ["TMPDIR"] = tempfile.tempdir = scratch
            os.chdir(scratch)
            try:
                answer = self._run(request)
                header: dict[str, Any] = {"answer": answer.value}
            except CandidateFailure as failure:
                answer, header = Answer({}), {"failure": failure.to_json()}
            header["files"] = [[name, memoryview(data).nbytes] for name, data in answer.files.items()]
            _write_all(result, _line(header))
            for data in answer.files.values():
                _write_all(result, memoryview(data).cast("B"))
        except MemoryError:
            _fail(result, CandidateFailure("out_of_memory", "the candidate exceeded its limit of memory"))
        except BaseException as error:  # a bug of ours
            _fail(result, CandidateFailure("internal", f"recording the candidate: {_where(error)}"))
        os._exit(0)

    def _enforce_limits(self) -> None:
        now = time.monotonic()
        crowded = process_count() > self._idle_processes + 2 * len(self._running) + _MAX_PROCESSES if self._running else False
        private = "private scratch" in self._sandbox.layers
        for running in self._running.values():
            if now - running.start > running.request["timeout_s"]:
                running.timed_out = True
                _kill(running.pid)
            elif crowded and self._sandbox.descendants(running.pid) > _MAX_PROCESSES:
                running.too_many = True
                _kill(running.pid)
            elif not private and folder_bytes(running.scratch) > CandidateLimits.scratch_bytes:
                running.too_much = True
                _kill(running.pid)

    def _finish(self, running: _Running) -> None:
        _, status = os.waitpid(running.pid, 0)
        _kill_group(running.pid)
        reply: dict[str, Any] = {"id": running.request["id"], "layers": self._sandbox.layers,
                                 "seconds": round(time.monotonic() - running.start, 4)}
        try:
            reply |= self._outcome(running, os.waitstatus_to_exitcode(status))
        except CandidateFailure as failure:
            reply["failure"] = failure.to_json()
        finally:
            for descriptor in (running.watch, running.result, running.log):
                os.close(descriptor)
            shutil.rmtree(running.scratch, ignore_errors=True)
        self._say(reply)

    def _outcome(self, running: _Running, exit_code: int) -> dict[str, Any]:
        if running.timed_out:
            raise CandidateFailure("timeout", f"the candidate ran past its limit of {running.request['timeout_s']:g} s")
        if running.too_many:
            raise CandidateFailure("forbidden", f"the candidate started more than {_MAX_PROCESSES} processes")
        if running.too_much:
            raise CandidateFailure("forbidden", f"the candidate wrote more than {CandidateLimits.scratch_bytes >> 20} MiB of files")
        if exit_code != 0 or os.fstat(running.result).st_size == 0:
            raise _crash(exit_code, _tail(running.log))
        with mmap.mmap(running.result, 0, access=mmap.ACCESS_READ) as data:
            end = data.find(b"\n", 0, _MAX_HEADER_BYTES)
            try:
                header = _forged(bytes(data[:end]))
                files = [(str(name), int(size)) for name, size in header.pop("files")]
            except (ValueError, OverflowError, KeyError, TypeError, AttributeError, RecursionError):
                raise CandidateFailure("crashed", "the candidate's process ended without an answer that can be read") from None
            _write_files(running.request["folder"], memoryview(data)[end + 1:], files)
        return {key: header[key] for key in ("answer", "failure") if key in header}

    def _kill_all(self) -> None:
        for running in self._running.values():
            _kill(running.pid)


def _line(message: dict[str, Any]) -> bytes:
    """One line of JSON. A lone surrogate, which a candidate's message may hold, is no text: `?` stands for it."""
    return json.dumps(message, ensure_ascii=False).encode(errors="replace") + b"\n"


def _forged(line: bytes) -> Any:
    """What a fork answered, of which nothing is believed: JSON as C++ reads it, else ValueError or OverflowError.

    Python's parser takes more: NaN, numbers of any size, other encodings, nesting of any depth.
    """
    if line.count(b"[") + line.count(b"{") > _MAX_NESTING:
        _require_shallow(line)
    return json.loads(line.decode(), parse_constant=_no_number, parse_float=_finite, parse_int=_of_64_bits)


def _require_shallow(line: bytes) -> None:
    depth = 0
    for bracket in _BRACKETS.findall(line):
        depth += 1 if bracket in b"[{" else -1 if bracket in b"]}" else 0
        if depth > _MAX_NESTING:
            raise ValueError("nested too deeply")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _no_number(text)


def _of_64_bits(text: str) -> int:
    number = int(text)
    return number if -(1 << 63) <= number < 1 << 64 else int(_no_number(text))


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view):]


def _fail(result: int, failure: CandidateFailure) -> None:
    os.ftruncate(result, 0)
    os.lseek(result, 0, os.SEEK_SET)
    _write_all(result, _line({"failure": failure.to_json(), "files": []}))


def _where(error: BaseException) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {os.path.basename(frame.filename)}:{frame.lineno}: {error}"


def _write_files(folder: str, data: memoryview, files: list[tuple[str, int]]) -> None:
    with data:
        if sum(size for _, size in files) != data.nbytes or any(size < 0 for _, size in files):
            raise CandidateFailure("crashed", "the candidate's process ended in the middle of its answer")
        os.makedirs(folder, exist_ok=True)
        start = 0
        for name, size in files:
            if not _FILE_NAME.fullmatch(name):
                raise CandidateFailure("bad_plan", "the candidate's answer names a file outside of its folder")
            unfinished = os.path.join(folder, name + ".unfinished")
            with open(unfinished, "wb") as file, data[start:start + size] as part:
                file.write(part)
            os.replace(unfinished, os.path.join(folder, name))
            start += size


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def _tail(log: int, limit: int = 4096) -> str:
    size = os.fstat(log).st_size
    return os.pread(log, limit, max(0, size - limit)).decode(errors="replace")


def _crash(exit_code: int, log: str) -> CandidateFailure:
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    last = f": {lines[-1][:200]}" if lines else ""
    if "bad_alloc" in log or "LLVM ERROR: out of memory" in log:
        return CandidateFailure("out_of_memory", "the candidate exceeded its limit of memory")
    if exit_code == -signal.SIGXCPU:
        return CandidateFailure("timeout", "the candidate used up its processor time")
    if exit_code == -signal.SIGSYS:
        return CandidateFailure("forbidden", "the candidate made a system call that no candidate may make")
    if exit_code < 0:
        name = signal.Signals(-exit_code).name if -exit_code in signal.valid_signals() else str(-exit_code)
        return CandidateFailure("crashed", f"the candidate's process was ended by signal {name}{last}")
    return CandidateFailure("crashed", f"the candidate's process ended by itself with status {exit_code}{last}")


def main(prepare: Callable[[], Callable[[dict[str, Any]], Answer]], probe: Callable[[], None] | None = None) -> None:
    """Runs a worker. `prepare` does the expensive imports, after the sandbox is entered, and returns what runs a request.

    `probe` is called once as a candidate would be run; where it raises, this isolation is too strong for this host, and the
    worker ends with its reason.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--sandbox", default=NO_OUTER_SANDBOX, help="worker_sandbox.SandboxOptions as JSON")
    parser.add_argument("--scratch", required=True, help="an empty folder for candidates' scratch")
    options = parser.parse_args()
    sandbox = Sandbox(SandboxOptions.from_json(options.sandbox), options.scratch)
    sandbox.enter_worker()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us; our input ends with it
    run = prepare()
    if probe is not None:
        _require_probe(probe, sandbox, options.scratch)
    Server(run, sandbox, options.scratch).serve()


def _require_probe(probe: Callable[[], None], sandbox: Sandbox, folder: str) -> None:
    scratch = tempfile.mkdtemp(dir=folder)
    child = sandbox.fork_candidate()
    if child == 0:
        try:
            sandbox.enter_candidate(scratch, CandidateLimits(32 << 30, 300, 1 << 30), [], [])
            os.environ["TMPDIR"] = tempfile.tempdir = scratch
            os.chdir(scratch)
            probe()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    shutil.rmtree(scratch, ignore_errors=True)
    if status != 0:
        sys.exit(f"the GPU cannot be used under this isolation (status {os.waitstatus_to_exitcode(status)})")
