"""Rewritten Programs give the values of the original, in float64, on programs that `synth` draws and on modules by hand.

A longer run: DRTRITON_REWRITE_COUNT=5000, another seed: DRTRITON_SEED.
"""

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
from program_evaluator import leaves, run_node  # noqa: E402

PROGRAMS = os.environ.get("DRTRITON_PROGRAMS", "")
COUNT = int(os.environ.get("DRTRITON_REWRITE_COUNT", "1200"))
SEED = int(os.environ.get("DRTRITON_SEED", "5"))
RANDOM = {"rand", "randn", "rand_like", "randn_like", "bernoulli", "dropout", "feature_dropout", "alpha_dropout"}
# What the rules are about; more of them meet than among all operators.
OPERATORS = ("linear,mm,matmul,bmm,aten.sum,aten.sum.dim_IntList,aten.mean,aten.mean.dim,amax,logsumexp,aten.mul.Tensor,"
             "aten.add.Tensor,neg,conv2d,aten.conv_transpose2d.input,batch_norm,aten.to.dtype,aten.max.dim,relu,relu6,abs,"
             "maximum,exp,permute")
# Rules that the sampler's programs hardly ever call for: it draws no scalars.
BY_HAND = [
    """def forward(x):
    # x: f32[4, 6]
    a = x * 3.0  # f32[4, 6]
    b = a / 7.0  # f32[4, 6]
    c = b + 2.5  # f32[4, 6]
    d = c - 1.25  # f32[4, 6]
    return d
""", """def forward(x):
    # x: f32[4, 6]
    a = x / 3.0  # f32[4, 6]
    b = torch.mean(a, dim=[1])  # f32[4]
    c = x + 4.0  # f32[4, 6]
    d = torch.mean(c, dim=[0], keepdim=True)  # f32[1, 6]
    return (b, d)
""", """def forward(x):
    # x: f32[4, 6]
    one = torch.full_like(x, 1.0)  # f32[4, 6]
    a = x * one  # f32[4, 6]
    b = a.clone()  # f32[4, 6]
    c = torch.exp(b)  # f32[4, 6]
    return c
""", """def forward(x, w, b):
    # x: f32[2, 3, 9, 8]
    # w: f32[5, 3, 3, 2]
    # b: f32[5]
    y = F.conv2d(x, w, bias=b, padding=[1, 0])  # f32[2, 5, 9, 7]
    z = torch.sum(y, dim=[2, 3])  # f32[2, 5]
    return z
""", """def forward(x, w, b):
    # x: f32[2, 3, 5, 6, 7]
    # w: f32[4, 3, 2, 3, 1]
    # b: f32[4]
    y = F.conv3d(x, w, bias=b)  # f32[2, 4, 4, 4, 7]
    z = F.adaptive_avg_pool3d(y, [1, 1, 1])  # f32[2, 4, 1, 1, 1]
    return z
""", """def forward(x, m, v):
    # x: f32[2, 3, 8, 8]
    # m: f32[3]
    # v: f32[3]
    y = torch.batch_norm(x, None, None, m, v, False, 0.1, 1e-05, True)  # f32[2, 3, 8, 8]
    z = torch.mean(y, dim=[2, 3])  # f32[2, 3]
    return z
""", """def forward(x):
    # x: f32[4, 1]
    a, i = torch.max(x, dim=1)  # f32[4], i64[4]
    b = torch.maximum(a, a)  # f32[4]
    return (b, i)
"""]


def in_float64(json_node):
    """An attribute with every dtype that is a float made float64."""
    if isinstance(json_node, list):
        return [in_float64(item) for item in json_node]
    if isinstance(json_node, dict):
        if json_node.get("dtype") in ("float32", "bfloat16", "float16"):
            return {"dtype": "float64"}
        return {key: in_float64(value) for key, value in json_node.items()}
    return json_node


def leaf_values(program: dict, generator: torch.Generator) -> dict[str, torch.Tensor]:
    made = {}
    for value in program["values"]:
        if value["kind"] == "node":
            continue
        dtype, shape = getattr(torch, value["dtype"]), value["shape"]
        if dtype.is_floating_point:
            made[value["name"]] = torch.rand(shape, generator=generator, dtype=torch.float64) + 0.25
        else:
            made[value["name"]] = torch.randint(0, 2, shape, generator=generator).to(dtype)
    return made


def results(program: dict, tensors: dict[str, torch.Tensor]) -> list[torch.Tensor]:
    values = {index: tensors[value["name"]] for index, value in enumerate(program["values"]) if value["kind"] != "node"}
    for node in program["nodes"]:
        made = run_node({**node, "args": in_float64(node["args"])}, values)
        values.update({index: tensor for index, tensor in zip(node["outputs"], made) if index >= 0})
    return [values[leaf["value"]] for leaf in leaves(program["result"])]


@unittest.skipUnless(PROGRAMS, "DRTRITON_PROGRAMS is not set: no programs to test")
class Rewrites(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)  # what functions make of integers
        cls.addClassCleanup(torch.set_default_dtype, before)

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="rewrites-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def sample(self, operators: int, *options: str) -> list[dict]:
        lines = self.folder / "lines.jsonl"
        synth = [os.path.join(PROGRAMS, "drtriton"), "synth", "--ops", str(operators), "--count", str(COUNT), "--seed", str(SEED),
                 "--size", "tiny", "--out", str(lines), *options]
        subprocess.run(synth, check=True, capture_output=True)
        return self.rewrite(lines)

    def rewrite(self, lines: pathlib.Path) -> list[dict]:
        out = self.folder / "rewritten.jsonl"
        subprocess.run([os.path.join(PROGRAMS, "rewrite_programs"), str(lines), str(out)], check=True)
        return [json.loads(line) for line in out.read_text().splitlines()]

    def check(self, entry: dict, seed: int) -> bool:
        """Whether it could be compared: the values must fit their operators (an index may be out of range)."""
        tensors = leaf_values(entry["program"], torch.Generator().manual_seed(seed))
        try:
            expected = results(entry["program"], tensors)
        except (RuntimeError, IndexError, ValueError):
            return False
        found = results(entry["rewritten"], tensors)
        self.assertEqual(len(found), len(expected))
        for ours, theirs in zip(found, expected):
            self.assertEqual((ours.dtype, ours.shape), (theirs.dtype, theirs.shape), entry["rules"])
            torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-9, equal_nan=True, msg=lambda m: f"{entry['rules']}: {m}")
        return True

    def test_rewritten_programs_keep_their_values(self):
        texts = self.folder / "texts.jsonl"
        texts.write_text("".join(json.dumps({"text": f"# model on cuda\n{text}"}) + "\n" for text in BY_HAND))
        entries = self.rewrite(texts)
        self.assertEqual(len(entries), len(BY_HAND))
        entries += self.sample(5, "--operators", OPERATORS) + self.sample(5)
        used: dict[str, int] = {}
        for number, entry in enumerate(entries):
            if RANDOM & {node["op"].split(".")[1] for node in entry["program"]["nodes"]}:
                continue
            with self.subTest(seed=SEED, number=number, rules=entry["rules"]):
                if self.check(entry, number):
                    for rule in entry["rules"]:
                        used[rule] = used.get(rule, 0) + 1
        print(f"seed {SEED}: rules by programs compared: {used}", file=sys.stderr)
        known = subprocess.run([os.path.join(PROGRAMS, "rewrite_programs")], check=True, capture_output=True, text=True)
        self.assertEqual(set(known.stdout.splitlines()), set(used))


if __name__ == "__main__":
    unittest.main()
