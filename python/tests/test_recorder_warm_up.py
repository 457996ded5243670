"""What the recorder's worker did before it forks is not done again in a fork."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from worker_client import candidate, program, value  # noqa: E402

PACKAGES = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

SOURCE = """
from triton.language.extra import libdevice

@triton.jit
def tanh_of_product(x, y, o, B: tl.constexpr):
    i = tl.arange(0, B)
    at = i[:, None] * B + i[None, :]
    product = tl.dot(tl.load(x + at), tl.load(y + at))
    tl.store(o + at, libdevice.tanh(product))

def launch(x, y):
    o = torch.empty_like(x)
    tanh_of_product[(1,)](x, y, o, B=32)
    return (o,)
"""

# Records as a fork of the worker does and tells what it imported and which programs it started.
RECORDS = """
import json, os, sys, tempfile
from drtriton import recorder, recorder_warm_up
recorder_warm_up.warm_up()
request = json.loads(sys.stdin.read())
os.environ["TMPDIR"] = tempfile.tempdir = os.getcwd()
started = []
sys.addaudithook(lambda event, arguments: started.append(list(map(str, arguments[1])))
                 if event == "subprocess.Popen" else None)
before = set(sys.modules)
plans = recorder.record({"candidate": request}).value["plans"]
print(json.dumps({"imported": sorted(set(sys.modules) - before), "started": started,
                  "kernels": [kernel["name"] for kernel in plans[0]["kernels"]]}))
"""


class WarmUp(unittest.TestCase):
    def test_a_fork_imports_and_asks_nothing_again(self):
        request = candidate(SOURCE, program([value([32, 32]), value([32, 32])], [value([32, 32])]))
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run([sys.executable, "-c", RECORDS], input=json.dumps(request), text=True, capture_output=True,
                                 cwd=folder, env={**os.environ, "PYTHONPATH": PACKAGES}, timeout=300)
        self.assertEqual(run.returncode, 0, run.stderr)
        told = json.loads(run.stdout)
        self.assertEqual(told["kernels"], ["tanh_of_product"])
        self.assertEqual(told["imported"], ["drtriton_candidate"])
        self.assertEqual([[os.path.basename(command[0]), "--version" in command] for command in told["started"]],
                         [["ptxas", False]])


if __name__ == "__main__":
    unittest.main()
