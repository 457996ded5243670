"""Small functions whose Programs the templates must cover: what test_templates.py and template_check.py run.

A case is a function of tensors with its inputs described as (shape, dtype) or (shape, dtype, strides); `programs()` exports
them to Programs.  The `real` cases are the same operators at sizes that load a GPU.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Callable

import torch
import torch.nn.functional as F

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
        strides = spec[2] if len(spec) > 2 else torch.empty(shape, device="meta").stride()
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

    def program(self, device: str = "cpu") -> dict:
        module = _Wrapper(self.function)
        inputs = [tensor for tensor in self.make_inputs("cpu")]
        exported = torch.export.export(module, tuple(inputs), strict=False).run_decompositions({})
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


def small_cases() -> list[Case]:
    return _unary() + _binary() + _layout() + _rows()


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
        Case("real_strided_softmax", lambda x: x.softmax(1), [((64, 256, 4096), F32)]),
    ]
