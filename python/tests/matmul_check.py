"""Runs the matmul templates' sources that `matmul_probe OUT_DIR` wrote: correctness, and on a GPU time.

    TRITON_INTERPRET=1 python python/tests/matmul_check.py DIR     every source against float64, on the CPU
    python python/tests/matmul_check.py DIR [--seconds 80]         the same and timed against PyTorch, on a GPU

An error is the largest over blocks of 256 elements of the 2-norm of the difference over that of the block.  On a GPU
each source also runs again to see whether its results agree bit for bit.  Exit status 1: some source is wrong.
"""
import argparse
import importlib.util
import json
import os
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


def load_launch(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.launch


def make_input(description: dict, device: str, generator: torch.Generator) -> torch.Tensor:
    """Normal values with the described strides; matrices whose name begins with w are scaled as weights are."""
    dtype = getattr(torch, description["dtype"])
    shape, strides = description["shape"], description["strides"]
    tensor = torch.empty_strided(shape, strides, dtype=dtype, device=device)
    scale = shape[-1] ** -0.5 if description["name"].startswith("w") else 1.0
    return tensor.copy_(torch.randn(shape, device=device, generator=generator) * scale)


def block_error(result: torch.Tensor, expected: torch.Tensor) -> float:
    difference = (result.double() - expected).flatten()
    flat = expected.flatten()
    padding = -flat.numel() % 256
    difference = F.pad(difference, (0, padding)).view(-1, 256).norm(dim=1)
    size = F.pad(flat, (0, padding)).view(-1, 256).norm(dim=1)
    error = difference / size.clamp_min(1e-30)
    return float("inf") if error.isnan().any() else error.max().item()


def evaluate(reference: str, names: list, inputs: list) -> tuple:
    return eval(reference, {"torch": torch, "F": F, **dict(zip(names, inputs))})


def check_case(case: dict, folder: Path, device: str, deadline: float) -> bool:
    generator = torch.Generator(device=device).manual_seed(0)
    inputs = [make_input(description, device, generator) for description in case["inputs"]]
    names = [description["name"] for description in case["inputs"]]
    expected = evaluate(case["reference"], names, [x.double() for x in inputs])
    eager = lambda: evaluate(case["reference"], names, inputs)
    eager_error = max(block_error(a, b) for a, b in zip(eager(), expected))
    line = f"{case['name']}: eager error {eager_error:.1e}"
    if not INTERPRETED:
        line += f", {time_ms(eager):.4f} ms"
    print(line, flush=True)
    right = True
    for source in case["sources"]:
        if time.monotonic() > deadline:
            print("  (out of time)")
            break
        right = check_source(case, source, folder, inputs, expected, eager_error) and right
        if case["name"] == "ragged":
            right = check_exotic(case, source, folder, inputs) and right
    return right


def exotic_inputs(inputs: list):
    """Yields a name and inputs that expose a scheme which only works for well-scaled values."""
    x, w = inputs
    exponents = torch.linspace(-15, 15, x.shape[0], device=x.device)[:, None].round()
    special = x.clone()
    special[3, 4], special[7, 9], special[8, 1] = float("inf"), float("nan"), -float("inf")
    yield "large", [x * 1e34, w * 1e-3]
    yield "tiny", [x * 1e-30, w * 1e-6]
    yield "zeros", [x * 0, w]
    yield "rows of all sizes", [x * 10.0**exponents, w]
    yield "inf and NaN", [special, w]


def check_exotic(case: dict, source: dict, folder: Path, inputs: list) -> bool:
    names = [description["name"] for description in case["inputs"]]
    launch, right = load_launch(folder / source["file"]), True
    for kind, values in exotic_inputs(inputs):
        expected = evaluate(case["reference"], names, [x.double() for x in values])[0]
        eager = evaluate(case["reference"], names, values)[0]
        result = launch(*values)[0]
        finite = eager.isfinite()
        error, eager_error = (block_error(y.where(finite, 0), expected.where(finite, 0)) for y in (result, eager))
        same = torch.equal(result.isnan(), eager.isnan()) and torch.equal(result.isinf(), eager.isinf())
        if error > 4 * eager_error + 2e-6 or not same:
            print(f"    {kind}: error {error:.1e} (eager {eager_error:.1e}), same NaN and inf: {same}  WRONG", flush=True)
            right = False
    return right


def time_ms(function) -> float:
    """Device time as one CUDA graph, L2 flushed: from Python a launch takes the host longer than a short kernel."""
    import triton

    function()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        function()
    return triton.testing.do_bench(graph.replay, warmup=10, rep=40, return_mode="median")


def check_source(case, source, folder, inputs, expected, eager_error) -> bool:
    try:
        launch = load_launch(folder / source["file"])
        results = launch(*inputs)
        error = max(block_error(a, b) for a, b in zip(results, expected))
        strides = [list(result.stride()) for result in results]
        line = f"  {source['file']:40} error {error:.1e}"
        coarse = source["schedule"].startswith(("half,", "tf32,")) or results[0].dtype != torch.float32
        right = error <= 4 * eager_error + (2e-3 if coarse else 2e-6)
        if strides != case["result_strides"] and all(result.numel() for result in results):
            line, right = line + f" STRIDES {strides}", False
        if not INTERPRETED:
            same = all(torch.equal(a, b) for _ in range(3) for a, b in zip(launch(*inputs), results))
            ms = time_ms(lambda: launch(*inputs))
            right = right and same
            line += f"  {ms:.4f} ms (model {source['estimated_us'] / 1000:.4f})  {case['flops'] / ms / 1e9:6.0f} TFLOP/s"
            line += "" if same else "  NOT REPEATABLE"
        print(line + ("" if right else "  WRONG") + "  " + source["schedule"], flush=True)
        return right
    except Exception as error:  # one broken source must not hide the others
        if os.environ.get("MATMUL_CHECK_TRACE"):
            raise
        print(f"  {source['file']:40} FAILED {str(error)[:300]!r}  {source['schedule']}", flush=True)
        return False


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=80)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    device = "cpu" if INTERPRETED else "cuda"
    deadline = time.monotonic() + arguments.seconds
    cases = json.loads((arguments.folder / "index.json").read_text())
    right = [check_case(case, arguments.folder, device, deadline) for case in cases if arguments.only in case["name"]]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main())
