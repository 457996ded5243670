"""Small functions whose Programs the templates must cover: what test_templates.py and template_check.py run.

A case is a function of tensors with its inputs described as (shape, dtype) or (shape, dtype, strides); `programs()` exports
them to Programs.  The `real` cases are the same operators at sizes that load a GPU.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable

import torch
import torch.nn.functional as F
from torch._subclasses.fake_tensor import FakeTensorMode

from drtriton.importer_composites import taken_apart
from drtriton.importer_errors import UserFile
from drtriton.importer_program import ProgramBuilder

F32, F16, BF16, F64 = torch.float32, torch.float16, torch.bfloat16, torch.float64
I32, I64, I8, U8, B = torch.int32, torch.int64, torch.int8, torch.uint8, torch.bool
CONTEXT = {"training": False, "matmul_tf32": False, "cudnn_tf32": True, "reduced_precision_bf16": True,
           "reduced_precision_fp16": True}


@dataclasses.dataclass
class Case:
    name: str
    function: Callable
    inputs: list[tuple]
    low: float = -3.0
    high: float = 3.0
    special: bool = False  # infinities, NaN and zeros among the values

    def make_inputs(self, device: str, seed: int = 0) -> list[torch.Tensor]:
        generator = torch.Generator().manual_seed(seed)
        return [self._make(spec, device, generator) for spec in self.inputs]

    def _make(self, spec: tuple, device: str, generator: torch.Generator) -> torch.Tensor:
        shape, dtype = spec[0], spec[1]
        strides = self._strides(spec)
        if dtype is B:
            data = torch.rand(shape, generator=generator) < 0.5
        elif dtype.is_floating_point:
            data = torch.rand(shape, generator=generator, dtype=torch.float64) * (self.high - self.low) + self.low
        else:
            data = torch.randint(max(int(self.low), 0) if dtype is U8 else int(self.low), int(self.high) + 1, shape,
                                 generator=generator)
        if self.special:
            data.view(-1)[:7] = torch.tensor([float("inf"), float("-inf"), float("nan"), 0.0, -0.0, 1e30, -1e30])
        tensor = torch.empty_strided(shape, strides, dtype=dtype, device=device)
        return tensor.copy_(data)

    def _strides(self, spec: tuple) -> tuple:
        return spec[2] if len(spec) > 2 else torch.empty(spec[0], device="meta").stride()

    def program(self, device: str = "cpu") -> dict:
        module = _Wrapper(self.function)
        with FakeTensorMode():  # no data: real sizes cost nothing, and strides are those of the CPU's kernels
            inputs = [torch.empty_strided(spec[0], self._strides(spec), dtype=spec[1]) for spec in self.inputs]
            exported = torch.export.export(module, tuple(inputs), strict=False).run_decompositions(taken_apart())
        return ProgramBuilder(exported, UserFile("case.py", "case.py"), "case", device, CONTEXT).build().json


class _Wrapper(torch.nn.Module):
    def __init__(self, function: Callable):
        super().__init__()
        self._function = function

    def forward(self, *tensors: torch.Tensor) -> Any:
        result = self._function(*tensors)
        return result if isinstance(result, tuple) else (result,)


def _unary() -> list[Case]:
    plain = {
        "abs": torch.abs, "neg": torch.neg, "sign": torch.sign, "square": torch.square, "exp": torch.exp, "exp2": torch.exp2,
        "expm1": torch.expm1, "sin": torch.sin, "cos": torch.cos, "tanh": torch.tanh, "erf": torch.erf, "floor": torch.floor,
        "ceil": torch.ceil, "round": torch.round, "trunc": torch.trunc, "sigmoid": torch.sigmoid, "relu": F.relu,
        "silu": F.silu, "mish": F.mish, "gelu": F.gelu, "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "relu6": F.relu6, "hardtanh": F.hardtanh, "leaky_relu": lambda x: F.leaky_relu(x, 0.1), "elu": lambda x: F.elu(x, 1.3),
        "celu": lambda x: F.celu(x, 0.7), "selu": F.selu, "softplus": lambda x: F.softplus(x, 1.5, 3.0),
        "softsign": F.softsign, "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish, "hardshrink": F.hardshrink,
        "softshrink": F.softshrink, "threshold": lambda x: F.threshold(x, 0.2, -1.0), "logsigmoid": F.logsigmoid,
        "reciprocal": torch.reciprocal, "nan_to_num": torch.nan_to_num, "clamp": lambda x: x.clamp(-1, 2),
        "pow3": lambda x: x ** 3, "square_pow": lambda x: x ** 2, "isnan": lambda x: torch.isnan(x) | torch.isinf(x / x.relu()),
        "logical_not": torch.logical_not,
    }
    positive = {"log": torch.log, "log2": torch.log2, "log10": torch.log10, "log1p": torch.log1p, "sqrt": torch.sqrt,
                "rsqrt": torch.rsqrt, "pow": lambda x: x ** 1.7, "pow_neg": lambda x: x ** -0.5}
    floats = {name: f for name, f in plain.items() if name not in ("isnan", "logical_not")}
    cases = _grouped("unary_f32", plain, ((5, 202), F32)) + _grouped("positive_f32", positive, ((5, 202), F32), 0.01, 9.0)
    cases += _grouped("unary_f64", {**floats, **positive}, ((3, 70), F64), 0.01, 5.0)
    cases += _grouped("unary_f16", _chosen(plain, "gelu tanh exp relu elu"), ((3, 202), F16))
    cases += _grouped("unary_bf16", _chosen(plain, "gelu tanh exp mish silu round"), ((3, 202), BF16))
    large = _chosen(plain, "exp expm1 tanh softplus mish logsigmoid sigmoid gelu")
    cases += _grouped("unary_large", large, ((4, 256), F32), -80.0, 80.0)
    cases += _grouped("positive_large", _chosen(positive, "log1p pow log"), ((4, 256), F32), 0.0, 80.0)
    tiny = _chosen(plain, "expm1 tanh erf elu sin softsign gelu_tanh")
    cases += _grouped("unary_tiny", {**tiny, "log1p": torch.log1p}, ((4, 256), F32), -1e-4, 1e-4)
    integer = {"abs": torch.abs, "neg": torch.neg, "sign": torch.sign, "relu": F.relu, "exp": torch.exp, "sqrt_of_abs": lambda x: x.abs().sqrt(),
               "clamp": lambda x: x.clamp(-1, 2), "bitwise_not": torch.bitwise_not}
    special = {name: f for name, f in plain.items() if name not in ("gelu", "isnan", "sin", "cos")}  # gelu(inf) is NaN on a CPU
    cases += [dataclasses.replace(case, special=True) for case in _grouped("unary_special", special, ((2, 64), F32))]
    cases += _grouped("unary_i32", integer, ((3, 50), I32), -9, 9)
    return cases + [Case("glu_f32", lambda x: F.glu(x, -1), [((5, 202), F32)]), Case("glu_f16", lambda x: F.glu(x, -1), [((5, 202), F16)])]


def _chosen(functions: dict, names: str) -> dict:
    return {name: functions[name] for name in names.split()}


def _grouped(name: str, functions: dict, spec: tuple, low: float = -3.0, high: float = 3.0) -> list[Case]:
    """Functions of one tensor, several a case: exporting takes longer than everything else."""
    cases, items = [], list(functions.values())
    for start in range(0, len(items), 8):
        part = items[start:start + 8]
        cases.append(Case(f"{name}_{start // 8}", lambda x, part=part: tuple(f(x) for f in part), [spec], low, high))
    return cases


def _binary() -> list[Case]:
    both = {"add": torch.add, "sub": torch.sub, "mul": torch.mul, "div": torch.div, "maximum": torch.maximum,
            "minimum": torch.minimum, "eq": torch.eq, "lt": torch.lt, "ge": torch.ge, "floor_divide": torch.floor_divide,
            "remainder": torch.remainder, "fmod": torch.fmod, "add_alpha": lambda a, b: torch.add(a, b, alpha=2),
            "div_floor": lambda a, b: torch.div(a, b, rounding_mode="floor"),
            "div_trunc": lambda a, b: torch.div(a, b, rounding_mode="trunc"), "where": lambda a, b: torch.where(a > b, a, b),
            "logical_and": torch.logical_and, "rsub": lambda a, b: torch.rsub(a, b)}
    nonzero = [lambda f: lambda a, b: f(a, torch.where(b == 0, 3, b))]
    cases = []
    for name, f in both.items():
        guarded = nonzero[0](f) if name in ("div", "floor_divide", "remainder", "fmod", "div_floor", "div_trunc") else f
        cases.append(Case(f"{name}_f32_f32", guarded, [((7, 65), F32), ((7, 65), F32)]))
        cases.append(Case(f"{name}_i64_i32", guarded, [((7, 65), I64), ((65,), I32)], -20, 20))
        if name not in ("sub", "rsub", "add_alpha"):
            cases.append(Case(f"{name}_f16_f32", guarded, [((7, 65), F16), ((7, 1), F32)]))
    far = lambda y: torch.where(y > 1, float("inf"), torch.where(y < -1, float("-inf"), y))  # noqa: E731
    cases.append(Case("division_by_infinity", lambda x, y: tuple(f(x, far(y)) for f in (torch.remainder, torch.fmod, torch.floor_divide)),
                      [((3, 40), F32), ((3, 40), F32)]))
    cases.append(Case("lerp", lambda a, b: torch.lerp(a, b, 0.3), [((7, 65), F32), ((7, 65), F32)]))
    cases.append(Case("addcmul", lambda a, b, c: torch.addcmul(a, b, c, value=0.5), [((7, 65), F32)] * 3))
    cases.append(Case("pow_tensor", lambda a, b: torch.pow(a, b), [((7, 65), F32), ((65,), F32)], 0.01, 4))
    cases.append(Case("bool_ops", lambda a, b: (a & b, a | b, a ^ b, ~a), [((33,), B), ((33,), B)]))
    cases.append(Case("mask_fill", lambda x, m: x.masked_fill(m, float("-inf")), [((4, 9, 9), F32), ((9, 9), B)]))
    cases.append(Case("bool_to_float", lambda m, x: m.float() * x + (x > 0), [((9, 9), B), ((9, 9), F32)]))
    cases.append(Case("uint8", lambda a, b: a + b, [((100,), U8), ((100,), U8)], 0, 200))
    cases.append(Case("prelu", lambda x, w: F.prelu(x, w), [((2, 6, 5), F32), ((6,), F32)]))
    cases.append(Case("number_promotion", lambda x: x * 2.5 + (x > 1), [((40,), I32)]))
    cases.append(Case("scalar_tensor", lambda x, s: x * s + 1, [((3, 40), F32), ((), F32)]))
    cases.append(Case("scalar_result", lambda s, t: s * t + 1, [((), F32), ((), F32)]))
    cases.append(Case("causal", lambda x: torch.triu(x, 1) + torch.tril(x, -2), [((3, 9, 11), F32)]))
    cases.append(Case("arange_mask", lambda x: torch.where(torch.arange(11) < 7, x, 0.0), [((9, 11), F32)]))
    return cases


def _layout() -> list[Case]:
    return [
        Case("bias_4d", lambda x, b: F.relu(x + b.view(1, -1, 1, 1)), [((2, 6, 9, 7), F32), ((6,), F32)]),
        Case("transpose", lambda x: x.transpose(0, 1).contiguous() * 2, [((70, 90), F32)]),
        Case("add_transposed", lambda x: x + x.t(), [((50, 50), F32)]),
        Case("nchw_to_nhwc", lambda x: x.permute(0, 2, 3, 1).contiguous() + 1, [((2, 17, 6, 7), F32)]),
        Case("channels_last", lambda x, b: x * b.view(1, -1, 1, 1), [((2, 6, 5, 5), F32, (150, 1, 30, 6)), ((6,), F32)]),
        Case("strided_input", lambda x: x.exp(), [((6, 40), F32, (100, 2))]),
        Case("expanded_input", lambda x, y: x.expand(6, 40) * y, [((1, 40), F32), ((6, 40), F32)]),
        Case("slices", lambda x: x[:, :16] * torch.sigmoid(x[:, 16:]), [((6, 32), F32)]),
        Case("rotary", lambda x, c, s: x[..., :8] * c - x[..., 8:] * s, [((2, 3, 5, 16), F32), ((5, 8), F32), ((5, 8), F32)]),
        Case("split_results", lambda x: tuple(t.contiguous() for t in (x * 2).split(4, dim=1)) and (x * 2).split(4, dim=1),
             [((3, 8), F32)]),
        Case("view_results", lambda x: (x.exp(), x.exp().view(-1), x.exp().t()), [((6, 8), F32)]),
        Case("select", lambda x: x[:, 0] + x[:, -1], [((5, 7, 9), F32)]),
        Case("unsqueeze_outer", lambda a, b: a[:, None] * b[None, :], [((33,), F32), ((65,), F32)]),
        Case("several_results", lambda x, y: (x + y, x * y, x > y), [((9, 33), F32), ((9, 33), F32)]),
        Case("batch_norm_train", lambda x, w, b, m, v: torch.ops.aten._native_batch_norm_legit_functional(x, w, b, m, v.abs(), True, 0.1, 1e-5),
             [((4, 6, 5, 5), F32)] + [((6,), F32)] * 4),
        Case("batch_norm_train_far", lambda x, w, b: torch.ops.aten._native_batch_norm_legit.no_stats(x, w, b, True, 0.1, 1e-5)[0].relu(),
             [((4, 6, 40, 40), F32), ((6,), F32), ((6,), F32)], 98, 102),
        Case("batch_norm", lambda x, w, b, m, v: F.relu(F.batch_norm(x, m, v.abs() + 1, w, b, False)),
             [((2, 6, 5, 5), F32)] + [((6,), F32)] * 4),
        Case("residual_5d", lambda x, y: F.gelu(x + y[:, :, None]), [((2, 3, 4, 5, 6), F32), ((2, 3, 5, 6), F32)]),
        Case("cast_chain", lambda x: (x.half() + 1).float().int(), [((77,), F32)]),
    ]


def _rows() -> list[Case]:
    reduce_ops = {
        "sum": lambda x, d: x.sum(d), "mean": lambda x, d: x.mean(d), "amax": lambda x, d: x.amax(d), "amin": lambda x, d: x.amin(d),
        "var": lambda x, d: x.var(d), "std": lambda x, d: x.std(d, unbiased=False), "logsumexp": lambda x, d: x.logsumexp(d),
        "norm": lambda x, d: torch.linalg.vector_norm(x, 2, d), "norm3": lambda x, d: torch.linalg.vector_norm(x, 3, d),
        "norm_inf": lambda x, d: torch.linalg.vector_norm(x, float("inf"), d), "softmax": lambda x, d: x.softmax(d),
        "log_softmax": lambda x, d: x.log_softmax(d), "any": lambda x, d: (x > 2.9).any(d), "all": lambda x, d: (x > -2.9).all(d),
        "var_mean": lambda x, d: torch.var_mean(x, d), "sum_keep": lambda x, d: x - x.mean(d, keepdim=True)}
    cases = []
    for name, f in reduce_ops.items():
        for dim in (0, 1, 2):
            cases.append(Case(f"{name}_dim{dim}", lambda x, f=f, dim=dim: f(x, dim), [((5, 12, 33), F32)]))
    cases += [Case(f"{name}_f16", lambda x, f=reduce_ops[name]: f(x, -1), [((5, 300), F16)]) for name in ("sum", "softmax", "var", "mean")]
    cases += [Case(f"{name}_f64", lambda x, f=reduce_ops[name]: f(x, -1), [((5, 100), F64)]) for name in ("sum", "softmax", "var", "norm3")]
    cases += [Case(f"{name}_bf16", lambda x, f=reduce_ops[name]: f(x, -1), [((5, 300), BF16)]) for name in ("sum", "softmax", "var", "mean")]
    full = {"sum_all": lambda x: x.sum(), "mean_all": lambda x: (x * x).mean(), "max_all": lambda x: x.max(), "norm_all": lambda x: x.norm(),
            "var_all": lambda x: x.var(), "prod_all": lambda x: (x[:5, :20] * 0.01 + 1).prod(), "softmax_all": lambda x: x.view(-1).softmax(0)}
    cases += [Case(name, f, [((40, 300), F32)]) for name, f in full.items()]
    cases += [
        Case("sum_int", lambda x: x.sum(1), [((5, 100), I32)], -99, 99), Case("sum_bool", lambda x: x.sum(1), [((5, 100), B)]),
        Case("amax_int", lambda x: x.amax(1), [((5, 100), I64)], -99, 99),
        Case("sum_dims", lambda x: x.sum((0, 2)), [((5, 12, 33), F32)]),
        Case("mean_hw", lambda x: x.mean((2, 3)), [((2, 6, 9, 7), F32)]),
        Case("mean_hw_channels_last", lambda x: x.mean((2, 3)), [((2, 6, 9, 7), F32, (378, 1, 42, 6))]),
        Case("adaptive_pool", lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1), [((2, 6, 9, 7), F32)]),
        Case("amax_nan", lambda x: (x / x.relu()).amax(1), [((5, 100), F32)]),
        Case("softmax_masked", lambda x, m: (x * 0.125).masked_fill(m, float("-inf")).softmax(-1), [((2, 3, 9, 9), F32), ((9, 9), B)]),
        Case("softmax_scale_mask_add", lambda x, m: (x * 0.125 + m).softmax(-1), [((2, 3, 9, 20), F32), ((2, 1, 1, 20), F32)]),
        Case("layer_norm", lambda x, w, b: F.layer_norm(x, (96,), w, b), [((4, 7, 96), F32), ((96,), F32), ((96,), F32)]),
        Case("layer_norm_f16", lambda x, w, b: F.layer_norm(x, (96,), w, b), [((4, 7, 96), F16), ((96,), F16), ((96,), F16)]),
        Case("layer_norm_bf16", lambda x, w, b: F.layer_norm(x, (96,), w, b), [((4, 7, 96), BF16), ((96,), BF16), ((96,), BF16)]),
        Case("layer_norm_2d", lambda x, w: F.layer_norm(x, (7, 96), w), [((4, 7, 96), F32), ((7, 96), F32)]),
        Case("add_layer_norm", lambda x, y, w, b: (x + y, F.gelu(F.layer_norm(x + y, (64,), w, b))), [((9, 64), F32), ((9, 64), F32), ((64,), F32), ((64,), F32)]),
        Case("rms_norm", lambda x, w: F.rms_norm(x, (64,), w, 1e-6), [((9, 64), F32), ((64,), F32)]),
        Case("rms_norm_by_hand", lambda x, w: x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6) * w, [((9, 64), F32), ((64,), F32)]),
        Case("group_norm", lambda x, w, b: F.silu(F.group_norm(x, 3, w, b)), [((2, 6, 5, 7), F32), ((6,), F32), ((6,), F32)]),
        Case("group_norm_by_hand", lambda x: (x.view(2, 3, -1) - x.view(2, 3, -1).mean(-1, keepdim=True)).view(2, 6, 5, 7), [((2, 6, 5, 7), F32)]),
        Case("instance_norm", lambda x: F.instance_norm(x), [((2, 6, 9, 7), F32)]),
        Case("l2_normalize", lambda x: F.normalize(x, dim=1), [((8, 33), F32)]),
        Case("mse_loss", lambda x, y: F.mse_loss(x, y), [((40, 33), F32), ((40, 33), F32)]),
        Case("smooth_l1", lambda x, y: F.smooth_l1_loss(x, y), [((40, 33), F32), ((40, 33), F32)]),
        Case("huber", lambda x, y: F.huber_loss(x, y, delta=0.7), [((40, 33), F32), ((40, 33), F32)]),
        Case("long_rows", lambda x: x.softmax(-1), [((2, 20000), F32)]),
        Case("long_log_softmax", lambda x: x.log_softmax(-1), [((2, 40000), F32)]),
        Case("long_softmax_masked", lambda x: torch.where(x > 2.5, float("-inf"), x).softmax(-1), [((2, 40000), F32)]),
        Case("long_softmax_empty", lambda x: torch.where(x > -9, float("-inf"), x).softmax(-1), [((2, 40000), F32)]),
        Case("long_logsumexp", lambda x: x.logsumexp(-1), [((2, 40000), F32)]),
        Case("long_logsumexp_special", lambda x: torch.where(x > 2.9999, float("inf"), x).logsumexp(-1), [((2, 40000), F32)]),
        Case("long_layer_norm", lambda x: F.layer_norm(x, (20000,)), [((2, 20000), F32)]),
        Case("long_layer_norm_far", lambda x: F.layer_norm(x, (70000,)), [((2, 70000), F32)], 998.0, 1002.0),
        Case("long_layer_norm_outlier", lambda x: F.layer_norm(torch.where(x > 2.9999, 1e4, x), (70000,)), [((2, 70000), F32)]),
        Case("long_var_mean", lambda x: torch.var_mean(x, -1), [((3, 70001), F32)], 998.0, 1002.0),
        Case("long_mean_infinite", lambda x: torch.where(x > 2.9999, float("inf"), x).mean(-1), [((3, 70001), F32)]),
        Case("long_log_softmax_mean", lambda x: mean_and_self(x.log_softmax(-1)), [((2, 70000), F32)]),
        Case("long_columns", lambda x: x.sum(0), [((3000, 8), F32)]),
        Case("strided_softmax", lambda x: x.softmax(0), [((700, 40), F32)]),
        Case("row_and_element", lambda x: (x.sum(-1), x / x.sum(-1, keepdim=True)), [((9, 33), F32)], 0.1, 3.0),
        Case("sums_of_rows_times", lambda x, y: (x * y).sum(-1) / x.abs().sum(-1), [((9, 33), F32), ((33,), F32)]),
    ]
    return cases


def mean_and_self(x):
    return x, x.mean(-1)


def _movement() -> list[Case]:
    """Data movement between computed values: it becomes addresses, so what matters is what stands around it."""
    index = lambda i, size: i.abs() % size  # noqa: E731 - inputs of integers are drawn from -20 to 20
    return [
        Case("glu_of_computed", lambda x: torch.chunk(x.exp(), 2, -1)[0] * torch.sigmoid(torch.chunk(x.exp(), 2, -1)[1]), [((5, 34), F32)]),
        Case("rotate_half", lambda x, c, s: x * c + torch.cat((-x[..., 8:], x[..., :8]), -1) * s, [((2, 3, 5, 16), F32), ((5, 16), F32), ((5, 16), F32)]),
        Case("cat_of_computed", lambda x, y: torch.cat((x.relu(), y * 2, x.exp()), 1).sigmoid(), [((3, 7, 5), F32), ((3, 4, 5), F32)]),
        Case("cat_mixed_types", lambda x, y: torch.cat((x, y), 0), [((3, 5), F16), ((2, 5), F32)]),
        Case("stack_last", lambda x, y: torch.stack((x.cos(), y.sin()), -1).flatten(-2), [((4, 9), F32), ((4, 9), F32)]),
        Case("roll_of_computed", lambda x: x + x.exp().roll((1, -2), (0, 1)), [((5, 9), F32)]),
        Case("flip_of_flip", lambda x: x.flip(0, 1) + x.exp().flip(1), [((5, 9), F32)]),
        Case("pad_of_computed", lambda x: F.pad(x.exp(), (1, 2, 0, 3), value=-1.5) * 2, [((2, 5, 7), F32)]),
        Case("pad_reflect", lambda x: F.pad(x * x, (2, 1, 1, 2), mode="reflect"), [((2, 3, 5, 7), F32)]),
        Case("pad_circular", lambda x: F.pad(x * x, (2, 1), mode="circular"), [((2, 3, 7), F32)]),
        Case("pad_replicate", lambda x: F.pad(x, (3, 1), mode="replicate").relu(), [((2, 3, 7), F16)]),
        Case("crop", lambda x: F.pad(x.exp(), (-1, -2)), [((3, 9), F32)]),
        Case("slice_of_pad", lambda x: F.pad(x.exp(), (2, 2))[:, 1:-1:2], [((3, 9), F32)]),
        Case("shifted_window", lambda x: x.roll((-2, -2), (1, 2)).view(2, 2, 4, 2, 4, 3).permute(0, 1, 3, 2, 4, 5).reshape(8, 16, 3), [((2, 8, 8, 3), F32)]),
        Case("odd_reshape", lambda x: (x * 2).view(6, 4).exp().view(8, 3) + 1, [((4, 6), F32)]),
        Case("repeat", lambda x: x.exp().repeat(2, 3) + 1, [((3, 5), F32)]),
        Case("repeat_interleave", lambda x: x.exp().repeat_interleave(3, 1), [((3, 5), F32)]),
        Case("pixel_shuffle", lambda x: F.pixel_shuffle(x.relu(), 2), [((2, 12, 3, 5), F32)]),
        Case("upsample", lambda x: F.interpolate(x, scale_factor=2) + 1, [((2, 3, 4, 5), F32)]),
        Case("upsample_odd", lambda x: F.interpolate(x, size=(7, 9)), [((2, 3, 4, 5), F32)]),
        Case("upsample_bilinear", lambda x: F.interpolate(x, size=(7, 9), mode="bilinear"), [((2, 3, 4, 5), F32)]),
        Case("embedding", lambda w, i, p: F.embedding(index(i, 11), w) * 2 + p, [((11, 8), F32), ((3, 5), I64), ((5, 8), F32)], -20, 20),
        Case("embedding_norm", lambda w, i: F.layer_norm(F.embedding(index(i, 11), w), (8,)), [((11, 8), F32), ((3, 5), I64)], -20, 20),
        Case("gather", lambda x, i: (x.exp() + 1).gather(1, index(i, 9)), [((5, 9), F32), ((4, 3), I64)]),
        Case("index_pairs", lambda x, i, j: x.exp()[index(i, 5), index(j, 9)], [((5, 9), F32), ((4,), I64), ((4,), I64)], -20, 20),
        Case("index_negative", lambda x, i: x[:, i % 9 - 9], [((5, 9), F32), ((4,), I64)], -20, 20),
        Case("index_select", lambda x, i: x.index_select(1, index(i, 9)).softmax(-1), [((5, 9), F32), ((7,), I32)], -20, 20),
        Case("rows_of_softmax", lambda x, i: x.softmax(-1)[index(i, 5)], [((5, 9), F32), ((7,), I64)], -20, 20),
        Case("one_hot", lambda i, x: F.one_hot(index(i, 7), 7).float() * x, [((3, 4), I64), ((7,), F32)], -20, 20),
        Case("token_log_probability", lambda x, t: x.float().log_softmax(-1).gather(-1, index(t, 300)[:, None]).squeeze(-1), [((6, 300), BF16), ((6,), I64)]),
        Case("unfold", lambda x: x.exp().unfold(1, 3, 2).sum(-1), [((4, 11), F32)]),
        Case("diagonal", lambda x: x.exp().diagonal(1).sin(), [((5, 7), F32)]),
        Case("eye_and_linspace", lambda x: x + torch.eye(5, 7) * torch.linspace(0, 1, 7), [((5, 7), F32)]),
    ]


def _arg_reductions() -> list[Case]:
    ties = lambda x: (x * 2).round()  # noqa: E731
    holes = lambda x: torch.where(x > 2.5, float("nan"), x)  # noqa: E731
    cases = [Case(f"{name}_dim{dim}", lambda x, f=f, dim=dim: f(ties(x), dim), [((5, 12, 33), F32)])
             for name, f in {"argmax": torch.argmax, "argmin": torch.argmin, "max": torch.max, "min": torch.min}.items() for dim in (0, 1, 2)]
    return cases + [
        Case("argmax_all", lambda x: ties(x).argmax(), [((40, 300), F32)]), Case("argmin_nan", lambda x: holes(x).argmin(1), [((5, 100), F32)]),
        Case("max_nan", lambda x: holes(x).max(1), [((5, 100), F32)]), Case("max_int", lambda x: x.max(0), [((50, 7), I64)], -5, 5),
        Case("argmax_permuted", lambda x: x.permute(1, 0, 2).argmax(), [((5, 12, 33), F32)]),
        Case("argmax_equal", lambda x: (x * 0).argmax(1), [((3, 40000), F32)]),
        Case("long_argmax", lambda x: ties(x).argmax(-1), [((2, 40001), F32)]), Case("long_max", lambda x: ties(x).max(-1), [((2, 40001), F16)]),
        Case("argmax_minus_infinity", lambda x: torch.where(x > -9, float("-inf"), x).argmax(-1), [((2, 40001), F32)]),
        Case("aminmax", lambda x: torch.aminmax(x, dim=1), [((5, 100), F32)]), Case("nansum", lambda x: holes(x).nansum(1), [((5, 100), F32)]),
        Case("count_nonzero", lambda x: ties(x).count_nonzero(1), [((5, 100), F32)]),
        Case("mean_of_expanded", lambda x: x.expand(6, 40).mean(0) + x.expand(6, 40).sum(), [((1, 40), F32)]),
        Case("sums_both_ways", lambda x: x / x.sum(0, keepdim=True) / x.sum(1, keepdim=True), [((6, 40), F32)], 0.1, 3),
    ]


def _scans() -> list[Case]:
    functions = {"cumsum": torch.cumsum, "cumprod": torch.cumprod, "logcumsumexp": torch.logcumsumexp, "cummax": torch.cummax, "cummin": torch.cummin}
    cases = [Case(f"{name}_dim{dim}", lambda x, f=f, dim=dim: f(x * 0.5, dim), [((5, 12, 33), F32)]) for name, f in functions.items() for dim in (0, 1, 2)]
    cases += [Case(f"long_{name}", lambda x, f=f: f(x, -1), [((2, 20001), F32)], -1, 1) for name, f in functions.items() if name != "cumprod"]
    return cases + [
        Case("long_cumprod", lambda x: x.cumprod(-1), [((2, 20001), F32)], 0.99, 1.01), Case("cumsum_int", lambda x: x.cumsum(0), [((50, 3), I32)], -9, 9),
        Case("cumsum_f16", lambda x: x.cumsum(1), [((5, 300), F16)]), Case("cumsum_of_mask", lambda x: (x > 0).cumsum(-1) - 1, [((5, 70), F32)]),
        Case("cummax_ties", lambda x: x.round().cummax(-1), [((5, 70), F32)]), Case("cummin_nan", lambda x: torch.where(x > 2.5, float("nan"), x).cummin(-1), [((5, 70), F32)]),
        Case("gated_scan", lambda x, g: torch.cumsum(x * torch.sigmoid(g), 1) * g, [((3, 40, 8), F32), ((3, 40, 8), F32)]),
        Case("chained_scans", lambda x: x.cumsum(1).cummax(1).values, [((3, 9000), F32)]), Case("long_cumsum_of_columns", lambda x: x.cumsum(0), [((3000, 40), F32)]),
    ]


def _losses() -> list[Case]:
    classes = lambda t: t.abs() % 21  # noqa: E731
    signs = lambda x: torch.where(x > 0, 1.0, -1.0)  # noqa: E731
    logits, target = ((12, 21), F32), ((12,), I64)
    cases = []
    for reduction in ("none", "mean", "sum"):
        cases += [
            Case(f"cross_entropy_{reduction}", lambda x, t, r=reduction: F.cross_entropy(x, classes(t), reduction=r), [logits, target]),
            Case(f"cross_entropy_all_{reduction}", lambda x, t, w, r=reduction: F.cross_entropy(
                x, torch.where(t == 1, -100, classes(t)), w.abs(), reduction=r, label_smoothing=0.1), [logits, target, ((21,), F32)]),
            Case(f"nll_{reduction}", lambda x, t, w, r=reduction: F.nll_loss(x, classes(t), w.abs(), reduction=r), [logits, target, ((21,), F32)]),
            Case(f"bce_{reduction}", lambda x, t, r=reduction: F.binary_cross_entropy(x.sigmoid(), t.sigmoid(), reduction=r), [((5, 33), F32)] * 2),
            Case(f"bce_logits_{reduction}", lambda x, t, w, r=reduction: F.binary_cross_entropy_with_logits(x, t.sigmoid(), pos_weight=w.abs(), reduction=r),
                 [((5, 33), F32), ((5, 33), F32), ((33,), F32)]),
            Case(f"kl_div_{reduction}", lambda x, t, r=reduction: F.kl_div(x.log_softmax(-1), t.softmax(-1), reduction=r), [((5, 33), F32)] * 2),
        ]
    return cases + [
        Case("cross_entropy_2d", lambda x, t: F.cross_entropy(x, classes(t)), [((2, 21, 3, 4), F32), ((2, 3, 4), I64)]),
        Case("cross_entropy_bf16", lambda x, t: F.cross_entropy(x, classes(t), label_smoothing=0.1), [((12, 21), BF16), target]),
        Case("cross_entropy_soft", lambda x, t: F.cross_entropy(x, t.softmax(-1)), [logits, logits]),
        Case("kl_div_logs", lambda x, t: F.kl_div(x.log_softmax(-1), t.log_softmax(-1), reduction="batchmean", log_target=True), [((5, 33), F32)] * 2),
        Case("hinge_embedding", lambda x, y: F.hinge_embedding_loss(x, signs(y)), [((5, 33), F32)] * 2),
        Case("soft_margin", lambda x, y: F.soft_margin_loss(x, signs(y)), [((5, 33), F32)] * 2),
        Case("cosine_similarity", lambda x, y: F.cosine_similarity(x, y), [((5, 33), F32)] * 2),
        Case("cosine_embedding", lambda x, y, t: F.cosine_embedding_loss(x, y, signs(t)), [((5, 33), F32), ((5, 33), F32), ((5,), F32)]),
        Case("margin_ranking", lambda x, y, t: F.margin_ranking_loss(x, y, signs(t), margin=0.1), [((33,), F32)] * 3),
        Case("poisson_nll", lambda x, y: F.poisson_nll_loss(x, y.abs()), [((5, 33), F32)] * 2),
        Case("smoothed_token_loss", lambda x, t: smoothed_loss(x, classes(t)), [((12, 21), BF16), target]),
    ]


def smoothed_loss(logits, targets):
    logs = logits.float().log_softmax(-1)
    return -(0.9 * logs.gather(-1, targets[:, None]).squeeze(-1) + 0.1 * logs.mean(-1)).mean()


def causal_attention(q, k, v):
    scores = (q @ k.transpose(-2, -1)) * q.shape[-1] ** -0.5
    keep = torch.arange(q.shape[-2])[:, None] >= torch.arange(k.shape[-2])[None, :]
    return torch.where(keep, scores, float("-inf")).softmax(-1) @ v


def causal_attention_16(q, k, v):
    scores = (q @ k.transpose(-2, -1)).float() * q.shape[-1] ** -0.5
    places = torch.arange(q.shape[-2], device=q.device)
    return torch.where(places[:, None] >= places[None, :], scores, float("-inf")).softmax(-1).to(v.dtype) @ v


def _attention() -> list[Case]:
    qkv = [((2, 3, 20, 16), F32)] * 3
    sdpa = F.scaled_dot_product_attention
    return [
        Case("attention", sdpa, qkv), Case("attention_causal", lambda q, k, v: sdpa(q, k, v, is_causal=True), qkv),
        Case("attention_f16", sdpa, [((2, 3, 40, 24), F16)] * 3), Case("attention_bf16", lambda q, k, v: sdpa(q, k, v, is_causal=True), [((2, 3, 40, 64), BF16)] * 3),
        Case("attention_mask", lambda q, k, v, m: sdpa(q, k, v, attn_mask=m), qkv + [((20, 20), B)]),
        Case("attention_bias", lambda q, k, v, m: sdpa(q, k, v, attn_mask=m), qkv + [((2, 1, 20, 20), F32)]),
        Case("attention_masked_out", lambda q, k, v, m: sdpa(q, k, v, attn_mask=m & (torch.arange(20) > 3)[:, None]), qkv + [((20, 20), B)]),
        Case("attention_cross", lambda q, k, v: sdpa(q, k, v, scale=0.3), [((2, 3, 7, 20), F32), ((2, 3, 33, 20), F32), ((2, 3, 33, 12), F32)]),
        Case("attention_grouped", lambda q, k, v: sdpa(q, k, v, enable_gqa=True, is_causal=True), [((2, 6, 20, 16), F32)] + [((2, 2, 20, 16), F32)] * 2),
        Case("attention_one_query", sdpa, [((2, 6, 1, 16), F32)] + [((2, 6, 90, 16), F32)] * 2),
        Case("attention_one_query_grouped", lambda q, k, v: sdpa(q, k, v, enable_gqa=True), [((2, 6, 1, 16), F16)] + [((2, 2, 90, 16), F16)] * 2),
        Case("attention_projected", lambda x: sdpa(*x.view(2, 20, 3, 4, 8).permute(2, 0, 3, 1, 4).unbind(0)).transpose(1, 2).reshape(2, 20, 32), [((2, 20, 96), F32)]),
        Case("attention_by_hand", lambda q, k, v: ((q @ k.transpose(-2, -1)) * 0.25).softmax(-1) @ v, qkv),
        Case("attention_by_hand_causal", causal_attention, qkv), Case("attention_wide", sdpa, [((1, 2, 9, 300), F32)] * 3),
        Case("attention_residual", lambda q, k, v, x: x + sdpa(q, k, v), qkv + [((2, 3, 20, 16), F32)]),
    ]


def small_cases() -> list[Case]:
    return _unary() + _binary() + _layout() + _rows() + _movement() + _arg_reductions() + _scans() + _losses() + _attention()


def real_cases() -> list[Case]:
    """Sizes that load a GPU."""
    rows, width = 8192, 4096
    return [
        Case("real_gelu", F.gelu, [((rows, width), F32)]),
        Case("real_gelu_bf16", F.gelu, [((rows, width), BF16)]),
        Case("real_swiglu_bf16", lambda a, b: F.silu(a) * b, [((rows, width), BF16), ((rows, width), BF16)]),
        Case("real_bias_relu", lambda x, b: F.relu(x + b.view(1, -1, 1, 1)), [((64, 128, 56, 56), F32), ((128,), F32)]),
        Case("real_batch_norm", lambda x, w, b, m, v: F.relu(F.batch_norm(x, m, v.abs() + 1, w, b, False)),
             [((64, 128, 56, 56), F32)] + [((128,), F32)] * 4),
        Case("real_batch_norm_train", lambda x, w, b, m, v: torch.ops.aten._native_batch_norm_legit_functional(x, w, b, m, v.abs(), True, 0.1, 1e-5),
             [((64, 128, 56, 56), F32)] + [((128,), F32)] * 4),
        Case("real_transpose", lambda x: x.transpose(1, 2).contiguous(), [((16, 2048, 1024), F32)]),
        Case("real_nchw_to_nhwc", lambda x: x.permute(0, 2, 3, 1).contiguous(), [((64, 128, 56, 56), BF16)]),
        Case("real_softmax", lambda x: x.softmax(-1), [((16384, 2048), F32)]),
        Case("real_softmax_bf16", lambda x: x.softmax(-1), [((32768, 1024), BF16)]),
        Case("real_softmax_long", lambda x: x.softmax(-1), [((128, 262144), F32)]),
        Case("real_layer_norm", lambda x, w, b: F.layer_norm(x, (4096,), w, b), [((8192, 4096), F32), ((4096,), F32), ((4096,), F32)]),
        Case("real_layer_norm_bf16", lambda x, w, b: F.layer_norm(x, (1024,), w, b), [((32768, 1024), BF16), ((1024,), BF16), ((1024,), BF16)]),
        Case("real_rms_norm_bf16", lambda x, w: F.rms_norm(x, (4096,), w, 1e-6), [((16384, 4096), BF16), ((4096,), BF16)]),
        Case("real_group_norm", lambda x, w, b: F.group_norm(x, 32, w, b), [((32, 256, 64, 64), F32), ((256,), F32), ((256,), F32)]),
        Case("real_group_norm_silu", lambda x, t, w, b: F.silu(F.group_norm(x + t[:, :, None, None], 32, w, b)),
             [((16, 320, 64, 64), F32), ((16, 320), F32), ((320,), F32), ((320,), F32)]),
        Case("real_layer_norm_far", lambda x: F.layer_norm(x, (262144,)), [((128, 262144), F32)], 998.0, 1002.0),
        Case("real_instance_norm", lambda x: F.instance_norm(x), [((32, 64, 128, 128), F32)]),
        Case("real_sum_all", lambda x: x.sum(), [((8192, 8192), F32)]),
        Case("real_mse_loss", lambda x, y: F.mse_loss(x, y), [((8192, 4096), F32), ((8192, 4096), F32)]),
        Case("real_mean_rows", lambda x: x.mean(-1), [((8192, 8192), F32)]),
        Case("real_sum_columns", lambda x: x.sum(0), [((16384, 4096), F32)]),
        Case("real_sum_few_columns", lambda x: x.sum(0), [((1048576, 64), F32)]),
        Case("real_mean_middle", lambda x: x.mean(1), [((128, 512, 512), F32)]),
        Case("real_pool_channels_last", lambda x: F.adaptive_avg_pool2d(x, 1), [((256, 512, 14, 14), F32, (100352, 1, 7168, 512))]),
        Case("real_max_all", lambda x: x.max(), [((8192, 8192), F32)]),
        Case("real_attention_softmax", lambda x, m: (x * 0.125).masked_fill(m, float("-inf")).softmax(-1), [((8, 16, 1024, 1024), F32), ((1024, 1024), B)]),
        Case("real_logsumexp", lambda x: x.logsumexp(-1), [((8192, 32000), F32)]),
        Case("real_token_loss", lambda x: mean_and_self(x.float().log_softmax(-1)), [((8192, 32000), BF16)]),
        Case("real_cat", lambda x, y: torch.cat((x, y), 1), [((8192, 2048), F32), ((8192, 2048), F32)]),
        Case("real_rotary_bf16", lambda x, c, s: x * c + torch.cat((-x[..., 64:], x[..., :64]), -1) * s, [((8, 32, 2048, 128), BF16), ((2048, 128), BF16), ((2048, 128), BF16)]),
        Case("real_roll", lambda x: x.roll((-3, -3), (1, 2)), [((64, 56, 56, 96), F32)]),
        Case("real_pad_reflect", lambda x: F.pad(x, (3, 3, 3, 3), mode="reflect"), [((16, 64, 128, 128), F32)]),
        Case("real_pad", lambda x: F.pad(x, (1, 1, 1, 1)), [((64, 128, 56, 56), F32)]),
        Case("real_flip", lambda x: x.flip(-1), [((8192, 4096), F32)]),
        Case("real_upsample", lambda x: F.interpolate(x, scale_factor=2), [((16, 128, 64, 64), F32)]),
        Case("real_upsample_bilinear", lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), [((16, 128, 64, 64), F32)]),
        Case("real_embedding", lambda w, i: F.embedding(i, w), [((50000, 1024), F32), ((32, 1024), I64)], 0, 49999),
        Case("real_embedding_add_bf16", lambda w, i, p: F.embedding(i, w) + p, [((50000, 1024), BF16), ((32, 1024), I64), ((1024, 1024), BF16)], 0, 49999),
        Case("real_gather", lambda x, i: x.gather(1, i), [((8192, 4096), F32), ((8192, 2048), I64)], 0, 4095),
        Case("real_one_hot", lambda i: F.one_hot(i, 1000), [((65536,), I64)], 0, 999),
        Case("real_argmax", lambda x: x.argmax(-1), [((8192, 32000), BF16)]),
        Case("real_argmax_all", lambda x: x.argmax(), [((8192, 8192), F32)]),
        Case("real_max_dim", lambda x: x.max(1), [((128, 512, 512), F32)]),
        Case("real_cumsum", lambda x: x.cumsum(-1), [((8192, 4096), F32)]),
        Case("real_cumsum_long", lambda x: x.cumsum(-1), [((16, 4194304), F32)], -1, 1),
        Case("real_cumsum_columns", lambda x: x.cumsum(0), [((4096, 8192), F32)]),
        Case("real_cumprod", lambda x: x.cumprod(-1), [((8192, 4096), F32)], 0.99, 1.01),
        Case("real_cummax", lambda x: x.cummax(-1), [((8192, 4096), F32)]),
        Case("real_logcumsumexp", lambda x: x.logcumsumexp(-1), [((8192, 4096), F32)]),
        Case("real_cross_entropy", lambda x, t: F.cross_entropy(x, t), [((8192, 32000), BF16), ((8192,), I64)], 0, 31999),
        Case("real_cross_entropy_f32", lambda x, t: F.cross_entropy(x - 5, t, label_smoothing=0.1), [((8192, 8192), F32), ((8192,), I64)], 0, 10),
        Case("real_smoothed_token_loss", smoothed_loss, [((8192, 32000), BF16), ((8192,), I64)], 0, 20),
        Case("real_bce_logits", lambda x, t: F.binary_cross_entropy_with_logits(x, t.sigmoid()), [((8192, 4096), F32)] * 2),
        Case("real_cosine_similarity", lambda x, y: F.cosine_similarity(x, y), [((32768, 1024), F32)] * 2),
        Case("real_attention_bf16", F.scaled_dot_product_attention, [((8, 16, 2048, 64), BF16)] * 3, -1, 1),
        Case("real_attention_causal_bf16", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), [((4, 16, 4096, 128), BF16)] * 3, -1, 1),
        Case("real_attention_f32", F.scaled_dot_product_attention, [((4, 16, 1024, 64), F32)] * 3, -1, 1),
        Case("real_attention_bias_bf16", lambda q, k, v, m: F.scaled_dot_product_attention(q, k, v, attn_mask=m), [((4, 16, 1024, 64), BF16)] * 3 + [((1, 16, 1024, 1024), BF16)], -1, 1),
        Case("real_attention_grouped_bf16", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True),
             [((2, 32, 2048, 128), BF16)] + [((2, 8, 2048, 128), BF16)] * 2, -1, 1),
        Case("real_attention_by_hand_f16", causal_attention_16, [((4, 16, 1024, 64), F16)] * 3, -1, 1),
        Case("real_strided_softmax", lambda x: x.softmax(1), [((64, 256, 4096), F32)]),
    ]
