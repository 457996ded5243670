"""Mends Triton's interpreter, so that what it computes is what a GPU computes up to the order of additions.

Triton 3.6 interprets bfloat16 on raw bits (sums and products of bit patterns, truncating casts). Here a bfloat16 value
is held as the float32 of equal value, and every result of that type is rounded to nearest, ties to even. Dots honour
their `input_precision`: TF32 drops the 13 low bits of float32 operands as tensor cores do, bf16x3 and bf16x6 split them.
Further: libdevice functions, reductions and scans with any combine function at array speed, erf at array speed, boolean
arguments. What stays different: no races show, and sums are added in another order.

`install` patches the interpreter for the rest of the process. TRITON_INTERPRET=1 must have been set before Triton is
imported.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import triton.language as tl
import triton.runtime.interpreter as ti
from triton._C.libtriton import interpreter as native
from triton._C.libtriton import ir
from triton.language.extra import libdevice as libdevice_names
from triton.language.extra.cuda import libdevice

from drtriton.interpreter_libdevice import FUNCTIONS

TensorHandle = ti.TensorHandle
Builder = ti.InterpreterBuilder


# ---- bfloat16 as float32 --------------------------------------------------------------------------------------------


def round_bfloat16(values: np.ndarray) -> np.ndarray:
    """The nearest bfloat16 of each value, ties to even, as float32."""
    values = values.astype(np.float32, copy=False)
    bits = values.view(np.uint32)
    rounded = ((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)).view(np.float32)
    return np.where(np.isnan(values), values, rounded)


def bfloat16_bits(values: np.ndarray) -> np.ndarray:
    values = round_bfloat16(np.asarray(values))
    bits = (values.view(np.uint32) >> np.uint32(16)).astype(np.uint16)
    return np.where(np.isnan(values), np.uint16(0x7FC0), bits)


def bfloat16_values(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def _is_bfloat16(dtype: tl.dtype) -> bool:
    return dtype.scalar == tl.bfloat16


def _np_dtype(dtype: tl.dtype, original: Callable = ti._get_np_dtype) -> np.dtype:
    return np.dtype(np.float32) if _is_bfloat16(dtype) else original(dtype)


def _post_init(handle: TensorHandle) -> None:
    """Every value that the interpreter makes passes here."""
    if handle.data.dtype == np.bool_:  # comparisons keep their operands' type, as which a scalar would be spread over a block
        handle.dtype = tl.int1
    if _is_bfloat16(handle.dtype):
        if handle.data.dtype.kind == "f":
            handle.data = round_bfloat16(handle.data)
    elif not ti._validate_np_data_size(handle.data, handle.dtype):
        raise ValueError(f"{handle.data.dtype} does not hold a {handle.dtype}")


def _load(builder: Builder, ptrs: TensorHandle, mask: Any, other: Any, cache_modifier: Any, eviction_policy: Any,
          is_volatile: Any, original: Callable = Builder.create_masked_load) -> TensorHandle:
    dtype = ptrs.get_element_ty()
    if not _is_bfloat16(dtype):
        return original(builder, ptrs, mask, other, cache_modifier, eviction_policy, is_volatile)
    shape = ptrs.data.shape
    fill = np.zeros(shape, np.uint16) if other is None else bfloat16_bits(np.broadcast_to(other.data, shape))
    return TensorHandle(bfloat16_values(native.load(ptrs.data, mask.data, fill, np.dtype(np.uint16))), dtype)


def _store(builder: Builder, ptrs: TensorHandle, value: TensorHandle, mask: Any, cache_modifier: Any,
           eviction_policy: Any) -> Any:
    data = bfloat16_bits(value.data) if _is_bfloat16(ptrs.get_element_ty()) else value.data
    return native.store(ptrs.data, data, mask.data)


def _cast(builder: Builder, src: TensorHandle, dst_type: tl.dtype) -> TensorHandle:
    return TensorHandle(src.data.astype(_np_dtype(dst_type)), dst_type.scalar)


def _fp_to_fp(builder: Builder, src: TensorHandle, dst_type: tl.dtype, rounding: Any) -> TensorHandle:
    source, target = src.dtype.scalar, dst_type.scalar
    data = src.data
    if _is_bfloat16(source):
        source = tl.float32
    elif source.primitive_bitwidth == 8:
        data, source = ti._convert_float(data, source, tl.float32, None).view(np.float32), tl.float32
    if _is_bfloat16(target):
        data = data.astype(np.float32)
        if rounding == ir.ROUNDING_MODE.RTZ:
            data = (data.view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)
        return TensorHandle(data, target)
    if target.primitive_bitwidth >= source.primitive_bitwidth:
        return TensorHandle(data.astype(_np_dtype(target)), target)
    return TensorHandle(ti._convert_float(data, source, target, rounding).view(_np_dtype(target)), target)


def _bitcast(builder: Builder, src: TensorHandle, dst_type: tl.dtype) -> TensorHandle:
    raw = bfloat16_bits(src.data) if _is_bfloat16(src.dtype) else src.data
    if _is_bfloat16(dst_type):
        return TensorHandle(bfloat16_values(raw.view(np.uint16)), dst_type.scalar)
    return TensorHandle(raw.view(_np_dtype(dst_type)), dst_type.scalar)


def _fabs(builder: Builder, arg: TensorHandle) -> TensorHandle:
    return TensorHandle(np.abs(arg.data), arg.dtype.scalar)


def _atomic_rmw(builder: Builder, operation: Any, ptr: TensorHandle, val: TensorHandle, mask: TensorHandle, sem: Any,
                scope: Any, original: Callable = Builder.create_atomic_rmw) -> TensorHandle:
    """bfloat16 element by element: several lanes may name one address."""
    if not _is_bfloat16(ptr.get_element_ty()):
        return original(builder, operation, ptr, val, mask, sem, scope)
    combine = {ir.ATOMIC_OP.FADD: np.add, ir.ATOMIC_OP.MAX: np.maximum, ir.ATOMIC_OP.MIN: np.minimum,
               ir.ATOMIC_OP.XCHG: lambda _, new: new}[operation]
    old = np.zeros(ptr.data.shape, np.float32)
    addresses = ptr.data
    values, masks = (np.broadcast_to(x.data, addresses.shape) for x in (val, mask))
    one = np.ones(1, bool)
    for index in np.ndindex(*ptr.data.shape):
        if masks[index]:
            address = addresses[index].reshape(1)
            old[index] = bfloat16_values(native.load(address, one, np.zeros(1, np.uint16), np.dtype(np.uint16)))[0]
            native.store(address, bfloat16_bits(np.asarray(combine(old[index], values[index])).reshape(1)), one)
    return TensorHandle(old, val.dtype.scalar)


# ---- dot ------------------------------------------------------------------------------------------------------------


def _dot(builder: Builder, a: TensorHandle, b: TensorHandle, d: TensorHandle, precision: Any,
         max_num_imprecise_acc: Any) -> TensorHandle:
    left, right = (_dot_operand(x) for x in (a, b))
    if a.dtype.scalar == tl.float32 and b.dtype.scalar == tl.float32:
        product = _float32_product(left, right, precision)
    else:
        product = np.matmul(left, right)
    return TensorHandle((product + d.data).astype(d.data.dtype), d.dtype.scalar)


def _dot_operand(operand: TensorHandle) -> np.ndarray:
    """Tensor cores multiply exactly and add in float32 (or int32, float64)."""
    scalar = operand.dtype.scalar
    if scalar.is_int():
        return operand.data.astype(np.int32)
    if scalar.primitive_bitwidth == 8:
        return ti._convert_float(operand.data, scalar, tl.float16, None).view(np.float16).astype(np.float32)
    return operand.data.astype(np.float64 if scalar == tl.float64 else np.float32, copy=False)


def _float32_product(left: np.ndarray, right: np.ndarray, precision: Any) -> np.ndarray:
    if precision == ir.INPUT_PRECISION.TF32:
        return np.matmul(_tf32(left), _tf32(right))
    parts = {ir.INPUT_PRECISION.BF16x3: 2, ir.INPUT_PRECISION.BF16x6: 3}.get(precision)
    if parts is None:   # IEEE, and tf32x3, whose error is that of float32
        return np.matmul(left, right)
    lefts, rights = _bfloat16_parts(left, parts), _bfloat16_parts(right, parts)
    # The smallest products first, those below the precision of the sum left out, as the compiled code does.
    pairs = [(i, j) for i in range(parts) for j in range(parts) if i + j < parts]
    return sum(np.matmul(lefts[i], rights[j]) for i, j in sorted(pairs, key=sum, reverse=True))


def _tf32(values: np.ndarray) -> np.ndarray:
    return (values.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)


def _bfloat16_parts(values: np.ndarray, count: int) -> list[np.ndarray]:
    parts = []
    for _ in range(count):
        parts.append(round_bfloat16(values))
        values = values - parts[-1]
    return parts


# ---- reductions and scans by any function ---------------------------------------------------------------------------


def _combined(operation: Any, left: list[Any], right: list[Any], dtypes: list[tl.dtype]) -> list[np.ndarray]:
    """The combine function on arrays instead of on one element at a time."""
    wrap = operation.to_tensor
    result = operation.combine_fn.fn(*(wrap(x, t) for x, t in zip(left, dtypes)), *(wrap(x, t) for x, t in zip(right, dtypes)))
    result = result if isinstance(result, tuple) else (result,)
    arrays = [x.handle.data if isinstance(x, tl.core.tensor) else np.asarray(x) for x in result]
    return [np.broadcast_to(x, np.shape(old)).astype(_np_dtype(t)) for x, old, t in zip(arrays, left, dtypes)]


def _generic_reduce(operation: ti.ReduceOps, inputs: tuple) -> list[Any]:
    whole = operation.axis is None
    rank = len(inputs[0].handle.data.shape)
    inputs, axis = operation.unravel(inputs, operation.axis)
    dtypes = [x.dtype for x in inputs]
    data = [np.moveaxis(x.handle.data, axis, 0) for x in inputs]
    while len(data[0]) > 1:   # neighbours first, so that order is kept; sizes are powers of two
        data = _combined(operation, [x[0::2] for x in data], [x[1::2] for x in data], dtypes)
    results = []
    for values, dtype in zip(data, dtypes):
        result = values[0]
        if operation.keep_dims:
            result = result.reshape((1,) * rank) if whole else np.expand_dims(result, axis)
        results.append(operation.to_tensor(result.item() if whole and not operation.keep_dims else result, dtype))
    return results


def _generic_scan(operation: ti.ScanOps, inputs: tuple) -> list[Any]:
    dtypes = [x.dtype for x in inputs]
    data = [np.moveaxis(x.handle.data, operation.axis, 0) for x in inputs]
    step = 1
    while step < len(data[0]):
        earlier = [np.concatenate([x[:step], x[:-step]]) for x in data]   # whole, since sizes must be powers of two
        combined = _combined(operation, earlier, data, dtypes)
        data = [np.concatenate([x[:step], y[step:]]) for x, y in zip(data, combined)]
        step *= 2
    return [operation.to_tensor(np.moveaxis(x, 0, operation.axis), t) for x, t in zip(data, dtypes)]


# ---- elementary functions -------------------------------------------------------------------------------------------


def _erf(builder: Builder, arg: TensorHandle) -> TensorHandle:
    values = torch.from_numpy(np.ascontiguousarray(arg.data)).erf().numpy()
    return TensorHandle(values.reshape(arg.data.shape), arg.dtype.scalar)


def _extern(builder: Builder, library: str, path: str, symbol: str, args: list[TensorHandle], result: tl.dtype,
            is_pure: bool) -> TensorHandle:
    function = FUNCTIONS.get(symbol.removeprefix("__nv_").removeprefix("fast_")) or \
        FUNCTIONS.get(symbol.removeprefix("__nv_").removeprefix("fast_").removesuffix("f"))
    if function is None:
        raise NotImplementedError(f"the interpreter does not know {symbol}")
    return TensorHandle(np.asarray(function(*(arg.data for arg in args))).astype(_np_dtype(result)), result.scalar)


def _patch_libdevice() -> None:
    """`libdevice.tanh(x)` under both names; compiled code maps the names in extra to those of the target."""
    for name, function in inspect.getmembers(libdevice, tl.core.is_builtin):
        def call(*args: Any, _function: Callable = function, **kwargs: Any) -> Any:
            kwargs.pop("_semantic", None)
            return _function(*args, **kwargs, _semantic=ti.interpreter_semantic)

        setattr(libdevice, name, call)
        setattr(libdevice_names, name, call)


# ---- launching ------------------------------------------------------------------------------------------------------


class _Permanent:
    """In the place of a scope of patches: the language is patched once and stays so."""

    def restore(self) -> None:
        return None


def _patch_language_once() -> None:
    """Triton patches its language for each launch and each device function called, which costs more than the kernel."""
    ti._patch_lang(types.FunctionType((lambda: None).__code__, {"tl": tl, "core": tl.core}))
    ti._patch_lang = lambda _: _Permanent()


def _implicit_conversion(arg: Any, original: Callable = ti._implicit_cvt) -> Any:
    if isinstance(arg, bool):
        return tl.tensor(TensorHandle(np.array([arg], dtype=bool), tl.int1), tl.int1)
    return original(arg)


def install() -> None:
    np.seterr(all="ignore")
    ti._get_np_dtype = _np_dtype
    ti._implicit_cvt = _implicit_conversion
    TensorHandle.__post_init__ = _post_init
    Builder.get_bf16 = lambda _, value: TensorHandle(np.array([value], dtype=np.float32), tl.bfloat16)
    Builder.create_masked_load, Builder.create_masked_store = _load, _store
    Builder.cast_impl, Builder.create_fp_to_fp = _cast, _fp_to_fp
    Builder.create_bitcast = Builder.create_int_to_ptr = Builder.create_ptr_to_int = _bitcast
    Builder.create_fabs, Builder.create_erf, Builder.create_dot = _fabs, _erf, _dot
    Builder.create_atomic_rmw, Builder.create_extern_elementwise = _atomic_rmw, _extern
    ti.ReduceOps.generic_reduce, ti.ScanOps.generic_scan = _generic_reduce, _generic_scan
    ti.interpreter_builder.options = ti.InterpreterOptions(
        allowed_dot_input_precisions=("tf32", "tf32x3", "ieee", "bf16x3", "bf16x6"))
    _patch_libdevice()
    _patch_language_once()
