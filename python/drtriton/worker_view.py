"""What a candidate sees of the file system: everything read-only, the user's own folders empty, a scratch folder in memory.

Two mechanisms give the same view. `Mounts` builds it in a mount namespace of the candidate's own. `landlock_rules` grants
access path by path, for hosts that allow no namespaces; it cannot hide a file inside of a folder that is listed whole.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

from drtriton import worker_system as system

_PLAIN_DEVICES = ("null", "zero", "full", "random", "urandom")
_MAX_LISTED = 4096   # entries of a folder that Landlock rules are made for one by one


@dataclass
class View:
    """Absolute paths. `hidden` ones are empty but for what of `visible` lies in them; `masked` files are empty."""

    hidden: list[str]
    visible: list[str]
    masked: list[str] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)   # beside the plain ones

    def reduced(self) -> View:
        """Without what is not there or what another entry covers."""
        hidden = _outermost(path for path in map(os.path.realpath, self.hidden) if path != "/" and os.path.isdir(path))
        wanted = {form for path in self.visible if os.path.exists(path) for form in (os.path.abspath(path), os.path.realpath(path))}
        # A visible folder that contains a hidden one would show it.
        visible = [path for path in wanted if not any(_is_within(place, path) for place in hidden)]
        return View(hidden, _outermost(path for path in visible if any(_is_within(path, place) for place in hidden)),
                    sorted({os.path.realpath(path) for path in self.masked if os.path.isfile(path)}), self.devices)


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _outermost(paths: object) -> list[str]:
    kept: list[str] = []
    for path in sorted(set(paths)):   # type: ignore[call-overload]  a folder comes before what lies in it
        if not kept or not _is_within(path, kept[-1]):
            kept.append(path)
    return kept


class Mounts:
    """Carries a View out in the calling process's own mount namespace, step by step; each step may raise OSError."""

    def __init__(self, view: View, scratch: str, scratch_bytes: int):
        self._view = view.reduced()
        self._scratch = scratch
        self._scratch_bytes = scratch_bytes

    def make_read_only(self) -> None:
        system.make_all_read_only("/")

    def replace_devices(self) -> None:
        devices = [f"/dev/{name}" for name in _PLAIN_DEVICES] + self._view.devices
        opened = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in devices if os.path.exists(path)}
        system.mount("tmpfs", "/dev", "tmpfs", system.MOUNT_NO_SUID, "size=64k,mode=0755")
        for path, descriptor in opened.items():
            self._bind(descriptor, path)
        for name, target in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1"),
                             ("stderr", "/proc/self/fd/2")):
            os.symlink(target, f"/dev/{name}")
        if self._view.devices:   # CUDA's driver wants shared memory
            os.mkdir("/dev/shm")
            system.mount("tmpfs", "/dev/shm", "tmpfs", system.MOUNT_NO_SUID | system.MOUNT_NO_DEVICES, "size=64m,mode=0700")
        system.make_read_only("/dev")

    def hide(self) -> None:
        opened = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in self._view.visible}
        for place in self._view.hidden:
            system.mount("tmpfs", place, "tmpfs", system.MOUNT_NO_SUID | system.MOUNT_NO_DEVICES, "size=256k,mode=0755")
        for path, descriptor in opened.items():
            self._bind(descriptor, path)
        os.makedirs(self._scratch, exist_ok=True)
        for place in self._view.hidden:
            system.make_read_only(place)
        for path in self._view.masked:
            if os.path.exists(path):
                system.mount("/dev/null", path, None, system.MOUNT_BIND)

    def make_scratch(self) -> None:
        system.mount("tmpfs", self._scratch, "tmpfs", system.MOUNT_NO_SUID | system.MOUNT_NO_DEVICES,
                     f"size={self._scratch_bytes},mode=0700")

    def replace_proc(self) -> None:
        system.mount("proc", "/proc", "proc", system.MOUNT_READ_ONLY | system.MOUNT_NO_SUID | system.MOUNT_NO_DEVICES | system.MOUNT_NO_PROGRAMS)

    @staticmethod
    def _bind(descriptor: int, path: str) -> None:
        """Puts what `descriptor` refers to at `path`, which is made; read-only when it is a file or folder."""
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            os.makedirs(path, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        system.mount(f"/proc/self/fd/{descriptor}", path, None, system.MOUNT_BIND_ALL)
        os.close(descriptor)
        if stat.S_ISDIR(kind) or stat.S_ISREG(kind):
            system.make_all_read_only(path)


# ---- Landlock ---------------------------------------------------------------------------------------------------------


def landlock_rules(view: View, scratch: str) -> tuple[list[str], list[str]]:
    """(readable, writable) paths that together give the view."""
    view = view.reduced()
    covered = view.hidden + view.masked + ["/dev"]
    readable: list[str] = []
    _grant("/", covered, readable)
    for path in view.visible:
        _grant(path, view.masked, readable)
    return readable, [scratch, *(f"/dev/{name}" for name in _PLAIN_DEVICES), *view.devices,
                      *(["/dev/shm"] if view.devices else [])]


def _grant(path: str, covered: list[str], granted: list[str]) -> None:
    """Adds `path`, or its parts, without what is covered."""
    if path in covered:
        return
    if not os.path.isdir(path) or not any(_is_within(place, path) for place in covered):
        granted.append(path)
        return
    try:
        names = os.listdir(path)
    except OSError:
        return
    if len(names) > _MAX_LISTED:
        granted.append(path)
        return
    for name in names:
        child = os.path.join(path, name)
        if not os.path.islink(child):   # a link is followed to what has a rule of its own
            _grant(child, covered, granted)
