"""Runs the built program as a user does.  DRTRITON_PROGRAMS names the folder of the programs; without it such tests skip."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = os.environ.get("DRTRITON_PROGRAMS", "")


@unittest.skipUnless(PROGRAMS, "DRTRITON_PROGRAMS is not set: no programs to test")
class CommandLineCase(unittest.TestCase):
    """Each test has a folder of its own, which is also where the program runs and keeps its cache."""

    def setUp(self) -> None:
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="command-line-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def write(self, name: str, content: str | bytes) -> pathlib.Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def run_program(self, *arguments: object, timeout_s: float = 300, **variables: str) -> subprocess.CompletedProcess:
        environment = {**os.environ, "DRTRITON_PYTHON": os.environ.get("DRTRITON_PYTHON", sys.executable),
                       "DRTRITON_SOURCE": str(ROOT), "DRTRITON_CACHE": str(self.folder / "cache"), **variables}
        return subprocess.run([os.path.join(PROGRAMS, "drtriton"), *map(str, arguments)], cwd=self.folder, env=environment,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout_s)

    def files(self) -> set[str]:
        return {path.name for path in self.folder.iterdir() if path.name not in ("cache", "__pycache__")}
