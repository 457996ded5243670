"""Imports the samples of PyTorch's own operator tests (OpInfo); compares shapes, dtypes, strides and values.

    python opinfo_check.py --facts PROGRAM_FACTS [--results R.jsonl] [--entries TEXT] [--dtypes float32,...]
                           [--shard I/N] [--samples N] [--slice K]
    python opinfo_check.py --report R.jsonl ...

Each sample (opinfo_samples.py) goes through the importer, with its real run; its Program is held against
 - the registry's rules: dtype, shape and strides of every node that the registry knows (`program_facts`);
 - the module's values: the Program's printed text, run by Python, has to give the same bits.
A line of R.jsonl is what one entry gave for one dtype; what stands in it whole already is not run again, what
`--samples N` cut short is. `--slice K` takes every K-th entry in float32 and three samples of each, for CI. `--report`
prints docs/operator_samples.md. The exit status is 1 when a sample disagreed; samples that the importer refuses are
counted by their reason.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from typing import Any

import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from drtriton.importer_errors import ModuleProblem, UserFile, first_line, sentence  # noqa: E402
from drtriton.importer_steps import import_module  # noqa: E402
from drtriton.tensors import read_tensors  # noqa: E402
from operator_cases import difference  # noqa: E402
from opinfo_samples import MODULE_TEXT, Sample, current, dtypes_of, entries, samples_of  # noqa: E402
from program_evaluator import leaves, run_node  # noqa: E402

SEED = 3
GROUP = 24  # samples in one module
FIRST_GROUP = 4  # of an entry; where their Programs hold no operator of the registry, the entry is none of ours

# Memory that nothing wrote: its values are not compared.
UNWRITTEN = ("aten.empty", "aten.new_empty")


@dataclasses.dataclass
class Finding:
    """What is wrong with a module: `kind` is import (refused), rules, values or facts."""

    kind: str
    reason: str


class Checker:
    """Imports modules made of samples and compares them."""

    def __init__(self, facts_program: str):
        self._facts = subprocess.Popen([facts_program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._folder = tempfile.TemporaryDirectory()
        self._module = os.path.join(self._folder.name, "samples.py")
        with open(self._module, "w") as out:
            out.write(MODULE_TEXT)
        self.operators: collections.Counter = collections.Counter()
        self.unknown: collections.Counter = collections.Counter()

    def close(self) -> None:
        self._facts.stdin.close()
        self._facts.wait()
        self._folder.cleanup()

    def check(self, samples: list[Sample]) -> dict[int, Finding]:
        """The samples that do not agree, by their place; a group that fails is halved until single ones do."""
        finding = self._check_module(samples)
        if finding is None:
            return {}
        if len(samples) == 1:
            return {0: finding}
        middle = len(samples) // 2
        found = self.check(samples[:middle])
        return found | {middle + place: each for place, each in self.check(samples[middle:]).items()}

    def _check_module(self, samples: list[Sample]) -> Finding | None:
        current.samples = samples
        file = UserFile(self._module, "samples.py")
        stages = ["importing"]
        request = {"device": "cpu", "training": False, "seed": SEED, "max_cpu_flops": 1e15, "folder": self._folder.name}
        try:
            import_module(file, request, stages.append)
        except Exception as error:
            return Finding("import", sentence(file, stages[-1], error).removeprefix("samples.py: "))
        with open(os.path.join(self._folder.name, "program.json")) as text:
            program = json.load(text)
        tensors = dict(read_tensors(os.path.join(self._folder.name, "values.tensors")))
        facts = self._ask(program)
        if "error" in facts:
            return Finding("facts", facts["error"])
        return self._compare_rules(program, facts["nodes"], tensors) or compare_values(program, facts["text"], tensors)

    def _ask(self, program: dict) -> dict:
        self._facts.stdin.write(json.dumps(program) + "\n")
        self._facts.stdin.flush()
        return json.loads(self._facts.stdout.readline())

    def _compare_rules(self, program: dict, nodes: list[dict], tensors: dict[str, torch.Tensor]) -> Finding | None:
        """Each node's rule against what the node gives when it runs, or against what the export states."""
        values = {i: tensors[v["name"]] for i, v in enumerate(program["values"]) if v["kind"] != "node"}
        torch.manual_seed(SEED)
        for node, facts in zip(program["nodes"], nodes):
            try:
                with torch.no_grad():
                    results = run_node(node, values)
            except Exception as error:
                return Finding("values", f"{node['op']} fails: {first_line(error, 120)}")
            values |= {index: result for index, result in zip(node["outputs"], results) if index >= 0}
            if not facts["glue"]:
                (self.operators if facts["known"] else self.unknown)[node["op"]] += 1
            if not facts["known"]:
                continue
            if "error" in facts:
                return Finding("rules", f"refused: {facts['error']}")
            if facts["flops"] < 0 or facts["bytes"] < 0:
                return Finding("rules", f"{node['op']}: {facts['flops']} FLOPs, {facts['bytes']} bytes")
            real = [describe(result) for result in results]
            stated = [program["values"][index] if index >= 0 else one for index, one in zip(node["outputs"], real)]
            found = difference(facts["outputs"], real)
            if found is not None and difference(facts["outputs"], stated) is not None:
                return Finding("rules", f"{node['op']}: {found}")
        return None


def describe(tensor: torch.Tensor) -> dict[str, Any]:
    return {"dtype": str(tensor.dtype)[6:], "shape": list(tensor.shape), "strides": list(tensor.stride())}


def compare_values(program: dict, text: str, tensors: dict[str, torch.Tensor]) -> Finding | None:
    """Runs the Program's text on the leaves; every result has to have the bits that the module gave."""
    names: dict[str, Any] = {"torch": torch, "F": F}
    exec(text, names)
    inputs = [tensors[program["values"][index]["name"]] for index in program["inputs"]]
    others = {
        value["name"]: tensors[value["name"]]
        for index, value in enumerate(program["values"])
        if value["kind"] != "node" and index not in program["inputs"]
    }
    torch.manual_seed(SEED)
    try:
        with torch.no_grad():
            results = names["forward"](*inputs, **others)
    except Exception as error:
        return Finding("values", f"the printed text fails: {type(error).__name__}: {first_line(error, 120)}")
    found = [leaf for leaf in torch.utils._pytree.tree_leaves(results) if isinstance(leaf, torch.Tensor)]
    unwritten = any(node["op"].startswith(UNWRITTEN) for node in program["nodes"])
    for index, (tensor, _) in enumerate(zip(found, leaves(program["result"]), strict=True)):
        expected = tensors[f"result:{index}"]
        if (tensor.dtype, tensor.shape) != (expected.dtype, expected.shape):
            return Finding("values", f"the printed text gives {describe(tensor)}, the module {describe(expected)}")
        if not unwritten and not torch.equal(tensor.nan_to_num(7), expected.nan_to_num(7)):
            return Finding("values", f"the printed text gives other values than the module{how_near(tensor, expected)}")
    return None


def how_near(tensor: torch.Tensor, expected: torch.Tensor) -> str:
    """Said behind a difference that is one of rounding: PyTorch's export wrote the operator with others."""
    try:
        torch.testing.assert_close(tensor, expected, equal_nan=True)
    except AssertionError:
        return ""
    return ", within rounding: the export wrote the operator with others"


def check_entry(checker: Checker, name: str, info: Any, dtype: torch.dtype, limit: int | None) -> dict[str, Any]:
    """One line of the results."""
    checker.operators.clear()
    checker.unknown.clear()
    held = samples_of(info, dtype)
    samples = held[:limit]
    problems = {}
    start = 0
    while start < len(samples) and (start == 0 or checker.operators):
        end = start + (GROUP if start else FIRST_GROUP)
        found = checker.check(samples[start:end])
        problems |= {start + place: finding for place, finding in found.items()}
        start = end
    return {
        "entry": name,
        "dtype": str(dtype)[6:],
        "held": len(held),
        "samples": min(start, len(samples)),
        "operators": sorted(checker.operators),
        "unknown": sorted(checker.unknown),
        "problems": [{"sample": place, **dataclasses.asdict(finding)} for place, finding in sorted(problems.items())],
    }


PAGE = """# Samples of PyTorch's operator tests

PyTorch's own tests of its operators (OpInfo, `torch.testing._internal`, in the wheel) hold calls with unusual shapes,
strides, dtypes and arguments. Each goes through the importer as a module, with its real run on the CPU; every node of
the Program is held against the rules of the [registry](operators.md), and the Program's printed text, run by Python,
has to give the module's values bit for bit. An entry counts where a Program of its first samples holds an operator of
the registry that is no glue.

This page is written by `python/tests/opinfo_check.py --report`; that file says how a run is made (in shards, resumed
where it stopped). Of the entries' samples those "held" are in the wheel, those "run" went through so far. What batch
normalisation saves of a low precision is of that precision on the CPU and float32 on a GPU, which is what the rules say.

| dtype | entries | with operators of the registry | samples held | run | agree |
|---|---|---|---|---|---|
"""


def report(paths: list[str]) -> str:
    """docs/operator_samples.md from the lines of some result files."""
    latest = {}  # what was run again counts as it came out last
    for path in paths:
        with open(path) as file:
            latest |= {(line["entry"], line["dtype"]): line for line in map(json.loads, file)}
    lines = list(latest.values())
    text = PAGE
    for dtype in dict.fromkeys(line["dtype"] for line in lines):
        run = [line for line in lines if line["dtype"] == dtype]
        ours = [line for line in run if line["operators"]]
        samples = sum(line["samples"] for line in ours)
        held = sum(line["held"] for line in ours)
        agree = samples - sum(len(line["problems"]) for line in ours)
        text += f"| {dtype} | {len(run)} | {len(ours)} | {held} | {samples} | {agree} |\n"
    causes: dict[tuple[str, str], list[tuple[str, str, int]]] = collections.defaultdict(list)
    for line in lines:
        for problem in line["problems"] if line["operators"] else []:
            reason = re.sub(r" not in returned outputs FakeTensor.*", "", problem["reason"])
            reason = re.sub(r"\b[us]\d+\b|\[[\d, ]*\]|\d{2,}", "...", reason)
            causes[problem["kind"], reason].append((line["entry"], line["dtype"], problem["sample"]))
    text += "\nSamples that do not agree, by cause (`entry` dtype: samples):\n\n"
    text += "| cause | samples | which |\n|---|---|---|\n"
    for (kind, reason), found in sorted(causes.items(), key=lambda item: -len(item[1])):
        text += f"| {KINDS[kind]}: {reason.replace('|', chr(92) + '|')} | {len(found)} | {places(found)} |\n"
    return text


KINDS = {"import": "not imported", "rules": "the registry's rule", "values": "values", "facts": "the printed text"}


def places(found: list[tuple[str, str, int]]) -> str:
    by_entry: dict[str, list[int]] = collections.defaultdict(list)
    for entry, dtype, sample in found:
        by_entry[f"`{entry}` {dtype}"].append(sample)
    return "; ".join(f"{entry}: {', '.join(map(str, samples))}" for entry, samples in by_entry.items())


def is_whole(line: dict[str, Any]) -> bool:
    return line["samples"] == line["held"] or not line["operators"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--facts", help="the program_facts binary")
    parser.add_argument("--results", help="lines are added here")
    parser.add_argument("--entries", default="", help="only entries whose name contains this")
    parser.add_argument("--dtypes", default="")
    parser.add_argument("--shard", default="0/1")
    parser.add_argument("--slice", type=int, default=0)
    parser.add_argument("--samples", type=int, help="at most so many of an entry and dtype")
    parser.add_argument("--report", nargs="+")
    options = parser.parse_args()
    if options.report:
        print(report(options.report), end="")
        return 0
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    part, parts = map(int, options.shard.split("/"))
    known = set()
    if options.results and os.path.exists(options.results):
        with open(options.results) as lines:
            known = {(line["entry"], line["dtype"]) for line in map(json.loads, lines) if is_whole(line)}
    checker = Checker(options.facts)
    disagreed = 0
    with contextlib.ExitStack() as stack:
        stack.callback(checker.close)
        out = stack.enter_context(open(options.results, "a")) if options.results else sys.stdout
        for number, (name, info) in enumerate(sorted(entries().items())):
            if options.entries not in name or number % parts != part or (options.slice and number % options.slice):
                continue
            for dtype in dtypes_of(info):
                wanted = str(dtype)[6:] in options.dtypes.split(",") if options.dtypes else True
                if not wanted or (name, str(dtype)[6:]) in known or (options.slice and dtype != torch.float32):
                    continue
                line = check_entry(checker, name, info, dtype, 3 if options.slice else options.samples)
                disagreed += sum(problem["kind"] != "import" for problem in line["problems"])
                out.write(json.dumps(line) + "\n")
                out.flush()
    return 1 if disagreed else 0


if __name__ == "__main__":
    sys.exit(main())
