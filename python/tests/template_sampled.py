"""Values of the templates' sources for sampled programs, against PyTorch, on the inputs that the programs come with.

    drtriton synth --ops 4 --count 100 --seed 7 --size tiny --out lines.jsonl
    build/bin/template_sources lines.jsonl sources 2
    TRITON_INTERPRET=1 python template_sampled.py lines.jsonl sources [--every N] [--only sample_12]

The rule is that of template_check.py.  Tells what has no source and why, and every fault.  Exit status 1 when some source
is wrong.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import sys
import warnings
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from template_check import find_fault, load_launch  # noqa: E402
from template_generated import as_stated, evaluate, exactly, stated  # noqa: E402

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


def own_inputs(line: dict, device: str) -> list[torch.Tensor]:
    """The leaves of the Program in the order of its launcher, as the sampled module makes them."""
    scope: dict = {"__name__": "sampled"}
    torch.manual_seed(line["index"])
    exec(compile(line["source"], "sampled.py", "exec"), scope)
    model = scope["Model"](*scope["get_init_inputs"]()).eval()
    state = model.state_dict()
    given, values, tensors = list(scope["get_inputs"]()), line["graph"]["values"], []
    named = [value for value in values if value["kind"] not in ("node", "input")]
    if len(named) != len(state):
        raise ValueError("the module has other tensors than its graph")
    held = dict(zip((value["name"] for value in named), state.values()))
    for index in line["graph"]["inputs"]:
        value = values[index]
        tensors.append(given.pop(0) if value["kind"] == "input" else held[value["name"]])
    for value in values:
        if value["kind"] not in ("node", "input"):
            tensors.append(held[value["name"]])
    return [tensor.detach().to(device) for tensor in tensors]


def leaf_order(program: dict) -> list[int]:
    """Indices of the values that the launcher takes: the arguments, then the module's own tensors."""
    own = [index for index, value in enumerate(program["values"]) if value["kind"] not in ("node", "input")]
    return list(program["inputs"]) + [index for index in own if index not in program["inputs"]]


def check(line: dict, entry: dict, folder: Path, device: str) -> list[str]:
    program = dict(line["graph"], inputs=leaf_order(line["graph"]))
    inputs = own_inputs(line, device)
    with torch.no_grad():
        eager = [as_stated(tensor, like) for tensor, like in zip(evaluate(program, inputs), stated(program))]
        exact = exactly(program, inputs)
    faults = []
    for source in entry["sources"]:
        try:
            found = load_launch(folder / source["file"])(*inputs)
            problems = [find_fault(*three) for three in zip(found, eager, exact)]
            problems += [] if len(found) == len(eager) else [f"{len(found)} results, not {len(eager)}"]
        except Exception as error:  # noqa: BLE001 - a broken source is what is looked for
            problems = [f"{type(error).__name__}: {str(error)[-300:]}"]
        faults += [f"{source['file']} {' '.join(line['operators'])}: {problem}" for problem in problems if problem]
    return faults


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("lines", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    if INTERPRETED:
        from drtriton import interpreter_numerics

        interpreter_numerics.install()
    lines = [json.loads(line) for line in given.lines.read_text().splitlines()]
    faults, refused, checked, skipped = [], collections.Counter(), 0, collections.Counter()
    for line, entry in list(zip(lines, json.loads((given.folder / "index.json").read_text())))[:: given.every]:
        if given.only and entry["name"] != given.only:
            continue
        if "why_not" in entry:
            refused[entry["why_not"]] += 1
            continue
        try:
            faults += check(line, entry, given.folder, "cpu" if INTERPRETED else "cuda")
            checked += 1
        except (RuntimeError, IndexError, NotImplementedError, ValueError) as error:  # PyTorch itself refuses
            skipped[str(error).splitlines()[0][:100]] += 1
    for reason, count in refused.most_common():
        print(f"{count} without a source: {reason}")
    for reason, count in skipped.most_common():
        print(f"{count} not run by PyTorch: {reason}")
    print("\n".join(faults))
    print(f"{checked} programs checked, {sum(refused.values())} without a source, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
