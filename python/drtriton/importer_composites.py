"""Composite operators that an export takes apart: aliases and conveniences that PyTorch writes with other operators.

An export keeps composite operators whole, so that linear or layer_norm stay what they are. These would only hide what
the registry knows (src/graph/operators_*.cc): `clip` is clamp, `hstack` is cat, `cosine_similarity` a few products and
sums. What they are made of is PyTorch's own definition, the one that eager mode runs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch._export.utils import _collect_all_valid_cia_ops, _get_decomp_for_cia

# Every overload of these.
_TAKEN_APART = set(
    """
    __and__ __or__ __xor__ absolute atleast_1d atleast_2d atleast_3d arccos arccosh arcsin arcsinh arctan
    arctan2 arctanh broadcast_tensors chain_matmul clip column_stack concat concatenate cosine_embedding_loss
    cosine_similarity cross cumulative_trapezoid diag diagflat diff divide dstack fix fliplr flipud
    float_power frobenius_norm ger greater greater_equal hinge_embedding_loss hstack inner isclose isreal kron
    less less_equal linalg_matmul linalg_matrix_norm linalg_multi_dot linalg_norm linalg_vecdot
    margin_ranking_loss max meshgrid min msort multiply nanmean negative nll_loss not_equal pairwise_distance
    poisson_nll_loss row_stack special_digamma special_erf special_erfc special_erfinv special_exp2
    special_expit special_expm1 special_gammaln special_i0 special_log1p special_log_softmax special_logit
    special_logsumexp special_multigammaln special_ndtr special_polygamma special_psi special_round
    special_sinc special_softmax special_xlogy subtract sum_to_size tensordot trapezoid trapz
    triplet_margin_loss true_divide vander vstack _pad_circular _weight_norm
    """.split()
)
# Of the names above, overloads that the registry knows as they are.
_KEPT = ("true_divide.Tensor",)


@functools.cache
def taken_apart() -> dict[torch._ops.OpOverload, Callable]:
    """For `ExportedProgram.run_decompositions`: these operators' own definitions."""
    table = {}
    for operator in _collect_all_valid_cia_ops():
        namespace, name, overload = str(operator).split(".")
        if namespace == "aten" and name in _TAKEN_APART and f"{name}.{overload}" not in _KEPT:
            table[operator] = _get_decomp_for_cia(operator)
    return table
