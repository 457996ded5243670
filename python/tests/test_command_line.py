"""What the command line promises whatever it is given: one sentence, the right exit status, nothing half written."""

from __future__ import annotations

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from command_line import CommandLineCase  # noqa: E402

MODULE = """
import torch

class Model(torch.nn.Module):
    def forward(self, x):
        return torch.relu(x) + 1

def get_inputs():
    return [torch.randn(8, 32)]
"""


class BadInput(CommandLineCase):
    def check_refused(self, arguments: list, status: int, mentions: list[str]) -> None:
        before = self.files()
        run = self.run_program(*arguments)
        told = [line for line in run.stderr.splitlines() if line.startswith("drtriton: ")]
        self.assertEqual((run.returncode, run.stdout), (status, ""), run.stderr)
        self.assertEqual(len(told), 1, run.stderr)
        self.assertNotIn("Traceback", run.stderr)
        for mention in mentions:
            self.assertIn(mention, told[0])
        self.assertEqual(self.files(), before)

    def test_usage(self):
        module = self.write("m.py", MODULE)
        table = [
            ([], ["convert", "synth"]),
            (["frobnicate"], ["frobnicate", "convert"]),
            (["convert"], ["MODULE", "convert --help"]),
            (["convert", module, "--frob"], ["--frob", "convert --help"]),
            (["convert", module, "--device", "tpu"], ["--device", "tpu", "auto, cuda, cpu"]),
            (["convert", module, "--mode", "both"], ["--mode", "eval, train"]),
            (["convert", module, "--seed", "x"], ["--seed"]),
            (["convert", module, "--budget", "soon"], ["soon"]),
            (["convert", module, "--budget", "-5s"], ["-5s"]),
            (["convert", module, "--strict", "--hybrid"], ["--strict"]),
            (["convert", module, "--proposers", "oracle"], ["oracle"]),
            (["verify", module], ["CANDIDATE"]),
            (["verify", module, module, "--timeout", "-1"], ["--timeout", "above zero"]),
            (["bench"], ["'bench' needs", "examples"]),
            (["bench", "frobnicate"], ["frobnicate", "trust"]),
            (["bench", "trust", "--every", "0"], ["--every", "bench trust --help"]),
        ]
        for arguments, mentions in table:
            with self.subTest(arguments=arguments):
                self.check_refused(arguments, 2, mentions)

    def test_modules_that_cannot_be_read(self):
        (self.folder / "folder.py").mkdir()
        self.write("empty.py", "")
        self.write("binary.py", bytes(range(256)))
        self.write("broken.py", "import torch\ndef f(:\n")
        self.write("nothing.py", "import torch\n")
        table = [("none.py", "No such file"), ("folder.py", "directory"), ("empty.py", "empty"), ("binary.py", "binary"),
                 ("broken.py", "line 2"), ("nothing.py", "Model")]
        for name, mention in table:
            with self.subTest(name=name):
                self.check_refused(["convert", name, "--device", "cpu"], 2, [name, mention])

    def test_a_forward_that_raises(self):
        self.write("m.py", MODULE.replace("return torch.relu(x) + 1", "raise ValueError('my own words')"))
        self.check_refused(["convert", "m.py", "--device", "cpu"], 2, ["m.py", "my own words"])

    def test_outputs_that_cannot_be_written(self):
        self.write("m.py", MODULE)
        (self.folder / "taken").mkdir()
        for option in ["-o", "--report", "--json"]:
            for target in ["no/such/folder/out", "taken"]:
                with self.subTest(option=option, target=target):
                    self.check_refused(["convert", "m.py", "--device", "cpu", option, target], 2, [target])

    def test_the_module_is_not_overwritten(self):
        path = self.write("m.py", MODULE)
        self.check_refused(["convert", "m.py", "--device", "cpu", "-o", "m.py"], 2, ["overwrite"])
        self.assertEqual((self.folder / "m.py").read_text(), MODULE, path)

    @unittest.skipIf(os.path.exists("/dev/nvidiactl"), "this machine has a GPU")
    def test_cuda_without_a_gpu(self):
        self.write("m.py", MODULE)
        self.check_refused(["convert", "m.py", "--device", "cuda"], 2, ["GPU"])

    def test_a_python_that_is_not_there(self):
        self.write("m.py", MODULE)
        run = self.run_program("convert", "m.py", "--device", "cpu", DRTRITON_PYTHON="/no/python")
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertIn("/no/python", run.stderr)


class Answers(CommandLineCase):
    def test_less_or_more_may_be_asked_for_before_and_behind_the_command(self):
        for arguments in [["-q", "synth", "--list-operators"], ["synth", "--list-operators", "--verbose"]]:
            run = self.run_program(*arguments)
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertIn("Operators that are sampled", run.stdout)

    def test_help_goes_to_standard_output(self):
        for arguments in [["--help"], ["convert", "--help"], ["verify", "-h"], ["bench", "examples", "--help"]]:
            run = self.run_program(*arguments)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            self.assertIn("Usage:", run.stdout)


if __name__ == "__main__":
    unittest.main()
