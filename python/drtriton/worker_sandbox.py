"""Isolation of candidates inside a worker: namespaces, limits and privileges, by the system's own calls.

The farm (src/compile) starts a worker inside bubblewrap where it can: no network, a read-only file system, no devices.
`enter_worker` adds namespaces of the worker's own, so that it may give each candidate a process namespace (a candidate
that forks without end dies with its first process) and a private scratch folder. Everything here degrades: what the
host forbids is left out, and the list of active layers says so.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

_NEW_MOUNTS, _NEW_USER, _NEW_PIDS = 0x20000, 0x10000000, 0x20000000
_MOUNT_PRIVATE = (1 << 18) | (1 << 14)  # MS_PRIVATE | MS_REC
_MOUNT_BIND, _MOUNT_REMOUNT_READ_ONLY = 0x1000, 0x20 | 0x1
_MOUNT_LOCKED = 2 | 4 | 8 | 1024 | 2048   # nosuid, nodev, noexec, noatime, nodiratime
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
_CAPABILITY_VERSION_3 = 0x20080522
_INNER_ID = 1000  # not 0: a program started by root would get root's capabilities back

_libc = ctypes.CDLL(None, use_errno=True)


def _system(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _die_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Sandbox:
    """What of the isolation is active in this worker."""

    def __init__(self, outer_layers: list[str], folder: str):
        """`folder` is where results go: read-only to candidates."""
        self._folder = folder.encode()
        self.layers = list(outer_layers)
        self._pid_namespace: int | None = None  # descriptor of the worker's own, where candidates can be given theirs

    def enter_worker(self) -> None:
        """Gives this process user, mount and process namespaces of its own. Call before any thread or import of weight.

        The caller goes on in a child of the process that called: the first process of the new process namespace.
        """
        user, group = os.geteuid(), os.getegid()
        try:
            _system(_libc.unshare(_NEW_USER | _NEW_MOUNTS | _NEW_PIDS))
            _write("/proc/self/setgroups", "deny")
            _write("/proc/self/uid_map", f"{_INNER_ID} {user} 1")
            _write("/proc/self/gid_map", f"{_INNER_ID} {group} 1")
            child = os.fork()
        except OSError:
            self.layers.append("rlimits")
            return
        if child:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            _, status = os.waitpid(child, 0)
            os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
        _die_with_parent()
        _libc.mount(b"none", b"/", None, _MOUNT_PRIVATE, None)
        self._pid_namespace = os.open("/proc/thread-self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)
        _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)  # candidates run under the same user: no reading of our memory
        self.layers += ["candidate namespaces", "no capabilities", "rlimits"]

    def fork_candidate(self) -> int:
        """`os.fork()`; the child is the first process of a process namespace where that is possible."""
        if self._pid_namespace is None:
            return os.fork()
        _system(_libc.unshare(_NEW_PIDS))
        try:
            return os.fork()
        finally:
            # In the child this fails or is undone by exec; it matters only here, where the next fork must be ours again.
            _libc.setns(self._pid_namespace, _NEW_PIDS)

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

    def enter_candidate(self, scratch: str, limits: CandidateLimits) -> None:
        """Called in the child: private scratch, limits, no privileges."""
        os.setsid()
        _die_with_parent()
        if self._pid_namespace is not None:
            _system(_libc.unshare(_NEW_MOUNTS))
            _system(_libc.mount(self._folder, self._folder, None, _MOUNT_BIND, None))
            kept = os.statvfs(self._folder).f_flag & _MOUNT_LOCKED   # may not be cleared by a remount
            _system(_libc.mount(None, self._folder, None, _MOUNT_BIND | _MOUNT_REMOUNT_READ_ONLY | kept, None))
            size = f"size={limits.scratch_bytes},mode=0700".encode()
            _system(_libc.mount(b"tmpfs", scratch.encode(), b"tmpfs", 0, size))
        limits.apply()
        _drop_privileges()


class CandidateLimits:
    """Limits of one candidate. Memory is RLIMIT_DATA: what it may write to, of each of its processes."""

    def __init__(self, memory_bytes: int, cpu_seconds: int, file_bytes: int):
        self.memory_bytes = memory_bytes
        self.cpu_seconds = cpu_seconds
        self.file_bytes = file_bytes
        self.processes = 256
        self.open_files = 512
        self.scratch_bytes = 512 << 20

    def apply(self) -> None:
        for kind, value in ((resource.RLIMIT_DATA, self.memory_bytes), (resource.RLIMIT_CPU, self.cpu_seconds),
                            (resource.RLIMIT_FSIZE, self.file_bytes), (resource.RLIMIT_NPROC, self.processes),
                            (resource.RLIMIT_NOFILE, self.open_files), (resource.RLIMIT_CORE, 0)):
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (value, value))


def _write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _drop_privileges() -> None:
    """No capability is left and none can be gained."""
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(64):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    _libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


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


if sys.platform != "linux":
    raise ImportError("workers need Linux")
