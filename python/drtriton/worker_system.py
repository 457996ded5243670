"""System calls of Linux that Python's `os` does not have, as the workers' isolation needs them. Imports nothing of weight."""

from __future__ import annotations

import ctypes
import os
import sys

if sys.platform != "linux":
    raise ImportError("workers need Linux")

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NETWORK = 0x20000, 0x8000000, 0x10000000, 0x20000000, 0x40000000
MOUNT_PRIVATE = (1 << 18) | (1 << 14)  # MS_PRIVATE | MS_REC
MOUNT_BIND, MOUNT_BIND_ALL = 0x1000, 0x1000 | (1 << 14)
MOUNT_READ_ONLY, MOUNT_NO_SUID, MOUNT_NO_DEVICES, MOUNT_NO_PROGRAMS, MOUNT_REMOUNT = 1, 2, 4, 8, 0x20
_MOUNT_LOCKED = 2 | 4 | 8 | 1024 | 2048   # nosuid, nodev, noexec, noatime, nodiratime: a remount may not clear them
_MOUNT_ATTRIBUTE_READ_ONLY = 1
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x20080522
# Of calls that glibc has no function for; newer than the split of the tables, so equal on every architecture.
_MOUNT_SETATTR = 442

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def check(result: int) -> int:
    """Raises OSError for what a C function reports as failure."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def call(number: int, *arguments: int | bytes | ctypes.Array | ctypes.Structure | None) -> int:
    converted = [ctypes.c_long(argument) if isinstance(argument, int) else
                 ctypes.byref(argument) if isinstance(argument, ctypes.Structure) else argument for argument in arguments]
    return check(_libc.syscall(ctypes.c_long(number), *converted))


def unshare(kinds: int) -> None:
    check(_libc.unshare(kinds))


def enter_namespace(descriptor: int, kind: int) -> None:
    check(_libc.setns(descriptor, kind))


def die_with_parent() -> None:
    check(_libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0))


def hide_memory() -> None:
    """Other processes of the same user can neither trace this one nor read its memory."""
    check(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0))


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    given = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    check(_libc.mount(*given, ctypes.c_ulong(flags), None if options is None else options.encode()))


def make_read_only(target: str) -> None:
    """The mount at `target` alone."""
    kept = os.statvfs(target).f_flag & _MOUNT_LOCKED
    mount(None, target, None, MOUNT_BIND | MOUNT_REMOUNT | MOUNT_READ_ONLY | kept)


class _MountAttributes(ctypes.Structure):
    _fields_ = [("set", ctypes.c_uint64), ("clear", ctypes.c_uint64), ("propagation", ctypes.c_uint64), ("user", ctypes.c_uint64)]


def make_all_read_only(target: str) -> None:
    """The mount at `target` and all below it."""
    attributes = _MountAttributes(_MOUNT_ATTRIBUTE_READ_ONLY, 0, 0, 0)
    call(_MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, attributes, ctypes.sizeof(attributes))


def drop_capabilities() -> None:
    """No capability is left and none can be gained."""
    check(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    for capability in range(64):
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)   # fails where there is none of this number, or none to drop
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    check(_libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))


class _FilterProgram(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_char_p)]


def set_syscall_filter(code: bytes) -> None:
    """`code` is an array of `struct sock_filter`; needs that no privilege can be gained."""
    program = _FilterProgram(len(code) // 8, code)
    check(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0))
