"""Which ATen operators a launcher may call beside its kernels: the one table, printed by `python -m drtriton.operator_rules`.

Allocation, views and plain data movement are what a launcher needs to give kernels their tensors. Everything else computes
and is either refused (strict) or kept as a vendor step (hybrid).
"""

from __future__ import annotations

import enum

import torch


class Rule(enum.Enum):
    ALLOCATE = "new memory, not written"
    FILL = "memory filled with one value"
    COPY = "elements copied, converting dtype"
    CONSTANT = "a few values known to the launcher, written one by one"
    VIEW = "other shape or strides of the same memory"
    READ = "a tensor's value read on the host: refused always"
    COMPUTE = "anything else: refused in strict mode, a vendor step in hybrid"


RULES: dict[str, Rule] = {
    "aten.empty.memory_format": Rule.ALLOCATE,
    "aten.empty_strided.default": Rule.ALLOCATE,
    "aten.empty_permuted.default": Rule.ALLOCATE,
    "aten.empty_like.default": Rule.ALLOCATE,
    "aten.new_empty.default": Rule.ALLOCATE,
    "aten.new_empty_strided.default": Rule.ALLOCATE,
    "aten.zeros.default": Rule.FILL,
    "aten.ones.default": Rule.FILL,
    "aten.full.default": Rule.FILL,
    "aten.zeros_like.default": Rule.FILL,
    "aten.ones_like.default": Rule.FILL,
    "aten.full_like.default": Rule.FILL,
    "aten.new_zeros.default": Rule.FILL,
    "aten.new_ones.default": Rule.FILL,
    "aten.new_full.default": Rule.FILL,
    "aten.scalar_tensor.default": Rule.FILL,
    "aten.zero_.default": Rule.FILL,
    "aten.fill_.Scalar": Rule.FILL,
    "aten.fill_.Tensor": Rule.COPY,
    "aten.clone.default": Rule.COPY,
    "aten._to_copy.default": Rule.COPY,
    "aten.copy_.default": Rule.COPY,
    "aten.cat.default": Rule.COPY,
    "aten.stack.default": Rule.COPY,
    "aten.repeat.default": Rule.COPY,
    "aten.constant_pad_nd.default": Rule.COPY,
    "aten.lift_fresh.default": Rule.CONSTANT,
    "aten.lift_fresh_copy.default": Rule.CONSTANT,
    "aten.arange.default": Rule.CONSTANT,
    "aten.arange.start": Rule.CONSTANT,
    "aten.arange.start_step": Rule.CONSTANT,
    "aten._unsafe_view.default": Rule.VIEW,
    "aten._reshape_alias.default": Rule.VIEW,
    "aten._local_scalar_dense.default": Rule.READ,
    "aten.is_nonzero.default": Rule.READ,
    "aten.equal.default": Rule.READ,
    "aten.nonzero.default": Rule.READ,
}


def rule_of(operator: torch._ops.OpOverload) -> Rule:
    """The rule of an operator; views are known by their schema."""
    named = RULES.get(str(operator))
    if named is not None:
        return named
    if operator.is_view or torch.Tag.inplace_view in operator.tags:
        return Rule.VIEW
    return Rule.COMPUTE


if __name__ == "__main__":
    for name, rule in RULES.items():
        print(f"{name:40} {rule.name.lower():9} {rule.value}")
    print(f"{'every operator that returns a view':40} {'view':9} {Rule.VIEW.value}")
