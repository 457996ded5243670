"""The templates' sources: every covered operator against PyTorch under Triton's interpreter, and compiled for sm_90."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

_HERE = Path(__file__).resolve().parent
_TOOL = Path(os.environ.get("DRTRITON_PROGRAMS", _HERE.parents[1] / "build" / "bin")) / "template_sources"


def _check(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(_HERE / "template_check.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})


@unittest.skipUnless(_TOOL.exists(), f"{_TOOL} is not built")
class TemplatesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.folder = Path(cls.scratch.name)
        programs = cls.folder / "programs.jsonl"
        exported = _check("export", "small", str(programs))
        assert exported.returncode == 0, exported.stderr[-3000:]
        for count in (1, 3):
            subprocess.run([str(_TOOL), str(programs), str(cls.folder / str(count)), str(count)], check=True)
        windows = cls.folder / "windows.jsonl"
        exported = _check("export", "windows", str(windows))
        assert exported.returncode == 0, exported.stderr[-3000:]
        subprocess.run([str(_TOOL), str(windows), str(cls.folder / "windows"), "1"], check=True)
        subprocess.run([str(_TOOL.with_name("convolution_probe")), str(windows), str(cls.folder / "products")], check=True)

    def test_sampled_programs_are_written_and_right(self):
        """Every program has a strict proposal, whatever its operators, and the values are PyTorch's."""
        drtriton = _TOOL.with_name("drtriton")
        if not drtriton.exists():
            self.skipTest("the drtriton program is not built")
        seed = os.environ.get("DRTRITON_SEED", "31")
        lines, sources = self.folder / "sampled.jsonl", self.folder / "sampled"
        subprocess.run([str(drtriton), "synth", "--ops", "4", "--count", "20", "--seed", seed, "--size", "tiny", "--out", str(lines)], check=True)
        subprocess.run([str(_TOOL), str(lines), str(sources), "1"], check=True)
        self.assertEqual([entry["why_not"] for entry in json.loads((sources / "index.json").read_text()) if "why_not" in entry], [])
        command = [sys.executable, str(_HERE / "template_sampled.py"), str(lines), str(sources)]
        result = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "TRITON_INTERPRET": "1"})
        self.assertEqual(result.returncode, 0, f"seed {seed}: {result.stdout[-3000:]}{result.stderr[-1000:]}")

    def test_every_case_is_covered(self):
        for folder in ("1", "windows"):
            entries = json.loads((self.folder / folder / "index.json").read_text())
            self.assertEqual([(e["name"], e["why_not"]) for e in entries if "why_not" in e], [])

    def test_values_are_right_under_the_interpreter(self):
        result = _check("run", str(self.folder / "3"), TRITON_INTERPRET="1")
        self.assertEqual(result.returncode, 0, result.stdout[-3000:] + result.stderr[-2000:])

    def test_windows_are_right_under_the_interpreter(self):
        result = _check("run", str(self.folder / "windows"), "--every", "2", TRITON_INTERPRET="1")
        self.assertEqual(result.returncode, 0, result.stdout[-3000:] + result.stderr[-2000:])

    def test_implicit_products_are_right_under_the_interpreter(self):
        result = _check("run", str(self.folder / "products"), "--every", "8", TRITON_INTERPRET="1")
        self.assertEqual(result.returncode, 0, result.stdout[-3000:] + result.stderr[-2000:])

    def test_windows_compile_for_sm_90(self):
        result = _check("compile", str(self.folder / "windows"), "--every", "16", TRITON_CACHE_DIR=str(self.folder / "cache"))
        self.assertEqual(result.returncode, 0, result.stdout[-3000:] + result.stderr[-2000:])

    def test_sources_compile_for_sm_90(self):
        every = "8" if os.environ.get("DRTRITON_FAST") else "3"
        result = _check("compile", str(self.folder / "1"), "--every", every, TRITON_CACHE_DIR=str(self.folder / "cache"))
        self.assertEqual(result.returncode, 0, result.stdout[-3000:] + result.stderr[-2000:])


if __name__ == "__main__":
    unittest.main()
