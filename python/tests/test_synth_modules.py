"""Modules that the sampler writes are what it drew: importing a file gives back a Program with the same canonical id."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from command_line import PROGRAMS  # noqa: E402

from drtriton.importer_errors import UserFile  # noqa: E402
from drtriton.importer_export import Exporter  # noqa: E402
from drtriton.importer_load import forget, load_module  # noqa: E402
from drtriton.importer_steps import run_context  # noqa: E402

TOOL = os.path.join(PROGRAMS, "written_cases")
SEED = os.environ.get("DRTRITON_SEED", "1")
# Cases of each operator of the registry.  Unset: one, of every eighth row, by the seed.
CASES = os.environ.get("DRTRITON_CASES", "")

# Rows that no sampled program holds, because no call of PyTorch's public functions is imported as them: views that are
# imported as other views, overloads that Python never calls, PyTorch's own steps.
UNWRITTEN = {
    "aten.norm.Scalar", "aten.norm.ScalarOpt_dim", "aten.norm.ScalarOpt_dtype", "aten.norm.ScalarOpt_dim_dtype", "aten.batch_norm.default",
    "aten.reshape.default", "aten.view_as.default", "aten.reshape_as.default", "aten.flatten.using_ints",
    "aten.ravel.default", "aten.unflatten.int", "aten.expand_as.default", "aten.broadcast_to.default",
    "aten.swapaxes.default", "aten.numpy_T.default", "aten.mT.default", "aten.movedim.int", "aten.movedim.intlist",
    "aten.narrow.default", "aten.chunk.default", "aten.positive.default", "aten.lift_fresh.default",
    "aten.contiguous.default", "aten.to.dtype", "aten.dropout.default", "aten.feature_dropout.default",
    "aten.alpha_dropout.default", "aten.lift_fresh_copy.default", "aten.new_full.default",
}


def import_text(source: str, folder: str) -> dict:
    """The Program of a module given as text, exported without data."""
    path = os.path.join(folder, "sampled_module.py")
    pathlib.Path(path).write_text(source)
    file = UserFile(path, "sampled_module.py")
    with torch.no_grad():
        module = load_module(file)
        request = {"device": "cpu", "seed": 0, "training": False}
        try:
            return Exporter(file, module, request, run_context(False)).under_fake_tensors().json
        finally:
            forget(module, file)


def canonical_ids(programs: list[dict]) -> list[str]:
    lines = "".join(json.dumps(program) + "\n" for program in programs)
    run = subprocess.run([TOOL, "--ids"], input=lines, capture_output=True, text=True, check=True)
    return run.stdout.split()


def differing(lines: list[dict]) -> list[tuple[dict, str]]:
    """The lines whose module imports as another program, or not at all, with the reason."""
    found, imported, programs = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for line in lines:
            try:
                programs.append(import_text(line["source"], folder))
                imported.append(line)
            except Exception as error:  # whatever it is, the line is listed with it
                found.append((line, f"{type(error).__name__}: {error}"))
    for line, program, name in zip(imported, programs, canonical_ids(programs)):
        if name != line["id"]:
            found.append((line, "is imported as " + "; ".join(node["op"] + str(node["args"]) for node in program["nodes"])))
    return found


@unittest.skipUnless(PROGRAMS, "DRTRITON_PROGRAMS is not set: no programs to test")
class WrittenModules(unittest.TestCase):
    def test_every_row_of_the_registry(self):
        written = subprocess.run([TOOL, CASES or "1", SEED], capture_output=True, text=True, check=True)
        lines = [json.loads(line) for line in written.stdout.splitlines()]
        self.assertGreater(len(lines), 250)
        if not CASES:
            lines = lines[int(SEED) % 8 :: 8]
        wrong = {}
        for line, reason in differing(lines):
            op = line["graph"]["nodes"][0]["op"]
            if op not in UNWRITTEN:
                wrong[op] = f"{reason}\n{line['source']}"
        self.assertEqual(wrong, {}, f"seed {SEED}\n" + "\n".join(f"{op}: {text}" for op, text in wrong.items()))


if __name__ == "__main__":
    unittest.main()
