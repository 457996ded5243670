"""`python -m drtriton.real_run_worker`: runs foreign modules on the GPU (src/compile/farm.h), each in a fork."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

from drtriton import worker_server


def prepare() -> Callable[[dict[str, Any]], worker_server.Answer]:
    from drtriton import real_run

    return real_run.RealRun(_warm_triton_cache())


def probe() -> None:
    from drtriton import real_run

    real_run.RealRun({}).fill_cache(os.getcwd())
    real_run.probe()


def _warm_triton_cache() -> dict[str, bytes]:
    """What Triton builds on its first launch. In a child: this process must stay without a GPU, or no fork could use it."""
    folder = tempfile.mkdtemp()
    child = os.fork()
    if child == 0:
        try:
            from drtriton import real_run

            real_run.RealRun({}).fill_cache(folder)
            real_run.probe()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if status != 0:
        sys.exit("the GPU cannot be used by PyTorch and Triton")
    files = {}
    for place, _, names in os.walk(os.path.join(folder, "triton")):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                files[os.path.relpath(path, os.path.join(folder, "triton"))] = file.read()
    shutil.rmtree(folder, ignore_errors=True)
    return files


if __name__ == "__main__":
    worker_server.main(prepare, probe)
