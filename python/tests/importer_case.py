"""What the importer's tests share: import a module given as text, and check its Program against the real run."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import textwrap
import unittest

import torch

from drtriton.importer_errors import UserFile
from drtriton.importer_load import move_exactly
from drtriton.importer_steps import import_module
from drtriton.tensors import read_tensors

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from program_evaluator import evaluate, leaves  # noqa: E402

# The same tests run on a GPU with DRTRITON_TEST_DEVICE=cuda.
DEVICE = os.environ.get("DRTRITON_TEST_DEVICE", "cpu")

HEAD = """
import collections
import dataclasses
import math
import typing
import torch
import torch.nn.functional as F
from torch import nn
"""


class ImporterCase(unittest.TestCase):
    """`self.run_import(text)` gives the Program; every Program with values is compared with the module's own run."""

    count = 0
    tolerance = 0.0

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.stages: list[str] = []

    def run_import(self, text: str, **request) -> dict:
        ImporterCase.count += 1
        path = os.path.join(self.folder.name, f"case_{ImporterCase.count}.py")
        with open(path, "w") as file:
            file.write(HEAD + textwrap.dedent(text))
        full = {
            "device": DEVICE,
            "training": False,
            "seed": 3,
            "max_cpu_flops": 2e11,
            "folder": self.folder.name,
            **request,
        }
        self.done = import_module(UserFile(path, "case.py"), full, self.stages.append)
        program = self.load(self.done["program"])
        if self.done["tensors"]:
            self.check(program, self.done["tensors"])
        if self.done["reduced_program"]:
            self.check(self.load(self.done["reduced_program"]), self.done["reduced_tensors"])
        return program

    def load(self, name: str) -> dict:
        with open(os.path.join(self.folder.name, name)) as file:
            return json.load(file)

    def check(self, program: dict, tensors_name: str) -> None:
        """The Program evaluated node by node gives what the module gave, bit for bit, strides included."""
        self.tensors = tensors = read_tensors(os.path.join(self.folder.name, tensors_name))
        torch.manual_seed(3)
        with torch.no_grad():
            values = evaluate(program, {name: move_exactly(tensor, DEVICE) for name, tensor in tensors.items()})
        for index, leaf in enumerate(leaves(program["result"])):
            self.compare(values[leaf["value"]].cpu(), tensors[f"result:{index}"])
        for index, mutation in enumerate(program["mutations"]):
            self.compare(values[mutation["value"]].cpu(), tensors[f"mutation:{index}"])

    def compare(self, found: torch.Tensor, expected: torch.Tensor) -> None:
        self.assertEqual((found.dtype, found.shape), (expected.dtype, expected.shape))
        if self.tolerance:
            torch.testing.assert_close(found, expected, atol=self.tolerance, rtol=self.tolerance, check_stride=True)
        else:
            self.assertTrue(torch.equal(found.nan_to_num(7), expected.nan_to_num(7)))

    def operators(self, program: dict) -> list[str]:
        return [node["op"].removeprefix("aten.").split(".")[0] for node in program["nodes"]]

    def value(self, program: dict, name: str) -> dict:
        return next(value for value in program["values"] if value["name"] == name)
