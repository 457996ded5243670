"""`python -m drtriton.compile_worker`: records candidates for the farm (src/compile/farm.h), each in a fork."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drtriton import worker_server


def prepare() -> Callable[[dict[str, Any]], worker_server.Answer]:
    from drtriton import recorder, recorder_warm_up

    recorder_warm_up.warm_up()
    return recorder.record


if __name__ == "__main__":
    worker_server.main(prepare)
