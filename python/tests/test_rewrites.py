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
# Every rule at least once, whatever the sampler draws; some it never calls for, since it draws no scalars.
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
""", """def forward(x):
    # x: f32[4, 6]
    a = F.relu(x)  # f32[4, 6]
    b = F.relu(a)  # f32[4, 6]
    return b
""", """def forward(x):
    # x: f32[4, 6]
    a = torch.sigmoid(x)  # f32[4, 6]
    b = torch.abs(a)  # f32[4, 6]
    return b
""", """def forward(x):
    # x: f32[4, 6]
    a = -x  # f32[4, 6]
    b = -a  # f32[4, 6]
    c = torch.exp(b)  # f32[4, 6]
    return c
""", """def forward(x):
    # x: f32[4, 6]
    a = x.t()  # f32[6, 4]{1, 6}
    b = a.t()  # f32[4, 6]
    c = torch.exp(b)  # f32[4, 6]
    return c
""", """def forward(x):
    # x: f32[3, 4, 5]
    a = torch.sum(x, dim=[1])  # f32[3, 5]
    b = torch.sum(a, dim=[1])  # f32[3]
    c = torch.amax(x, dim=[0], keepdim=True)  # f32[1, 4, 5]
    d = torch.amax(c, dim=[2], keepdim=True)  # f32[1, 4, 1]
    e = torch.logsumexp(x, dim=[2])  # f32[3, 4]
    f = torch.logsumexp(e, dim=[0])  # f32[4]
    return (b, d, f)
""", """def forward(a, b, c):
    # a: f32[32, 4]
    # b: f32[4, 32]
    # c: f32[32, 2]
    d = torch.mm(a, b)  # f32[32, 32]
    e = torch.mm(d, c)  # f32[32, 2]
    return e
""", """def forward(a, b, c):
    # a: f32[2, 32]
    # b: f32[32, 4]
    # c: f32[4, 32]
    d = torch.mm(b, c)  # f32[32, 32]
    e = torch.mm(a, d)  # f32[2, 32]
    return e
""", """def forward(x, v, b, w, c):
    # x: f32[128, 8]
    # v: f32[64, 8]
    # b: f32[64]
    # w: f32[4, 64]
    # c: f32[4]
    y = F.linear(x, v, bias=b)  # f32[128, 64]
    z = F.linear(y, w, bias=c)  # f32[128, 4]
    return z
""", """def forward(x, w, b):
    # x: f32[16, 8]
    # w: f32[4, 8]
    # b: f32[4]
    y = F.linear(x, w, bias=b)  # f32[16, 4]
    z = torch.sum(y)  # f32[]
    return z
""", """def forward(x, w, b):
    # x: f32[2, 3, 8, 8]
    # w: f32[4, 3, 3, 3]
    # b: f32[4]
    y = F.conv2d(x, w, bias=b)  # f32[2, 4, 6, 6]
    z = torch.mean(y, dim=[1])  # f32[2, 6, 6]
    return z
""", """def forward(x):
    # x: f32[2, 3, 8, 8]
    y = F.adaptive_avg_pool2d(x, [1, 1])  # f32[2, 3, 1, 1]
    return y
"""]
# Operators whose float result jumps where their operand passes a point; those with other results from floats jump anyway.
STEPS = {"floor", "ceil", "round", "trunc", "fix", "frac", "sign", "sgn", "copysign", "heaviside", "floor_divide", "fmod",
         "remainder", "hardshrink", "threshold", "angle", "atan2", "arctan2", "median", "nanmedian", "mode", "histc",
         "fake_quantize_per_tensor_affine", "fake_quantize_per_channel_affine", "grid_sampler", "grid_sampler_2d",
         "grid_sampler_3d"}


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


def inputs(json_node) -> list[int]:
    """The values that arguments name."""
    if isinstance(json_node, list):
        return [value for item in json_node for value in inputs(item)]
    if isinstance(json_node, dict):
        return [json_node["v"]] if "v" in json_node else []
    return []


def has_step_behind_a_change(entry: dict) -> bool:
    """Whether an operator whose result jumps reads what was rewritten: a last bit may then decide about its result."""
    program = entry["program"]
    kept = {value["name"] for value in entry["rewritten"]["values"]}
    changed: set[int] = set()

    def is_float(value: int) -> bool:
        return getattr(torch, program["values"][value]["dtype"]).is_floating_point

    for node in program["nodes"]:
        read = inputs(node["args"])
        made = [value for value in node["outputs"] if value >= 0]
        if changed.intersection(read):
            rounds = any(argument in ({"str": "floor"}, {"str": "trunc"}) for argument in node["args"])  # of div
            if rounds or node["op"].split(".")[1] in STEPS or any(map(is_float, read)) and not all(map(is_float, made)):
                return True
            changed.update(made)
        elif any(program["values"][value]["name"] not in kept for value in made):
            changed.update(made)
    return False


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

    def rules(self, *options: str) -> set[str]:
        run = subprocess.run([os.path.join(PROGRAMS, "rewrite_programs"), *options], check=True, capture_output=True, text=True)
        return set(run.stdout.splitlines())

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
        by_hand = self.rewrite(texts)
        self.assertEqual(len(by_hand), len(BY_HAND))
        for number, entry in enumerate(by_hand):
            with self.subTest(number=number, rules=entry["rules"]):
                self.assertTrue(self.check(entry, number))
        self.assertEqual(self.rules(), {rule for entry in by_hand for rule in entry["rules"]})

    def test_rewritten_samples_keep_their_values(self):
        exact = self.rules("--exact")
        used: dict[str, int] = {}
        for number, entry in enumerate(self.sample(5, "--operators", OPERATORS) + self.sample(5)):
            if RANDOM & {node["op"].split(".")[1] for node in entry["program"]["nodes"]}:
                continue
            if not exact.issuperset(entry["rules"]) and has_step_behind_a_change(entry):
                continue
            with self.subTest(seed=SEED, number=number, rules=entry["rules"]):
                if self.check(entry, number):
                    for rule in entry["rules"]:
                        used[rule] = used.get(rule, 0) + 1
        print(f"seed {SEED}: rules by programs compared: {used}", file=sys.stderr)
        self.assertGreater(sum(used.values()), COUNT // 20)


if __name__ == "__main__":
    unittest.main()
