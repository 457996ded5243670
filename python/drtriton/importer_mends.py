"""Where PyTorch 2.11 exports something else than it runs, mended for the time of an export."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import torch
import torch._decomp.decompositions as decompositions
import torch.cuda.amp.common as amp


@contextlib.contextmanager
def mended_export(device: str) -> Iterator[None]:
    with contextlib.ExitStack() as mends:
        mends.enter_context(mock.patch.object(decompositions, "one_layer_lstm", _one_layer_lstm))
        if device == "cuda" and not torch.cuda.is_available():
            # torch.autocast("cuda") switches itself off on a machine without a GPU; the target has one.
            mends.enter_context(mock.patch.object(amp, "amp_definitely_not_available", lambda: False))
            mends.enter_context(mock.patch.object(torch.cuda, "is_bf16_supported", lambda *_, **__: True))
        mends.enter_context(mock.patch.object(torch.Tensor, "data", _TRACED_DATA))
        yield


# `tensor.data` is read below the level at which an export listens: what comes out would be a constant, no longer the
# parameter. `detach()` shares memory in the same way and is heard.
_TRACED_DATA = property(lambda tensor: tensor.detach(), torch._C.TensorBase.data.__set__)

_original_one_layer_lstm = decompositions.one_layer_lstm


def _one_layer_lstm(inp: torch.Tensor, hidden: tuple, *rest: Any, **keywords: Any) -> tuple:
    """The shape rule of `aten.lstm` squeezes the wrong dimension of the last states where the batch is not 1."""
    out, (hx, cx) = _original_one_layer_lstm(inp, hidden, *rest, **keywords)
    return out, (hx.reshape(hidden[0].shape), cx.reshape(hidden[1].shape))
