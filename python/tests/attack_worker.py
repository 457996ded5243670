"""A worker whose candidates are attacks, for src/compile/sandbox_test.cc: Python code that says whether it was `held` off.

No rule looks at the code, and nothing of weight is imported: what holds here is the operating system's work alone.
"""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from typing import Any

from drtriton import worker_server


def denied(call: Callable[..., Any], *arguments: Any) -> bool:
    """Whether a call fails, as Python or as C tells it."""
    try:
        result = call(*arguments)
    except OSError:
        return True
    return isinstance(result, int) and not isinstance(result, bool) and result < 0


def empty(folder: str) -> bool:
    return not os.path.isdir(folder) or denied(os.listdir, folder) or not os.listdir(folder)


def unreadable(path: str) -> bool:
    if not os.path.exists(path) or denied(open, path, "rb"):
        return True
    with open(path, "rb") as file:
        return not file.read(1)


def run(request: dict[str, Any]) -> worker_server.Answer:
    names = {"libc": ctypes.CDLL(None, use_errno=True), "os": os, "socket": socket, "denied": denied, "empty": empty,
             "unreadable": unreadable}
    exec(request["attack"], names)
    return worker_server.Answer({"held": bool(names["held"])})


if __name__ == "__main__":
    worker_server.main(lambda: run)
