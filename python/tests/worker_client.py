"""Talks to a worker as the farm does, for tests: requests from Python values, one worker for a test module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import textwrap
from typing import Any

H200 = {"name": "NVIDIA H200", "capability": 90, "multiprocessors": 132, "shared_bytes_per_block": 232448,
        "registers_per_multiprocessor": 65536, "l2_bytes": 60 << 20}
HEADER = "import torch\nimport triton\nimport triton.language as tl\n\n"


def value(shape, dtype="float32", kind="input", target="", strides=None, name=""):
    if strides is None:
        strides, step = [], 1
        for size in reversed(shape):
            strides.insert(0, step)
            step *= max(1, size)
    return {"name": name, "dtype": dtype, "shape": list(shape), "strides": list(strides), "kind": kind, "target": target}


def program(inputs, results, **changes):
    """A fragment's Program without nodes: `inputs` are its leaves in launch's order, `results` what it computes."""
    values = []
    for index, item in enumerate([*inputs, *results]):
        kind = item["kind"] if index < len(inputs) else "node"
        values.append({**item, "kind": kind, "name": item["name"] or f"v{index}"})
    leaves = [index for index, item in enumerate(inputs) if item["kind"] == "input"]
    outputs = list(range(len(inputs), len(values)))
    return {"values": values, "inputs": list(range(len(inputs))), "results": outputs,
            "arguments": {"tuple": [{"value": index} for index in leaves]},
            "result": {"value": outputs[0]} if len(outputs) == 1 else {"tuple": [{"value": index} for index in outputs]},
            "mutations": [], "context": {"training": False}, **changes}


def _text(path: str) -> str:
    if not path:
        return ""
    with open(path, encoding="utf-8") as file:
        return file.read()


def candidate(source, program_json, form="launch", strict=True, module_path="", max_alternatives=16):
    return {"form": form, "source": HEADER + textwrap.dedent(source), "source_name": "candidate.py", "source_folder": "",
            "module_path": module_path, "module_source": _text(module_path), "strict": strict, "max_alternatives": max_alternatives, "device": H200,
            "program": program_json}


class Worker:
    """One `python -m drtriton.<name>`."""

    def __init__(self, name: str):
        self.folder = tempfile.TemporaryDirectory(prefix="drtriton-test-")
        scratch = os.path.join(self.folder.name, "scratch")
        os.mkdir(scratch)
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        environment = {**os.environ, "PYTHONPATH": package, "PYTHONNOUSERSITE": "1"}
        self.process = subprocess.Popen([sys.executable, "-P", "-m", f"drtriton.{name}", "--scratch", scratch],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
        self.layers = json.loads(self.process.stdout.readline())["layers"]
        self._count = 0

    def send(self, request: dict[str, Any], timeout_s: float = 60, memory_bytes: int = 4 << 30) -> str:
        """Returns the request's folder."""
        self._count += 1
        folder = os.path.join(self.folder.name, str(self._count))
        self.process.stdin.write(json.dumps({"id": self._count, "timeout_s": timeout_s, "memory_bytes": memory_bytes,
                                             "folder": folder, **request}) + "\n")
        self.process.stdin.flush()
        return folder

    def receive(self) -> dict[str, Any]:
        return json.loads(self.process.stdout.readline())

    def ask(self, request: dict[str, Any], **limits: Any) -> dict[str, Any]:
        folder = self.send(request, **limits)
        return {**self.receive(), "folder": folder}

    def close(self) -> None:
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(30)
        self.folder.cleanup()
