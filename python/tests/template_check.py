"""Runs the templates' sources that `template_sources PROGRAMS.jsonl DIR` wrote against PyTorch.

    python template_check.py export WHICH FILE.jsonl           Programs of the cases, as input for the tool: small, real
                                                               (template_cases.py), windows, windows_real (convolution_cases.py),
                                                               or random:SEED:COUNT, convolutions and pools drawn at random
    TRITON_INTERPRET=1 python template_check.py run DIR        every source on the CPU, under Triton's interpreter
    python template_check.py run DIR [--seconds 300]           on a GPU: the same, run twice (bit for bit), timed against eager
    python template_check.py compile DIR                       compiles every launch for sm_90 without a GPU

An output is right when its error against float64 is at most 4 times eager's plus 4 units of the last place, over every
block of 256 elements; integers and booleans are equal; shapes, dtypes and strides are those of the Program.  Exit status 1
when some source is wrong.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import sys
import time
import warnings
from pathlib import Path

import torch
import torch.nn.functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import convolution_cases  # noqa: E402
import template_cases  # noqa: E402
from program_evaluator import leaves, run_node  # noqa: E402

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


CASES = {"small": template_cases.small_cases, "real": template_cases.real_cases, "windows": convolution_cases.small_cases,
         "windows_real": convolution_cases.real_cases}


def drawn_again(name: str) -> dict:
    """The random cases up to the one of this name, random{seed}_{number}_..., by name."""
    seed, number = name.removeprefix("random").split("_")[:2]
    return {case.name: case for case in convolution_cases.random_cases(int(number) + 1, int(seed))}


def load_launch(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.launch


def blocks(tensor: torch.Tensor) -> torch.Tensor:
    flat = tensor.flatten()
    return F.pad(flat, (0, -flat.numel() % 256)).view(-1, 256)


def layout(tensor: torch.Tensor) -> tuple:
    """dtype, shape and the strides that matter."""
    strides = tuple(stride if size > 1 else 0 for size, stride in zip(tensor.shape, tensor.stride()))
    return tensor.dtype, tuple(tensor.shape), strides


def find_fault(found: torch.Tensor, eager: torch.Tensor, exact: torch.Tensor) -> str | None:
    """What is wrong with a result, or None."""
    if layout(found) != layout(eager):
        return f"is {layout(found)}, not {layout(eager)}"
    if not eager.numel():
        return None
    if not eager.dtype.is_floating_point:
        return None if torch.equal(found, eager) else f"{(found != eager).sum().item()} elements differ"
    if not torch.equal(found.isnan(), eager.isnan()):
        return "NaN sits elsewhere"
    infinite = eager.isinf()
    if not torch.equal(found[infinite], eager[infinite]) or bool(found[~infinite].isinf().any()):
        return "infinities sit elsewhere"
    finite = eager.isfinite()
    clean = [torch.where(finite, tensor.double(), 0.0) for tensor in (found, eager, exact)]
    ours = blocks(clean[0] - clean[2]).norm(dim=1)
    allowed = 4 * blocks(clean[1] - clean[2]).norm(dim=1) + 4 * torch.finfo(eager.dtype).eps * blocks(clean[2]).norm(dim=1)
    worst = (ours - allowed).argmax()
    if ours[worst] > allowed[worst]:
        return f"error {ours[worst].item():.2e} in a block, allowed {allowed[worst].item():.2e}"
    return None


def as_tuple(result) -> tuple:
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def exact_inputs(inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    return [x.double() if x.dtype.is_floating_point else x for x in inputs]


def time_ms(function) -> float:
    import triton

    return triton.testing.do_bench(function, warmup=15, rep=40, return_mode="median")


def at_sizes_of(case, program: dict):
    """The case with the inputs and the nodes of a Program that has other sizes."""
    values = [program["values"][i] for i in program["inputs"]]
    inputs = [(value["shape"], getattr(torch, value["dtype"]), value["strides"]) for value in values]

    def function(*tensors):
        held = dict(zip(program["inputs"], tensors))
        for node in program["nodes"]:
            held.update(zip(node["outputs"], run_node(node, held)))
        return tuple(held[leaf["value"]] for leaf in leaves(program["result"]))

    return template_cases.Case(case.name, function, inputs, case.low, case.high)


def check_case(case, entry: dict, folder: Path, device: str) -> list[str]:
    if entry.get("shrunk"):
        case = at_sizes_of(case, entry["program"])
    inputs = case.make_inputs(device)
    with torch.no_grad():
        eager = as_tuple(case.function(*inputs))
        exact = as_tuple(case.function(*exact_inputs(inputs)))
    faults, times = [], []
    for source in entry["sources"]:
        try:
            launch = load_launch(folder / source["file"])
            found = launch(*inputs)
            problems = [find_fault(*three) for three in zip(found, eager, exact)]
            problems = [f"result {i} {problem}" for i, problem in enumerate(problems) if problem]
            problems += [] if len(found) == len(eager) else [f"{len(found)} results, not {len(eager)}"]
            if not INTERPRETED:
                again = launch(*inputs)
                problems += [None if torch.equal(a.view(torch.uint8) if a.dim() else a, b.view(torch.uint8) if b.dim() else b) else "two runs differ"
                             for a, b in zip(found, again) if a.is_contiguous()]
                times.append((time_ms(lambda: launch(*inputs)), source))
        except Exception as error:  # noqa: BLE001 - a broken source is what is looked for
            problems = [f"{type(error).__name__}: {str(error)[:400]}"]
        faults += [f"{source['file']}: {problem}" for problem in problems if problem]
    if times:
        report_times(case, inputs, eager, times)
    return faults


def report_times(case, inputs, eager, times) -> None:
    moved = sum(x.numel() * x.element_size() for x in [*inputs, *eager])
    with torch.no_grad():
        eager_ms = time_ms(lambda: case.function(*inputs))
    print(f"{case.name}: eager {eager_ms * 1e3:.1f} us, best {min(t for t, _ in times) * 1e3:.1f} us, first "
          f"{times[0][0] * 1e3:.1f} us, {moved / min(t for t, _ in times) / 1e9:.2f} TB/s")
    for milliseconds, source in times:
        plan = source["plan"]
        kernel = plan["kernels"][0]
        print(f"    {milliseconds * 1e3:9.1f} us  estimated {plan['estimated_us']:9.1f}  {len(plan['kernels'])} kernel(s) "
              f"{kernel['tile']} warps {kernel['num_warps']}", flush=True)


def run(folder: Path, seconds: float, only: str, every: int) -> int:
    device = "cpu" if INTERPRETED else "cuda"
    if INTERPRETED:
        from drtriton import interpreter_numerics

        interpreter_numerics.install()
    cases, drawn = {case.name: case for which in CASES for case in CASES[which]()}, {}
    faults, deadline, count = [], time.monotonic() + seconds, 0
    for entry in json.loads((folder / "index.json").read_text())[::every]:
        if time.monotonic() > deadline:
            print("out of time before", entry["name"])
            break
        if only not in entry["name"] or "sources" not in entry:
            continue
        count += len(entry["sources"])
        if entry["name"].startswith("random"):
            drawn = drawn if entry["name"] in drawn else drawn_again(entry["name"])
        faults += check_case((drawn if entry["name"] in drawn else cases)[entry["name"]], entry, folder, device)
    print("\n".join(faults))
    print(f"{count} sources, {len(faults)} faults")
    return 1 if faults else 0


def compile_all(folder: Path, only: str, every: int) -> int:
    """Every n-th case's launches on tensors without data, compiled for sm_90 under a driver that runs nothing."""
    from template_driver import install

    install()
    faults, count = [], 0
    for entry in json.loads((folder / "index.json").read_text())[::every]:
        if only not in entry["name"]:
            continue
        values = entry["program"]["values"]
        inputs = [torch.empty_strided(values[i]["shape"], values[i]["strides"], dtype=getattr(torch, values[i]["dtype"]), device="meta")
                  for i in entry["program"]["inputs"]]
        for source in entry.get("sources", []):
            count += 1
            try:
                load_launch(folder / source["file"])(*inputs)
            except Exception as error:  # noqa: BLE001 - a source that does not compile is what is looked for
                faults.append(f"{source['file']}: {type(error).__name__}: {str(error)[-600:]}")
    print("\n".join(faults))
    print(f"{count} sources, {len(faults)} do not compile")
    return 1 if faults else 0


def export(which: str, path: str) -> int:
    if which.startswith("random:"):
        _, seed, count = which.split(":")
        cases = convolution_cases.random_cases(int(count), int(seed))
    else:
        cases = CASES[which]()
    with open(path, "w") as file:
        for case in cases:
            device = "cuda" if "real" in which else "cpu"   # where its numbers are compared: cuDNN may use TF32
            file.write(json.dumps({"name": case.name, "program": case.program(device)}) + "\n")
    return 0


def main() -> int:
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser()
    parser.add_argument("action", choices=["export", "run", "compile"])
    parser.add_argument("where")
    parser.add_argument("file", nargs="?")
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--only", default="")
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args()
    if given.action == "export":
        return export(given.where, given.file)
    if given.action == "compile":
        return compile_all(Path(given.where), given.only, given.every)
    return run(Path(given.where), given.seconds, given.only, given.every)


if __name__ == "__main__":
    sys.exit(main())
