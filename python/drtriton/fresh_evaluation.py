"""One candidate evaluated as benchmarks usually do it: `python -m drtriton.fresh_evaluation MODULE CANDIDATE`.

A fresh process runs candidate and reference in PyTorch: five correctness trials with `torch.allclose`, then a hundred
timed calls of each. Exists to be compared with; nothing is judged by it. Prints {"right": bool, "candidate_ms", "module_ms"}.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import torch
from torch import nn

from drtriton import clock_load

_TRIALS, _CALLS = 5, 100


def main() -> None:
    module_path, candidate_path = sys.argv[1:]
    request = {"module": module_path, "device": "cuda", "training": False, "seed": 0}
    module = clock_load.import_file(module_path, ".")
    candidate = clock_load.import_file(candidate_path, ".")
    with torch.no_grad():
        reference = clock_load.construct(module, "Model", request)
        ours = clock_load.construct(candidate, "ModelNew", request)
        right = all(_agree(module, reference, ours, request, seed) for seed in range(_TRIALS))
        arguments = clock_load.inputs(module, reference, request)
        print(json.dumps({"right": right, "candidate_ms": _time(ours, arguments), "module_ms": _time(reference, arguments)}))


def _agree(module: Any, reference: nn.Module, ours: nn.Module, request: dict[str, Any], seed: int) -> bool:
    arguments = clock_load.inputs(module, reference, {**request, "seed": seed})
    expected, given = clock_load.call_of(reference, arguments)(), clock_load.call_of(ours, arguments)()
    pairs = zip(torch.utils._pytree.tree_leaves(expected), torch.utils._pytree.tree_leaves(given), strict=True)
    return all(torch.allclose(a, b, rtol=1e-2, atol=1e-2, equal_nan=True) for a, b in pairs)


def _time(model: nn.Module, arguments: tuple[tuple, dict]) -> float:
    call = clock_load.call_of(model, arguments)
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    for _ in range(3):
        call()
    begin.record()
    for _ in range(_CALLS):
        call()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end) / _CALLS


if __name__ == "__main__":
    main()
