"""Evaluates cases of the operator registry with PyTorch's meta kernels and compares (run by operator_cases_test).

Each line of the input is a JSON object: `op`, `args` (attributes as in docs/formats.md), `tensors` (dtype, shape,
strides), `ours` (outputs, FLOPs, bytes, whether it is a view; or an error), `text` (the call as our printer writes it, over x0, x1, ...) and `damaged`
(made not to fit). Prints one line for each difference and ends with status 1 when there was one.
"""

from __future__ import annotations

import faulthandler
import json
import math
import sys
from typing import Any

import torch
import torch.nn.functional as F
from torch.utils.flop_counter import FlopCounterMode

# Operators whose kernels let calls pass that the registry refuses.
LENIENT = {
    "aten._fused_rms_norm.default": "does not look at normalized_shape",
    "aten._native_batch_norm_legit_functional.default": "does not look at the statistics' sizes",
    "aten._native_batch_norm_legit_no_training.default": "does not look at the statistics' sizes",
    "aten._native_batch_norm_legit.no_stats": "does not look at the bias's size",
    "aten.addmv.default": "adds a single element of another dtype",
    "aten.cross_entropy_loss.default": "does not look at reduction or the target's dtype everywhere",
    "aten.cummax.default": "does not look at dim where the tensor is empty",
    "aten.cummin.default": "does not look at dim where the tensor is empty",
    "aten.einsum.default": "multiplies operands of size one elementwise, which promotes their dtypes",
}
# Likewise for every operator whose name begins so.
LENIENT_FAMILIES = {"aten.conv": "adds a bias of another dtype in some of its kernels"}
# Operators whose FLOPs PyTorch counts.
COUNTED = tuple(
    f"aten.{name}."
    for name in (
        "linear", "matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "convolution", "scaled_dot_product_attention",
        *(f"conv{kind}{dims}d" for kind in ("", "_transpose") for dims in (1, 2, 3)),
    )
)
NAMED_FLOATS = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}


def to_python(attr: Any, tensors: list[torch.Tensor]) -> Any:
    """The Python object that an attribute stands for."""
    if isinstance(attr, list):
        return [to_python(item, tensors) for item in attr]
    if not isinstance(attr, dict):
        return attr
    (kind, value), = attr.items()
    if kind == "v":
        return tensors[value]
    if kind == "str":
        return value
    if kind == "float":
        return NAMED_FLOATS[value]
    if kind == "device":
        return torch.device(value)
    return getattr(torch, value)  # a dtype, layout or memory format


def call(case: dict[str, Any], tensors: list[torch.Tensor], device: str) -> Any:
    """The operator itself, every argument in its place."""
    namespace, name, overload = case["op"].split(".")
    operator = getattr(getattr(getattr(torch.ops, namespace), name), overload)
    positional, keywords = [], {}
    for argument, attr in zip(operator._schema.arguments, case["args"]):
        value = to_python(attr, tensors)
        if argument.kwarg_only:
            if value is not None or not argument.has_default_value():
                keywords[argument.name] = value
        else:
            positional.append(value)
    with torch.device(device):
        return operator(*positional, **keywords)


def describe(result: Any) -> list[dict[str, Any]]:
    """dtype, shape and strides of every tensor in a result."""
    tensors = result if isinstance(result, (list, tuple)) else [result]
    return [{"dtype": str(t.dtype)[6:], "shape": list(t.shape), "strides": list(t.stride())} for t in tensors]


def significant(shape: list[int], strides: list[int]) -> list[int]:
    """Strides that say where elements are: of dimensions larger than one, and none of an empty tensor."""
    return [] if 0 in shape else [s for n, s in zip(shape, strides) if n != 1]


def difference(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> str | None:
    """What differs between two descriptions; strides count where ours has them."""
    if len(ours) != len(theirs):
        return f"{len(ours)} results, PyTorch has {len(theirs)}"
    for a, b in zip(ours, theirs):
        if a["dtype"] != b["dtype"] or a["shape"] != b["shape"]:
            return f"{a['dtype']}{a['shape']}, PyTorch has {b['dtype']}{b['shape']}"
        known = a.get("strides") is not None
        if known and significant(a["shape"], a["strides"]) != significant(b["shape"], b["strides"]):
            return f"strides {a['strides']}, PyTorch has {b['strides']} for shape {b['shape']}"
    return None


def is_lenient(op: str) -> bool:
    return op in LENIENT or any(op.startswith(family) for family in LENIENT_FAMILIES)


def compare(case: dict[str, Any]) -> str | None:
    """What differs in a case, or None."""
    tensors = [
        torch.empty_strided(t["shape"], t["strides"], dtype=getattr(torch, t["dtype"]), device="meta")
        for t in case["tensors"]
    ]
    try:
        theirs = describe(call(case, tensors, "meta"))
    except Exception as error:  # whatever PyTorch raises, the case is refused
        return None if "error" in case["ours"] else f"accepted, PyTorch says: {str(error).splitlines()[0][:150]}"
    if "error" in case["ours"]:
        refused = is_lenient(case["op"]) or run_for_real(case) is None
        return None if refused else f"refused ({case['ours']['error']}), PyTorch gives {theirs}"
    found = difference(case["ours"]["outputs"], theirs)
    if found is not None and difference(case["ours"]["outputs"], run_for_real(case) or theirs) is None:
        found = None
    if found is not None or case["damaged"]:
        return found
    return compare_text(case, tensors, theirs) or compare_costs(case, tensors)


def compare_costs(case: dict[str, Any], tensors: list[torch.Tensor]) -> str | None:
    """Bytes lie between nothing and every element read and written once; FLOPs are those that PyTorch counts.

    PyTorch counts matrix products and convolutions only. It does not halve a causal attention, nor count products that
    it carries out elementwise.
    """
    ours = case["ours"]
    item_bytes = [torch.empty((), dtype=getattr(torch, t["dtype"])).element_size() for t in ours["outputs"]]
    written = sum(math.prod(t["shape"]) * size for t, size in zip(ours["outputs"], item_bytes))
    read = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if not 0 <= ours["bytes"] <= read + written or (not ours["view"] and ours["bytes"] < written):
        return f"{ours['bytes']} bytes, {read} could be read and {written} written"
    if not 0 <= ours["flops"] < math.inf:
        return f"{ours['flops']} FLOPs"
    if not case["op"].startswith(COUNTED) or "is_causal=True" in case["text"]:
        return None
    with FlopCounterMode(display=False) as counter:
        call(case, tensors, "meta")
    counted = counter.get_total_flops()
    return f"{ours['flops']} FLOPs, PyTorch counts {counted}" if counted and ours["flops"] != counted else None


def run_for_real(case: dict[str, Any]) -> list[dict[str, Any]] | None:
    """What the CPU's kernel gives, None when it refuses.

    Meta kernels let some dtypes pass that real ones refuse, and those written in Python differ in strides.
    """
    for value in (0, 1):  # zeros are legal indices, ones legal divisors
        views = []
        for t in case["tensors"]:
            extent = 1 + sum((n - 1) * s for n, s in zip(t["shape"], t["strides"]) if n > 0)
            memory = torch.full((extent,), value, dtype=getattr(torch, t["dtype"]))
            views.append(memory.as_strided(t["shape"], t["strides"]))
        try:
            return describe(call(case, views, "cpu"))
        except Exception:
            continue
    return None


def compare_text(case: dict[str, Any], tensors: list[torch.Tensor], theirs: list[dict[str, Any]]) -> str | None:
    """The printed call has to give what the operator gives."""
    names = {f"x{i}": tensor for i, tensor in enumerate(tensors)}
    modules = {"torch": torch, "F": F}
    try:
        with torch.device("meta"):
            printed = describe(eval(case["text"], modules, names))
    except Exception as error:
        return f"printed as {case['text']}, which fails: {str(error).splitlines()[0][:150]}"
    for description in printed:
        description["strides"] = None  # `x.to(dtype)` may give x itself where the operator copies
    found = difference(printed, theirs)
    return f"printed as {case['text']}, which gives {found}" if found else None


def main(path: str) -> int:
    faulthandler.enable()
    differences = 0
    with open(path) as lines:
        for line in lines:
            case = json.loads(line)
            found = compare(case)
            if found is not None:
                differences += 1
                print(f"{case['op']} {json.dumps(case['args'])} over {json.dumps(case['tensors'])}: {found}")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
