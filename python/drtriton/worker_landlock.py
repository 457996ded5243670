"""Landlock: access to files, and signals to other processes, given up by a process for itself and its children.

It needs neither privileges nor namespaces, only a kernel that has it (5.13; signals from 6.12). Once set, a rule can only be narrowed.
"""

from __future__ import annotations

import ctypes
import os
import struct

from drtriton import worker_system as system

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | 1 << 15   # those that a rule for a file may hold
_ALL_BY_VERSION = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}   # from 5 on 16 rights
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2
_SCOPES_FROM, _SIGNALS_FROM = 6, 6


def version() -> int:
    """Of the kernel's Landlock; 0 where there is none."""
    try:
        return system.call(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def has_signals() -> bool:
    return version() >= _SIGNALS_FROM


def restrict(readable: list[str], writable: list[str]) -> None:
    """From here on this process reads and runs only what lies at or below `readable`, and writes only `writable`.

    No privilege may be gained by then (worker_system.drop_capabilities).
    """
    known = version()
    rights = _ALL_BY_VERSION.get(known, (1 << 16) - 1)
    scopes = _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS if known >= _SCOPES_FROM else 0
    attributes = struct.pack("=QQQ", rights, 0, scopes)[: 24 if known >= _SCOPES_FROM else 8]
    ruleset = system.call(_CREATE_RULESET, ctypes.create_string_buffer(attributes, len(attributes)), len(attributes), 0)
    try:
        for path in readable:
            _allow(ruleset, path, _EXECUTE | _READ_FILE | _READ_DIR)
        for path in writable:
            _allow(ruleset, path, rights)
        system.call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return   # it is not there, or may not be seen anyway
    try:
        if not os.path.isdir(f"/proc/self/fd/{descriptor}"):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, descriptor)
        system.call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.create_string_buffer(rule, len(rule)), 0)
    finally:
        os.close(descriptor)
