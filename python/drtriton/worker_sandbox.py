"""Isolation of candidates inside a worker: what a process can give up for itself and its children.

The farm (src/compile/sandbox.h) starts a worker, inside bubblewrap where it can. `Sandbox.enter_worker` adds namespaces of
the worker's own and finds out, by rehearsing it in a child, what of the isolation works on this host; each candidate then enters
exactly that (`enter_candidate`), and a step that fails there fails the candidate, so `layers` never promises what is not
there. The names of layers, by what they guarantee, are those of docs/verdicts.md.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field

from drtriton import worker_landlock, worker_system as system
from drtriton.worker_view import Mounts, View, landlock_rules

_INNER_ID = 1000  # not 0: a program started by root would get root's capabilities back


@dataclass(frozen=True)
class SandboxOptions:
    """From src/compile/sandbox.cc."""

    most: str                   # "namespaces", "process" (no namespaces) or "none" (limits alone)
    outer: list[str]            # layers that held when this process started
    hidden: list[str]           # folders that candidates find empty, but for Python's own and what a request names
    masked: list[str]           # files that candidates find empty
    devices: list[str]          # that candidates may open: the GPU's, for a real run
    syscall_filter: bytes       # worker_system.set_syscall_filter; empty: none

    @staticmethod
    def from_json(text: str) -> SandboxOptions:
        given = json.loads(text)
        return SandboxOptions(given["most"], given["outer"], given["hidden"], given["masked"], given["devices"],
                              bytes.fromhex(given["syscall_filter"]))


# What a worker takes that is started by hand.
NO_OUTER_SANDBOX = json.dumps({"most": "namespaces", "outer": [], "hidden": [], "masked": [], "devices": [],
                               "syscall_filter": ""})


@dataclass
class CandidateLimits:
    """Limits of one candidate. Memory is RLIMIT_DATA: what it may write to, of each of its processes."""

    memory_bytes: int
    cpu_seconds: int
    file_bytes: int
    processes: int = 256
    open_files: int = 512
    scratch_bytes: int = 512 << 20

    def apply(self) -> None:
        for kind, value in ((resource.RLIMIT_DATA, self.memory_bytes), (resource.RLIMIT_CPU, self.cpu_seconds),
                            (resource.RLIMIT_FSIZE, self.file_bytes), (resource.RLIMIT_NPROC, self.processes),
                            (resource.RLIMIT_NOFILE, self.open_files), (resource.RLIMIT_CORE, 0)):
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


@dataclass
class _Steps:
    """Runs named steps of isolation: those of `wanted`, or in a rehearsal (None) each one, noting which succeed."""

    wanted: list[str] | None
    done: list[str] = field(default_factory=list)

    def take(self, name: str, step: Callable[[], None], *needs: str) -> None:
        if self.wanted is not None:
            if name in self.wanted:
                step()
        elif all(need in self.done for need in needs):
            try:
                step()
                self.done.append(name)
            except OSError:
                pass


# What the steps of enter_candidate guarantee; a layer is given when one of its sets of steps works.
_LAYERS: dict[str, list[set[str]]] = {
    "read-only files": [{"read-only"}, {"landlock"}],
    "hidden files": [{"hide"}, {"landlock"}],
    "private scratch": [{"scratch"}],
    "no devices": [{"devices"}, {"landlock"}],
    "separate processes": [{"proc"}],
    "no signals": [{"landlock signals"}],
    "no capabilities": [{"capabilities"}],
    "syscall filter": [{"filter"}],
    "no network": [{"filter", "local sockets"}],
    "rlimits": [{"limits"}],
}


class Sandbox:
    """What of the isolation is active in this worker."""

    def __init__(self, options: SandboxOptions, scratch: str):
        """`scratch` is an empty folder below which candidates' own ones are made."""
        self._options = options
        self._scratch = scratch
        self.layers = ["clean environment", *options.outer]
        self._steps: list[str] = []
        self._pid_namespace: int | None = None  # descriptor of the worker's own, where candidates can be given theirs

    def enter_worker(self) -> None:
        """Gives this process namespaces of its own. Call before any thread or import of weight.

        The caller goes on in a child of the process that called: the first process of the new process namespace.
        """
        if self._options.most == "namespaces":
            self._enter_namespaces()
        system.hide_memory()  # candidates run under the same user
        self._steps = self._rehearse()
        for layer, ways in _LAYERS.items():
            if layer not in self.layers and any(way <= set(self._steps) for way in ways):
                self.layers.append(layer)
        if "separate processes" in self.layers and "no signals" in self.layers:
            self.layers.remove("no signals")
        untrue = {"no devices"} if self._options.devices else set()
        if not self._options.hidden:
            untrue.add("hidden files")
        self.layers = [layer for layer in self.layers if layer not in untrue]

    def _enter_namespaces(self) -> None:
        user, group = os.geteuid(), os.getegid()
        kinds = system.NEW_MOUNTS | system.NEW_PIDS | system.NEW_NETWORK | system.NEW_IPC
        try:
            system.unshare(system.NEW_USER | kinds)
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{_INNER_ID} {user} 1")
            _write("/proc/self/gid_map", f"{_INNER_ID} {group} 1")
        except OSError:
            try:
                system.unshare(kinds)   # where root may do it without
            except OSError:
                return
        child = os.fork()
        if child:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        system.die_with_parent()
        system.mount("none", "/", None, system.MOUNT_PRIVATE)
        self._pid_namespace = os.open("/proc/thread-self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        if "no network" not in self.layers:
            self.layers.append("no network")

    def _rehearse(self) -> list[str]:
        """The steps that work here, found by a child that takes them all."""
        result = os.memfd_create("rehearsal")
        scratch = tempfile.mkdtemp(dir=self._scratch)
        child = self.fork_candidate()
        if child == 0:
            try:
                steps = _Steps(None)
                self._take(steps, scratch, CandidateLimits(8 << 30, 60, 1 << 30), [], [])
                os.write(result, json.dumps(steps.done).encode())
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        shutil.rmtree(scratch, ignore_errors=True)
        text = os.pread(result, 1 << 16, 0)
        os.close(result)
        if not text:
            raise OSError("a child could not be isolated")
        return json.loads(text)

    def fork_candidate(self) -> int:
        """`os.fork()`; the child is the first process of a process namespace where that is possible."""
        if self._pid_namespace is None:
            return os.fork()
        system.unshare(system.NEW_PIDS)
        try:
            child = os.fork()
        except OSError:
            child = -1
        if child:   # the next fork must be ours again
            system.enter_namespace(self._pid_namespace, system.NEW_PIDS)
        if child < 0:
            raise BlockingIOError("no process could be started for a candidate")
        return child

    def descendants(self, candidate: int) -> int:
        """How many processes a candidate has, its first included. `candidate` is what fork_candidate gave."""
        # /proc may be mounted for an outer namespace, so processes are known by the last of their numbers.
        wanted = [str(candidate)] if self._pid_namespace is None else [str(candidate), "1"]
        children: dict[str, list[str]] = {}
        start = None
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{name}/status", encoding="utf-8", errors="replace") as file:
                    fields = dict(line.split(":", 1) for line in file if line.startswith(("PPid:", "NSpid:")))
            except OSError:
                continue  # it ended meanwhile
            children.setdefault(fields["PPid"].strip(), []).append(name)
            if fields.get("NSpid", name).split()[-len(wanted):] == wanted:
                start = name
        count, waiting = 0, [] if start is None else [start]
        while waiting:
            count += 1
            waiting += children.get(waiting.pop(), [])
        return count

    def enter_candidate(self, scratch: str, limits: CandidateLimits, visible: list[str], masked: list[str]) -> None:
        """Called in the child: it enters all that works on this host. `visible` and `masked` add to the worker's own."""
        self._take(_Steps(self._steps), scratch, limits, visible, masked)

    def _take(self, steps: _Steps, scratch: str, limits: CandidateLimits, visible: list[str], masked: list[str]) -> None:
        os.setsid()
        system.die_with_parent()
        options = self._options
        view = View(options.hidden, [*_python_folders(), *visible], [*options.masked, *masked], options.devices)
        if self._pid_namespace is not None:
            steps.take("mounts", lambda: system.unshare(system.NEW_MOUNTS))
            mounts = Mounts(view, scratch, limits.scratch_bytes)
            steps.take("read-only", mounts.make_read_only, "mounts")
            steps.take("devices", mounts.replace_devices, "read-only")
            steps.take("hide", mounts.hide, "read-only")
            steps.take("scratch", mounts.make_scratch, "mounts")
            steps.take("proc", mounts.replace_proc, "mounts")
        steps.take("limits", limits.apply)
        if options.most == "none":
            return
        steps.take("capabilities", system.drop_capabilities)
        # Where mounts hide already, Landlock only has to keep what is left from being written.
        rules = ((["/"], landlock_rules(view, scratch)[1]) if {"hide", "devices"} <= set(steps.wanted or steps.done)
                 else landlock_rules(view, scratch))
        steps.take("landlock", lambda: worker_landlock.restrict(*rules), "capabilities")
        steps.take("landlock signals", lambda: _require(worker_landlock.has_signals()), "landlock")
        if options.syscall_filter:
            steps.take("filter", lambda: system.set_syscall_filter(options.syscall_filter), "capabilities")
        steps.take("local sockets", lambda: _require(not options.devices))


def _python_folders() -> list[str]:
    libraries = os.environ.get("LD_LIBRARY_PATH", "").split(":")
    return [path for path in (sys.prefix, sys.base_prefix, sys.exec_prefix, *sys.path, *libraries) if os.path.isabs(path)]


def _require(holds: bool) -> None:
    if not holds:
        raise OSError("this host does not have it")


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def close_other_files(keep: set[int]) -> None:
    """Closes every descriptor but the standard three and `keep`."""
    for name in os.listdir("/proc/self/fd"):
        descriptor = int(name)
        if descriptor > 2 and descriptor not in keep:
            try:
                os.close(descriptor)
            except OSError:
                pass  # the one that listed the folder


def process_count() -> int:
    return sum(name.isdigit() for name in os.listdir("/proc"))


def folder_bytes(folder: str) -> int:
    """What the files below a folder take; links are not followed."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_blocks * 512
            except OSError:
                pass   # it is gone
    return total
