"""A part of tests/adversarial through `drtriton bench trust` on the CPU: each candidate must get the verdict that it names.

DRTRITON_TRUST_EVERY judges one in that many of each kind (12; 1 for all, some minutes).
"""

from __future__ import annotations

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from command_line import ROOT, CommandLineCase  # noqa: E402

SUITE = ROOT / "tests" / "adversarial"
EVERY = int(os.environ.get("DRTRITON_TRUST_EVERY", "12"))


class Adversarial(CommandLineCase):
    def test_each_gets_its_verdict(self):
        run = self.run_program("bench", "trust", "--folder", SUITE, "--device", "cpu", "--every", EVERY, "--timeout", 20, timeout_s=1800)
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)
        self.assertIn("| all |", run.stdout)

    def test_a_wrong_expectation_is_told(self):
        for name, text in (("modules/clamp_chain.py", (SUITE / "modules" / "clamp_chain.py").read_text()),
                           ("honest/copied.py", "# module: clamp_chain\n# expect: accepted done ok\nimport torch\n\n\nclass ModelNew(torch.nn.Module):\n"
                            "    def forward(self, x):\n        return x.clone()\n"),
                           ("cheats/none/broken.py", "# module: clamp_chain\n# expect: rejected parse syntax\ndef\n")):
            path = self.folder / "suite" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        run = self.run_program("bench", "trust", "--folder", self.folder / "suite", "--device", "cpu")
        self.assertEqual(run.returncode, 1, run.stdout + run.stderr)
        self.assertIn("honest/copied: expected accepted done ok, got rejected rules no_kernel", run.stdout)
        self.assertNotIn("broken:", run.stdout)


if __name__ == "__main__":
    unittest.main()
