"""Runs sampled programs in PyTorch on the CPU: sampled_programs.py PROGRAMS.jsonl [--json REPORT.json].

Each line's module (as `synth` writes it) is made, called once on its own inputs under `no_grad`, in eval mode, and its results are
looked at.  Many programs share this process.  Told are crashes, results of another shape, dtype or strides than the graph says,
results with NaN or infinity, and constant ones (a tensor of two or more elements that are all equal).
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import time
import warnings

import torch


def leaves(tree: dict) -> list[int]:
    if "value" in tree:
        return [tree["value"]]
    return [index for child in tree.get("tuple", tree.get("list", [])) for index in leaves(child)]


def tensors(result: object) -> list[torch.Tensor]:
    return [result] if isinstance(result, torch.Tensor) else [tensor for item in result for tensor in tensors(item)]


def run_source(source: str, seed: int) -> list[torch.Tensor]:
    scope: dict = {"__name__": "sampled"}
    exec(compile(source, "sampled.py", "exec"), scope)
    torch.manual_seed(seed)
    with torch.no_grad():
        model = scope["Model"](*scope["get_init_inputs"]()).eval()
        return tensors(model(*scope["get_inputs"]()))


def finding(line: dict) -> tuple[str, str] | None:
    """What is wrong with the line's program and where; None when nothing is."""
    try:
        results = run_source(line["source"], line["index"])
    except Exception as error:  # any error of the program is the finding
        return "crash", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    values = line["graph"]["values"]
    expected = leaves(line["graph"]["result"])
    if len(expected) != len(results):
        return "shape", f"{len(results)} results, not {len(expected)}"
    for place, (result, index) in enumerate(zip(results, expected)):
        value = values[index]
        found = (list(result.shape), str(result.dtype).removeprefix("torch."))
        if found != (value["shape"], value["dtype"]):
            return "shape", f"result {place} is {found}, not {(value['shape'], value['dtype'])}"
        if result.is_floating_point() and not torch.isfinite(result).all():
            return "non-finite", f"result {place}"
        if result.numel() > 1 and bool((result == result.reshape(-1)[0]).all()):
            return "constant", f"result {place}: {result.reshape(-1)[0].item()}"
    return None


def check(lines: list[dict]) -> dict:
    """{"programs", "kinds": {kind: count}, "findings": [{"kind", "what", "id", "ops", "index", "operators"}], "seconds"}"""
    start = time.monotonic()
    findings = []
    for line in lines:
        if found := finding(line):
            names = {name: line[name] for name in ("id", "ops", "index", "operators")}
            findings.append({"kind": found[0], "what": found[1], **names})
    kinds = collections.Counter(entry["kind"] for entry in findings)
    return {"programs": len(lines), "kinds": dict(kinds), "findings": findings, "seconds": round(time.monotonic() - start, 1)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("programs", help="JSON lines as synth writes them")
    parser.add_argument("--json", help="write everything found here")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    with open(options.programs) as file:
        report = check([json.loads(text) for text in file])
    for entry in report["findings"]:
        print(f"{entry['kind']}: {entry['what']}; {entry['ops']} operators, index {entry['index']}: {' '.join(entry['operators'])}")
    print(f"{report['programs']} programs in {report['seconds']} s: {report['kinds'] or 'nothing found'}")
    if options.json:
        with open(options.json, "w") as file:
            json.dump(report, file, indent=1)
    return 1 if report["kinds"].keys() & {"crash", "shape"} else 0


if __name__ == "__main__":
    sys.exit(main())
