"""`python -m drtriton.interpret_worker`: runs candidates under Triton's interpreter (src/compile/farm.h), each in a fork."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from drtriton import worker_server


def prepare() -> Callable[[dict[str, Any]], worker_server.Answer]:
    os.environ["TRITON_INTERPRET"] = "1"   # read when Triton is imported
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")   # threads do not survive a fork

    from drtriton import interpreter

    interpreter.warm_up()
    return interpreter.interpret


if __name__ == "__main__":
    worker_server.main(prepare)
