"""The samples of PyTorch's own operator tests (OpInfo) as modules of the kind that users write.

`entries()` lists the tests' entries; a `Sample` is one call of an operator, its tensors apart from everything else.
Several samples of one entry make one module whose forward() carries them out one after the other and returns every
tensor of their results, so that an export is paid once for all of them. The file that the importer loads holds two
lines; it asks this module for the samples that `current` names.
"""

from __future__ import annotations

import dataclasses
import sys
import types
import unittest
from collections.abc import Callable
from typing import Any

import torch
from torch.utils import _pytree as pytree

# PyTorch's test helpers derive a class from this package's, which nobody needs for the samples alone.
if "expecttest" not in sys.modules:
    try:
        import expecttest  # noqa: F401
    except ImportError:
        sys.modules["expecttest"] = types.ModuleType("expecttest")
        sys.modules["expecttest"].TestCase = unittest.TestCase

DTYPES = (torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.bool)

MODULE_TEXT = "from opinfo_samples import current\n\nModel, get_inputs = current.model, current.inputs\n"


@dataclasses.dataclass
class Sample:
    """One call: `function(*arguments, **keywords)`, given as leaves of which the tensors are inputs of the module."""

    function: Callable
    leaves: list[Any]
    spec: pytree.TreeSpec
    is_input: list[bool]

    def tensors(self) -> list[torch.Tensor]:
        return [leaf for leaf, given in zip(self.leaves, self.is_input) if given]

    def run(self, tensors: list[torch.Tensor]) -> list[torch.Tensor]:
        """The tensors of the result, for other input tensors."""
        rest = iter(tensors)
        leaves = [next(rest) if given else leaf for leaf, given in zip(self.leaves, self.is_input)]
        arguments, keywords = pytree.tree_unflatten(leaves, self.spec)
        result = self.function(*arguments, **keywords)
        return [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]


class Current:
    """The samples of the module that is imported next."""

    samples: list[Sample] = []

    @property
    def model(self) -> type[torch.nn.Module]:
        samples = list(self.samples)

        class Model(torch.nn.Module):
            def forward(self, *tensors):
                results, at = [], 0
                for sample in samples:
                    count = sum(sample.is_input)
                    results.append(sample.run(list(tensors[at : at + count])))
                    at += count
                return results

        return Model

    @property
    def inputs(self) -> Callable[[], list[torch.Tensor]]:
        samples = list(self.samples)
        return lambda: [tensor for sample in samples for tensor in sample.tensors()]


current = Current()


def entries() -> dict[str, Any]:
    """Every entry by its full name ("nn.functional.gelu", "var_mean.unbiased")."""
    from torch.testing._internal import common_methods_invocations

    # The tests of random operators seed the generator within each call, which a Program does not carry.
    common_methods_invocations.wrapper_set_seed = lambda op, *args, **kwargs: op(*args, **kwargs)
    op_db = common_methods_invocations.op_db
    return {f"{info.name}.{info.variant_test_name}" if info.variant_test_name else info.name: info for info in op_db}


def dtypes_of(info: Any) -> list[torch.dtype]:
    return [dtype for dtype in DTYPES if dtype in info.supported_dtypes("cpu")]


def samples_of(info: Any, dtype: torch.dtype) -> list[Sample]:
    """All samples of an entry for a dtype, from a fixed seed."""
    torch.manual_seed(0)
    made = []
    for given in info.sample_inputs("cpu", dtype, requires_grad=False):
        leaves, spec = pytree.tree_flatten(((given.input, *given.args), given.kwargs))
        made.append(Sample(info.op, leaves, spec, [isinstance(leaf, torch.Tensor) for leaf in leaves]))
    return made
