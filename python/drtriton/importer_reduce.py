"""Inputs of another size: the leading dimension that they share, cut down for a module too large for the machine, or
changed to see whether a candidate is right at another batch size too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch.utils import _pytree as pytree

# A batch of one hides broadcasting mistakes, so a few rows stay where there are more.
_ROWS = 4


def reduced_inputs(arguments: tuple[tuple, dict]) -> Iterator[tuple[tuple, dict]]:
    """Ways to cut the arguments to a few rows, the likeliest first; whether a module takes one, only an export tells.

    First all tensors whose leading size is that of the first one, then those with the commonest leading size, then the
    first tensor alone (a product of two square matrices).
    """
    tensors = [leaf for leaf in pytree.tree_leaves(arguments) if isinstance(leaf, torch.Tensor) and leaf.dim()]
    if not tensors:
        return
    commonest = Counter(tensor.shape[0] for tensor in tensors).most_common(1)[0][0]
    tried: list[list[int]] = []
    for chosen in (
        [tensor for tensor in tensors if tensor.shape[0] == tensors[0].shape[0]],
        [tensor for tensor in tensors if tensor.shape[0] == commonest],
        tensors[:1],
    ):
        ids = [id(tensor) for tensor in chosen]
        if ids not in tried and chosen[0].shape[0] > 1:
            tried.append(ids)
            yield _cut(arguments, set(ids), _ROWS if chosen[0].shape[0] > _ROWS else 1)


def other_batch(arguments: tuple[tuple, dict]) -> tuple[tuple[tuple, dict], int, int] | None:
    """The arguments with another leading size than the first tensor's, for all tensors that share it, and both sizes.

    Rows are repeated where there are too few. None where no tensor has a leading dimension.
    """
    tensors = [leaf for leaf in pytree.tree_leaves(arguments) if isinstance(leaf, torch.Tensor)]
    if not tensors or not tensors[0].dim() or not tensors[0].shape[0]:
        return None
    rows = tensors[0].shape[0]
    other = 3 if rows > 3 else 5
    taken: dict[int, torch.Tensor] = {}

    def resize(leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor) or not leaf.dim() or leaf.shape[0] != rows:
            return leaf
        index = torch.arange(other, device=leaf.device) % rows
        return taken.setdefault(id(leaf), leaf.index_select(0, index))

    return pytree.tree_map(resize, arguments), rows, other


def _cut(arguments: tuple[tuple, dict], chosen: set[int], rows: int) -> tuple[tuple, dict]:
    cut: dict[int, torch.Tensor] = {}  # one that was passed twice stays one tensor

    def shorten(leaf: Any) -> Any:
        return cut.setdefault(id(leaf), leaf[:rows]) if id(leaf) in chosen else leaf

    return pytree.tree_map(shorten, arguments)
