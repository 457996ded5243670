"""What one call of an exported graph costs, roughly: decides whether a CPU can run it at its own sizes.

Operators made of multiply-adds are counted by `torch.utils.flop_counter` on fake tensors, at two operations each; every
other one counts the elements that it writes, times what an element costs beside an arithmetic operation of a matmul.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch.utils import _pytree as pytree
from torch.utils.flop_counter import FlopCounterMode

# Memory traffic and transcendental functions, in operations of a well-blocked matmul.
_FLOPS_PER_ELEMENT = 20
_MULTIPLY_ADD = (
    "linear",
    "matmul",
    "mm",
    "addmm",
    "bmm",
    "baddbmm",
    "einsum",
    "conv",
    "scaled_dot_product",
    "attention",
    "lstm",
    "gru",
    "rnn",
    "bilinear",
    "cdist",
)


def estimate_flops(graph: torch.fx.Graph) -> float:
    total = 0.0
    for node in graph.nodes:
        if node.op != "call_function" or node.target is operator.getitem:
            continue
        written = sum(
            leaf.numel() for leaf in pytree.tree_leaves(node.meta.get("val")) if isinstance(leaf, torch.Tensor)
        )
        total += _FLOPS_PER_ELEMENT * written
        if any(part in str(node.target).split(".")[1] for part in _MULTIPLY_ADD):
            total += _multiply_adds(node)
    return total


def _multiply_adds(node: torch.fx.Node) -> float:
    def value(argument: Any) -> Any:
        return argument.meta["val"] if isinstance(argument, torch.fx.Node) else argument

    args, kwargs = torch.fx.node.map_aggregate((node.args, dict(node.kwargs)), value)
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            node.target(*args, **kwargs)
    except Exception:  # an estimate only: an operator that cannot run on fake tensors alone counts by its elements
        return 0.0
    return float(counter.get_total_flops())
