"""The bench's models in their small variants: each can be imported, and gives numbers.

DRTRITON_CONVERT_MODELS=1 converts each of them on the CPU as well (minutes); a list of names, comma separated, converts these.
"""

from __future__ import annotations

import os
import pathlib
import sys
import unittest

from drtriton.importer_errors import UserFile
from drtriton.importer_steps import import_module
from drtriton.tensors import read_tensors

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from command_line import ROOT, CommandLineCase  # noqa: E402

CONVERT = os.environ.get("DRTRITON_CONVERT_MODELS", "")


class Models(CommandLineCase):
    def modules(self) -> list[pathlib.Path]:
        run = self.run_program("bench", "models", "--folder", ROOT / "models", "--results", self.folder, "--small", "--write-only")
        self.assertEqual(run.returncode, 0, run.stderr)
        paths = [pathlib.Path(line) for line in run.stdout.splitlines()]
        self.assertEqual(len(paths), 2 * 12)
        return paths

    def test_each_is_imported(self):
        for path in [path for index, path in enumerate(self.modules()) if index % 4 in (0, 3)]:  # in one dtype each
            with self.subTest(name=path.stem):
                request = {"device": "cpu", "training": False, "seed": 0, "max_cpu_flops": 2e11, "folder": str(self.folder)}
                done = import_module(UserFile(str(path), path.name), request, lambda stage: None)
                tensors = read_tensors(str(self.folder / done["tensors"]))
                results = [tensor for name, tensor in tensors.items() if name.startswith("result:")]
                self.assertTrue(results)
                for result in results:
                    self.assertTrue(bool(result.isfinite().all()))
                    self.assertGreater(float(result.float().std()), 1e-4)

    @unittest.skipUnless(CONVERT, "DRTRITON_CONVERT_MODELS is not set")
    def test_each_is_converted(self):
        for path in self.modules():
            if CONVERT != "1" and path.stem not in CONVERT.split(","):
                continue
            with self.subTest(name=path.stem):
                run = self.run_program("convert", path, "-o", self.folder / "out.py", "--device", "cpu", "--budget", "60s")
                print(path.stem, run.stdout.strip().splitlines()[-1:], run.stderr.strip().splitlines()[-1:], flush=True)
                self.assertEqual(run.returncode, 0, run.stderr)


if __name__ == "__main__":
    unittest.main()
