"""libdevice functions in NumPy and PyTorch, by symbol without its `__nv_` prefix and without the `f` of float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch


def _by_torch(function: Callable[..., torch.Tensor]) -> Callable[..., np.ndarray]:
    def call(*args: np.ndarray) -> np.ndarray:
        shape = np.broadcast_shapes(*(arg.shape for arg in args))
        return function(*(torch.from_numpy(np.ascontiguousarray(arg)) for arg in args)).numpy().reshape(shape)

    return call


def _rsqrt(x: np.ndarray) -> np.ndarray:
    return (1.0 / np.sqrt(x.astype(np.float64))).astype(x.dtype)


def _round_away(x: np.ndarray) -> np.ndarray:
    return np.trunc(x + np.copysign(np.asarray(0.5, x.dtype), x))


def _fma(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    return (x.astype(np.float64) * y + z).astype(x.dtype)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    # exponentials and logarithms
    "exp": np.exp, "exp2": np.exp2, "exp10": lambda x: np.power(np.asarray(10, x.dtype), x), "expm1": np.expm1,
    "log": np.log, "log2": np.log2, "log10": np.log10, "log1p": np.log1p, "logb": lambda x: np.floor(np.log2(np.abs(x))),
    # powers and roots
    "pow": np.power, "powi": lambda x, n: np.power(x, n.astype(x.dtype)), "sqrt": np.sqrt, "rsqrt": _rsqrt, "cbrt": np.cbrt,
    "rcbrt": lambda x: 1 / np.cbrt(x), "hypot": np.hypot,
    "sqrt_rn": np.sqrt, "fsqrt_rn": np.sqrt, "frcp_rn": lambda x: 1 / x, "drcp_rn": lambda x: 1 / x,
    # trigonometric and hyperbolic
    "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2,
    "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh,
    "sinpi": lambda x: np.sin(np.pi * x), "cospi": lambda x: np.cos(np.pi * x),
    # special
    "erf": _by_torch(torch.erf), "erfc": _by_torch(torch.erfc), "erfinv": _by_torch(torch.erfinv),
    "normcdf": _by_torch(torch.special.ndtr), "normcdfinv": _by_torch(torch.special.ndtri),
    "erfcx": _by_torch(torch.special.erfcx), "lgamma": _by_torch(torch.lgamma),
    "tgamma": _by_torch(lambda x: torch.exp(torch.lgamma(x.double())).to(x.dtype)),
    "j0": _by_torch(torch.special.bessel_j0), "j1": _by_torch(torch.special.bessel_j1),
    "y0": _by_torch(torch.special.bessel_y0), "y1": _by_torch(torch.special.bessel_y1),
    "cyl_bessel_i0": _by_torch(torch.special.i0), "cyl_bessel_i1": _by_torch(torch.special.i1),
    # rounding, signs, comparison
    "floor": np.floor, "ceil": np.ceil, "trunc": np.trunc, "rint": np.rint, "nearbyint": np.rint, "round": _round_away,
    "llrint": lambda x: np.rint(x).astype(np.int64), "llround": lambda x: _round_away(x).astype(np.int64),
    "fabs": np.abs, "abs": np.abs, "llabs": np.abs, "copysign": np.copysign, "signbit": np.signbit, "signbitd": np.signbit,
    "fmin": np.fmin, "fmax": np.fmax, "min": np.minimum, "max": np.maximum, "fdim": lambda x, y: np.maximum(x - y, 0),
    "fmod": np.fmod, "remainder": lambda x, y: x - y * np.rint(x / y), "nextafter": np.nextafter,
    "isnan": np.isnan, "isnand": np.isnan, "isinf": np.isinf, "isinfd": np.isinf, "finite": np.isfinite, "isfinited": np.isfinite,
    "saturate": lambda x: np.clip(x, 0, 1), "ldexp": lambda x, n: np.ldexp(x, n), "scalbn": lambda x, n: np.ldexp(x, n),
    "ilogb": lambda x: np.floor(np.log2(np.abs(x))),
    # arithmetic with a stated rounding; to nearest is what NumPy does
    "fma": _fma, "fma_rn": _fma, "fadd_rn": np.add, "dadd_rn": np.add, "fsub_rn": np.subtract, "fmul_rn": np.multiply,
    "dmul_rn": np.multiply, "fdiv_rn": np.divide, "ddiv_rn": np.divide, "divide": np.divide, "fdivide": np.divide,
    # integers
    "mul24": np.multiply, "popc": np.bitwise_count if hasattr(np, "bitwise_count") else None,
    "clz": lambda x: 31 - np.floor(np.log2(np.maximum(x.astype(np.uint32), 1).astype(np.float64))).astype(np.int32) + (x == 0),
}
