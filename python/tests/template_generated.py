"""Values of the templates' sources for generated calls of every operator of the registry, against PyTorch.

    build/bin/template_coverage --programs programs.jsonl [--cases 12] [--seed N] [--only gather]
    build/bin/template_sources programs.jsonl sources 3
    TRITON_INTERPRET=1 python template_generated.py sources          under Triton's interpreter, as mended for DRTriton
    python template_generated.py sources                             on a GPU, each twice: the bits must agree

The rule is that of template_check.py.  Exit status 1 when some source is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import zlib
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from program_evaluator import leaves, run_node  # noqa: E402
from template_check import exact_inputs, find_fault, layout, load_launch  # noqa: E402

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
# Operators whose integer inputs are positions in their first tensor.
LOOKUPS = ("embedding", "take_along_dim", "gather", "index_select", "index", "scatter", "scatter_add", "cross_entropy_loss",
           "nll_loss_nd", "one_hot", "scatter_reduce", "index_add", "index_copy", "index_fill", "index_put")
SHIFTS = ("bitwise_left_shift", "bitwise_right_shift", "__lshift__", "__rshift__")
PROBABILITIES = ("binary_cross_entropy", "kl_div", "logit", "bernoulli", "log", "log2", "log10", "erfinv", "atanh", "xlogy", "special_entr")


def highest_index(program: dict) -> int:
    """The largest position that is legal along every dimension of the first tensor."""
    node = program["nodes"][0]
    if node["op"].startswith("aten.one_hot"):
        return max(int(node["args"][1]) - 1, 0)
    sizes = program["values"][program["inputs"][0]]["shape"]
    if node["op"].split(".")[1] in ("cross_entropy_loss", "nll_loss_nd"):
        return (sizes[1] if len(sizes) > 1 else sizes[0]) - 1
    return max(min(sizes, default=1) - 1, 0)


def make_input(program: dict, value: dict, device: str, generator: torch.Generator) -> torch.Tensor:
    name = program["nodes"][0]["op"].split(".")[1]
    dtype, sizes, strides = getattr(torch, value["dtype"]), value["shape"], value["strides"]
    shape = [0 if 0 in sizes else 1 + sum((size - 1) * stride for size, stride in zip(sizes, strides))]  # of the storage
    if dtype is torch.bool:
        data = torch.rand(shape, generator=generator) < 0.5
    elif dtype.is_floating_point:
        data = torch.rand(shape, generator=generator, dtype=torch.float64)
        data = data * 0.98 + 0.01 if name in PROBABILITIES else data * 6 - 3
    else:
        low, high = (0, highest_index(program)) if name in LOOKUPS else (0, 7) if name in SHIFTS else (-9, 9)
        data = torch.randint(max(low, 0) if dtype is torch.uint8 else low, high + 1, shape, generator=generator)
        if name in ("div", "floor_divide", "remainder", "fmod", "true_divide"):
            data = torch.where(data == 0, 3, data)
    return data.to(dtype).to(device).as_strided(sizes, strides)


def evaluate(program: dict, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    held = dict(zip(program["inputs"], tensors))
    for node in program["nodes"]:
        held.update(zip(node["outputs"], run_node(node, held)))
    return [held[leaf["value"]] for leaf in leaves(program["result"])]


def exactly(program: dict, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """In float64, also what integers become."""
    torch.set_default_dtype(torch.float64)
    try:
        return evaluate(program, exact_inputs(tensors))
    finally:
        torch.set_default_dtype(torch.float32)


def stated(program: dict) -> list[torch.Tensor]:
    """Tensors without data that are laid out as the Program says."""
    values = [program["values"][leaf["value"]] for leaf in leaves(program["result"])]
    return [torch.empty_strided(v["shape"], v["strides"], dtype=getattr(torch, v["dtype"]), device="meta") for v in values]


def as_stated(tensor: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """Rules that do not know a result's strides leave them to the Program."""
    if tensor.stride() == like.stride():
        return tensor
    return torch.empty_strided(like.shape, like.stride(), dtype=like.dtype, device=tensor.device).copy_(tensor)


def check(entry: dict, folder: Path, device: str) -> list[str]:
    program = entry["program"]
    generator = torch.Generator().manual_seed(zlib.crc32(entry["name"].encode()))
    inputs = [make_input(program, program["values"][i], device, generator) for i in program["inputs"]]
    with torch.no_grad():
        try:
            eager = evaluate(program, inputs)
            exact = exactly(program, inputs)
        except (RuntimeError, IndexError, NotImplementedError) as error:
            print(f"{entry['name']}: PyTorch refuses it: {str(error).splitlines()[0][:120]}")
            return []
    # Some results exist on one kind of device only (the saved statistics of batch_norm).
    kept = [i for i, (tensor, like) in enumerate(zip(eager, stated(program))) if tensor.shape == like.shape]
    eager = [as_stated(eager[i], stated(program)[i]) for i in kept]
    exact = [exact[i] for i in kept]
    faults = []
    for source in entry["sources"]:
        try:
            launch = load_launch(folder / source["file"])
            results = launch(*inputs)
            found = [results[i] for i in kept]
            problems = [find_fault(*three) for three in zip(found, eager, exact)]
            if not INTERPRETED:
                results = launch(*inputs)
                again = [results[i] for i in kept]
                problems += [None if layout(a) == layout(b) and torch.equal(a.nan_to_num(), b.nan_to_num()) else "two runs differ"
                             for a, b in zip(found, again)]
        except Exception as error:  # noqa: BLE001 - a broken source is what is looked for
            problems = [f"{type(error).__name__}: {str(error)[-400:]}"]
        shapes = [(program["values"][i]["dtype"], program["values"][i]["shape"]) for i in program["inputs"]]
        faults += [f"{source['file']} {shapes}: {problem}" for problem in problems if problem]
    return faults


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", default="")
    parser.add_argument("--seconds", type=float, default=1e9)
    given = parser.parse_args()
    if INTERPRETED:
        from drtriton import interpreter_numerics

        interpreter_numerics.install()
    faults, sources, deadline = [], 0, time.monotonic() + given.seconds
    for entry in json.loads((given.folder / "index.json").read_text()):
        if given.only not in entry["name"] or "sources" not in entry or "empty" in entry["name"]:  # contents unspecified
            continue
        if INTERPRETED and not entry["program"]["inputs"]:  # made on the GPU, which the interpreter does not have here
            continue
        if time.monotonic() > deadline:
            print("out of time before", entry["name"])
            break
        sources += len(entry["sources"])
        faults += check(entry, given.folder, "cpu" if INTERPRETED else "cuda")
    print("\n".join(faults))
    print(f"{sources} sources, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
