"""Notices what no candidate may do while it runs: files, network, processes, threads that outlive the call, patching.

This is information, not isolation: the operating system's limits hold whatever the candidate does (worker_sandbox.py), and
what is judged is the recorded plan. But a candidate that tries is refused by name, also where the attempt fails or its
exception is swallowed. Python tells of such operations by audit events, and a hook cannot be taken back.
"""

from __future__ import annotations

import builtins
import functools
import gc
import inspect
import json
import math
import os
import random
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import types
from typing import Any

import numpy as np
import torch
import triton
import triton.language as tl
from triton import knobs

from drtriton.candidate_failure import CandidateFailure

_NETWORK = ("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname")
_INTERNET = (socket.AF_INET, socket.AF_INET6, socket.AF_PACKET)
_PROCESSES = ("os.fork", "os.forkpty", "os.exec", "os.spawn", "os.system", "os.kill", "os.killpg", "pty.spawn")
_FILES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.link", "os.symlink", "os.truncate",
          "os.utime", "shutil.rmtree", "shutil.move")
# Only where the candidate itself is the caller: libraries have honest uses for them.
_MEMORY = ("ctypes.dlopen", "ctypes.cdata", "ctypes.string_at", "ctypes.wstring_at", "gc.get_objects", "gc.get_referrers",
           "gc.get_referents", "sys.settrace", "sys.setprofile")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_STANDARD_LIBRARY = os.path.realpath(sysconfig.get_paths()["stdlib"])


class Guard:
    """Of one candidate, in its fork. `folders` are where its own code lies, `scratch` where it may write."""

    def __init__(self, scratch: str, folders: list[str]):
        self._scratch = os.path.realpath(scratch)
        self._folders = [os.path.realpath(folder) + os.sep for folder in (scratch, *folders) if folder]
        self._found: list[CandidateFailure] = []
        self._originals = _originals()
        self._assemblers = assemblers()
        self._threads = set(threading.enumerate())
        self._over = False
        sys.dont_write_bytecode = True
        sys.addaudithook(self._audit)

    def check(self) -> None:
        """Raises for the first thing that was found; what happens later is the worker's own."""
        self._over = True
        patched = _restore(self._originals)
        if patched:
            raise CandidateFailure("forbidden", f"the candidate replaces {patched[0]}")
        if self._found:
            raise self._found[0]
        if any(thread not in self._threads and thread.is_alive() for thread in threading.enumerate()):
            raise CandidateFailure("deferred", "a thread that the candidate started still runs after the call")

    # -- audit events --

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._over or "." not in event and event != "open":
            return
        doing = self._forbidden(event, arguments)
        if doing is not None:
            failure = CandidateFailure("forbidden", f"the candidate {doing}")
            self._found.append(failure)
            raise failure

    def _forbidden(self, event: str, arguments: tuple[Any, ...]) -> str | None:
        if event in _NETWORK or event == "socket.__new__" and arguments[1] in _INTERNET:
            return f"uses the network ({event})"
        if event in ("subprocess.Popen", "os.posix_spawn"):   # Triton's assembler is the one program that is started
            return None if str(arguments[0]) in self._assemblers else f"starts the program {str(arguments[0])[:100]}"
        if event in _PROCESSES:
            return f"starts or ends processes ({event})"
        if event == "open" and self._writes_outside(*arguments[:3]):
            return f"opens {str(arguments[0])[:200]} for writing"
        if event in _FILES and self._is_outside(arguments[0]):
            return f"changes the file system ({event} {str(arguments[0])[:200]})"
        if event in _MEMORY and self._is_caller():
            return f"reaches for memory and objects that are not its own ({event})"
        return None

    def _writes_outside(self, path: Any, mode: Any, flags: Any) -> bool:
        writes = any(letter in mode for letter in "wax+") if isinstance(mode, str) else bool(flags & _WRITING if flags else False)
        return writes and self._is_outside(path)

    def _is_outside(self, path: Any) -> bool:
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False   # a descriptor that is open already
        real = os.path.realpath(os.fsdecode(path))
        return real != self._scratch and not real.startswith(self._scratch + os.sep) and real not in ("/dev/null", "/dev/tty")

    def _is_caller(self) -> bool:
        """Whether the innermost frame outside of the standard library is the candidate's."""
        frame: types.FrameType | None = sys._getframe(3)
        while frame is not None:
            name = os.path.realpath(frame.f_code.co_filename)
            if not name.startswith(_STANDARD_LIBRARY) or "site-packages" in name:
                return name.startswith(tuple(self._folders))
            frame = frame.f_back
        return False


def assemblers() -> set[str]:
    """The programs that Triton starts; each is asked for its version once a process."""
    return {knobs.nvidia.ptxas.path, knobs.nvidia.ptxas_blackwell.path}


# A module or class by name, what its watched names held, all of its names.
Original = tuple[str, Any, dict[str, Any], set[str]]


# ---- patching -----------------------------------------------------------------------------------------------------


def _watched() -> list[tuple[str, Any]]:
    spaces: list[tuple[str, Any]] = [
        ("torch", torch), ("torch.Tensor", torch.Tensor), ("torch.nn.functional", torch.nn.functional),
        ("torch.nn.Module", torch.nn.Module), ("torch.cuda", torch.cuda), ("torch.cuda.Event", torch.cuda.Event),
        ("torch.cuda.Stream", torch.cuda.Stream), ("torch.testing", torch.testing), ("torch.random", torch.random),
        ("torch.UntypedStorage", torch.UntypedStorage), ("torch.autograd.Function", torch.autograd.Function),
        ("triton", triton), ("triton.language", tl), ("triton.language.core", tl.core), ("triton.language.math", tl.math),
        ("triton.language.standard", tl.standard), ("triton.language.tensor", tl.tensor), ("triton.JITFunction", triton.JITFunction),
        ("triton.runtime.jit", triton.runtime.jit), ("triton.runtime.autotuner", triton.runtime.autotuner),
        ("triton.compiler.compiler", triton.compiler.compiler), ("triton.compiler.CompiledKernel", triton.compiler.CompiledKernel),
        ("triton.testing", triton.testing),
        ("time", time), ("random", random), ("numpy", np), ("os", os), ("json", json), ("math", math), ("builtins", builtins),
        ("subprocess", subprocess), ("threading", threading), ("inspect", inspect), ("gc", gc)]
    for name, module in sorted(sys.modules.items()):
        if name.startswith("drtriton.") and name != __name__ and isinstance(module, types.ModuleType):
            spaces.append((name, module))
            spaces += [(f"{name}.{key}", value) for key, value in vars(module).items()
                       if isinstance(value, type) and value.__module__ == name]
    return spaces


@functools.cache
def names_to_watch() -> list[tuple[str, Any, list[str]]]:
    """Slow, so that it is called before forks; what the names hold is looked up in each."""
    return [(name, space, [key for key, value in vars(space).items() if _counts(key, value)]) for name, space in _watched()]


def _originals() -> list[Original]:
    return [(name, space, {key: vars(space)[key] for key in keys}, set(vars(space))) for name, space, keys in names_to_watch()]


def _counts(key: str, value: Any) -> bool:
    """Functions, classes and descriptors; libraries change their other members themselves."""
    if isinstance(value, types.ModuleType) or key in ("__doc__", "__dict__", "__weakref__", "__annotations__", "__abstractmethods__"):
        return False
    return callable(value) or isinstance(value, (property, classmethod, staticmethod)) or hasattr(value, "__get__")


def _restore(originals: list[Original]) -> list[str]:
    """Names that held something else than they did, or that hid what a class inherits; they hold the original again."""
    patched = []
    for name, space, before, known in originals:
        now = vars(space)
        changed = [key for key, value in before.items() if now.get(key, value) is not value]
        added = [key for key in now.keys() - known if hasattr(space, "__mro__") and any(key in vars(base) for base in space.__mro__[1:])
                 and _counts(key, now[key])]
        for key in changed:
            setattr(space, key, before[key])
        for key in added:
            delattr(space, key)
        patched += [f"{name}.{key}" for key in [*changed, *added]]
    return patched
