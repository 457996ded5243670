"""Runs sampled modules in PyTorch on their own inputs and tells which give values that are of no use.

    python python/tests/synth_values.py LINES.jsonl [--most 0.005] [--limit N]

Each line holds a module's text as "source".  A result is of no use when it holds NaN or infinity, or when it has several
elements that are all the same; a module with one such result is listed with the reason, and so is one that raises.  Exit
status 1 when any raises, or when more than the given share is of no use.
"""

import argparse
import json
import sys

import torch


def reason(value: torch.Tensor) -> str:
    """Why a result is of no use; empty when it is not."""
    if value.is_floating_point() and not bool(torch.isfinite(value).all()):
        return "not finite"
    if value.numel() > 1 and bool((value == value.reshape(-1)[0]).all()):
        return "constant"
    return ""


def judge(source: str, seed: int) -> str:
    """Runs one module; the reason why its values are of no use, "raises ..." or nothing."""
    torch.manual_seed(seed)
    names: dict = {}
    try:
        exec(compile(source, "module", "exec"), names)  # noqa: S102: our own samples
        module = names["Model"](*names["get_init_inputs"]()).eval()
        with torch.no_grad():
            outputs = module(*names["get_inputs"]())
    except Exception as error:  # noqa: BLE001: every failure is a finding
        return f"raises {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    outputs = outputs if isinstance(outputs, (tuple, list)) else [outputs]
    return "; ".join(sorted({why for why in map(reason, outputs) if why}))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lines")
    parser.add_argument("--most", type=float, default=0.005)
    parser.add_argument("--limit", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    run, raised, useless = 0, 0, 0
    with open(options.lines, encoding="utf-8") as lines:
        for line in lines:
            if options.limit and run == options.limit:
                break
            sample = json.loads(line)
            why = judge(sample["source"], run)
            run += 1
            if not why:
                continue
            raised += why.startswith("raises")
            useless += not why.startswith("raises")
            print(f"{sample.get('index', run - 1)} {' '.join(sample['operators'])}: {why}")
    print(f"{run} modules, {raised} raised, {useless} of no use")
    return 1 if raised or useless > options.most * run else 0


if __name__ == "__main__":
    sys.exit(main())
