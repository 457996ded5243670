"""Every small example converted on the CPU, from the command line to the module that a user would call.

DRTRITON_FAST leaves all but two out.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pathlib
import sys
import unittest

import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from command_line import ROOT, CommandLineCase  # noqa: E402

SMALL = ROOT / "examples" / "small"
FAST = ["bias_gelu_residual", "swiglu_mlp"]
# Made of what the templates cover: nothing may be left to PyTorch.
STRICT = ["bias_gelu_residual", "rms_norm_residual", "masked_softmax", "norm_linear_gelu", "group_norm_silu", "swiglu_mlp",
          "biased_scores"]


def names() -> list[str]:
    return FAST if os.environ.get("DRTRITON_FAST") else sorted(path.stem for path in SMALL.glob("*.py"))


def load(path: pathlib.Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Examples(CommandLineCase):
    def convert(self, name: str, *options: str) -> pathlib.Path:
        written = self.folder / f"{name}_triton.py"
        report = self.folder / "report.json"
        run = self.run_program("convert", SMALL / f"{name}.py", "-o", written, "--json", report, "--device", "cpu", *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertTrue(json.loads(report.read_text()))
        return written

    def test_each_is_converted_to_a_drop_in_module(self):
        for name in names():
            with self.subTest(name=name):
                written = self.convert(name, "--strict" if name in STRICT else "--hybrid")
                self.check_drop_in(SMALL / f"{name}.py", written)

    def test_a_written_file_passes_verify_twice(self):
        """The second time its verdict is in the store."""
        written = self.convert(FAST[0], "--strict")
        for _ in range(2):
            run = self.run_program("verify", SMALL / f"{FAST[0]}.py", written, "--device", "cpu")
            self.assertEqual((run.returncode, run.stdout.strip()), (0, "accepted"), run.stderr)

    def check_drop_in(self, original: pathlib.Path, written: pathlib.Path) -> None:
        """Same constructor, same names, and (without a GPU, by its fallback) the same results."""
        before, after = load(original), load(written)
        torch.manual_seed(0)
        model = before.Model(*before.get_init_inputs()).eval()
        new = after.ModelNew(*before.get_init_inputs()).eval()
        new.load_state_dict(model.state_dict())
        inputs = before.get_inputs()
        with torch.no_grad():
            torch.testing.assert_close(new(*inputs), model(*inputs))


if __name__ == "__main__":
    unittest.main()
