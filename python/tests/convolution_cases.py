"""Convolutions and pools that the templates must cover, alone and with what is usually around them.

`small_cases()` is for Triton's interpreter and the compile test, `random_cases(count, seed)` draws every attribute,
`real_cases()` loads a GPU.  template_check.py runs all of them.
"""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F

from template_cases import BF16, Case, F16, F32, F64

CONV = (F.conv1d, F.conv2d, F.conv3d)
TRANSPOSED = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)
MAX_POOL = (F.max_pool1d, F.max_pool2d, F.max_pool3d)
AVG_POOL = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)
ADAPTIVE_AVG = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)
ADAPTIVE_MAX = (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)


def channels_last(shape: tuple) -> tuple:
    """Strides of a tensor whose channels lie next to each other."""
    order = [0, *range(2, len(shape)), 1]
    strides, step = [0] * len(shape), 1
    for dim in reversed(order):
        strides[dim] = step
        step *= shape[dim]
    return tuple(strides)


def spec(shape: tuple, dtype: torch.dtype, last: bool = False) -> tuple:
    return (shape, dtype, channels_last(shape)) if last else (shape, dtype)


def scaled(weight: torch.Tensor) -> torch.Tensor:
    """A weight of a trained layer's size, so that results do not grow with the length of the sum."""
    return weight * (weight[0].numel() ** -0.5)


def per_channel(tensor: torch.Tensor, rank: int) -> torch.Tensor:
    return tensor.view(-1, *[1] * (rank - 2))


def batch_norm(x, mean, variance, weight, bias):
    return F.batch_norm(x, mean, variance.abs() + 1, weight, bias, False)


def small_cases() -> list[Case]:
    return _convolutions() + _transposed() + _pools()


def _convolutions() -> list[Case]:
    x, w, b = (2, 16, 6, 7), (24, 16, 3, 3), (24,)
    bn = [((24,), F32)] * 4
    cases = [
        Case("conv2d", lambda x, w: F.conv2d(x, w, padding=1), [(x, F32), (w, F32)]),
        Case("conv2d_bias_stride", lambda x, w, b: F.conv2d(x, w, b, 2), [(x, F32), (w, F32), (b, F32)]),
        Case("conv2d_channels_last", lambda x, w, b: F.relu(F.conv2d(x, w, b, 1, 1)), [spec(x, F32, True), spec(w, F32, True), (b, F32)]),
        Case("conv2d_f16", lambda x, w: F.conv2d(x, w, padding=1), [(x, F16), (w, F16)], -1, 1),
        Case("conv2d_bf16_channels_last", lambda x, w: F.conv2d(x, w, padding=1), [spec(x, BF16, True), (w, BF16)], -1, 1),
        Case("conv2d_norm_relu", lambda x, w, *s: F.relu(batch_norm(F.conv2d(x, w, padding=1), *s)), [(x, F32), (w, F32), *bn]),
        Case("conv2d_residual", lambda x, w, r: F.relu(F.conv2d(x, w, padding=1) + r), [(x, F32), (w, F32), ((2, 24, 6, 7), F32)]),
        Case("conv2d_of_itself", lambda x, w: x + F.conv2d(x, w, padding=1), [(x, F32), ((16, 16, 3, 3), F32)]),
        Case("relu_conv2d", lambda x, w: F.conv2d(F.relu(x + 0.5), w, padding=1), [(x, F32), (w, F32)]),
        Case("norm_relu_conv2d", lambda x, w, *s: F.conv2d(F.relu(batch_norm(x, *s)), w, padding=1), [(x, F32), (w, F32)] + [((16,), F32)] * 4),
        Case("conv2d_scaled_weight", lambda x, w, s: F.conv2d(x, w * s.view(-1, 1, 1, 1)), [(x, F32), (w, F32), ((24,), F32)]),
        Case("conv2d_dilated", lambda x, w: F.conv2d(x, w, padding=2, dilation=2), [(x, F32), (w, F32)]),
        Case("conv2d_same_even", lambda x, w: F.conv2d(x, w, padding="same"), [(x, F32), ((24, 16, 2, 4), F32)]),
        Case("conv2d_image", lambda x, w, b: F.relu(F.conv2d(x, w, b, 2, 3)), [((2, 3, 20, 22), F32), ((16, 3, 7, 7), F32), ((16,), F32)]),
        Case("conv2d_image_last", lambda x, w: F.conv2d(x, w, None, 2, 1), [spec((2, 3, 15, 14), F32, True), ((16, 3, 3, 3), F32)]),
        Case("conv2d_patches", lambda x, w, b: F.conv2d(x, w, b, 4).flatten(2).transpose(1, 2), [((2, 3, 16, 16), F32), ((32, 3, 4, 4), F32), ((32,), F32)]),
        Case("conv2d_grouped", lambda x, w: F.conv2d(x, w, padding=1, groups=2), [((2, 32, 7, 7), F32), ((48, 16, 3, 3), F32)]),
        Case("conv2d_small_groups", lambda x, w: F.conv2d(x, w, padding=1, groups=4), [((2, 16, 7, 7), F32), ((8, 4, 3, 3), F32)]),
        Case("depthwise", lambda x, w, b: F.silu(F.conv2d(x, w, b, 1, 1, groups=16)), [(x, F32), ((16, 1, 3, 3), F32), ((16,), F32)]),
        Case("depthwise_last_f16", lambda x, w: F.conv2d(x, w, None, 2, 3, groups=16), [spec(x, F16, True), ((16, 1, 7, 7), F16)]),
        Case("depthwise_twice", lambda x, w: F.conv2d(x, w, groups=16), [(x, F32), ((32, 1, 3, 3), F32)]),
        Case("conv2d_strided_1x1", lambda x, w: F.conv2d(x, w, stride=2), [(x, F32), ((24, 16, 1, 1), F32)]),
        Case("conv2d_1x1", lambda x, w, b: F.relu(F.conv2d(x, w, b)), [(x, F32), ((24, 16, 1, 1), F32), (b, F32)]),
        Case("conv2d_1x1_last", lambda x, w, r: F.conv2d(x, w) + r, [spec(x, F32, True), ((24, 16, 1, 1), F32), spec((2, 24, 6, 7), F32, True)]),
        Case("conv2d_1x1_of_itself", lambda x, w: x + F.conv2d(x, w), [(x, F32), ((16, 16, 1, 1), F32)]),
        Case("conv2d_one_place", lambda x, w: F.conv2d(x, w), [((1, 16, 5, 5), F32), ((24, 16, 5, 5), F32)]),
        Case("conv2d_one_channel", lambda x, w: torch.sigmoid(F.conv2d(x, w, padding=1)), [(x, F32), ((1, 16, 3, 3), F32)]),
        Case("conv2d_f64", lambda x, w: F.conv2d(x, w, padding=1), [((1, 4, 6, 5), F64), ((5, 4, 3, 3), F64)]),
        Case("conv2d_padded_by_hand", lambda x, w: F.conv2d(F.pad(x, (1, 2, 0, 1)), w), [(x, F32), (w, F32)]),
        Case("conv2d_flat_input", lambda x, w: F.conv2d(x, w, padding=1), [((1, 16, 1, 30), F32), (w, F32)]),
        Case("conv2d_unbatched", lambda x, w: F.conv2d(x, w, padding=1), [((16, 6, 7), F32), (w, F32)]),
        Case("conv2d_strided_input", lambda x, w: F.conv2d(x[:, :, ::2, 1:], w), [(x, F32), (w, F32)]),
        Case("pixel_shuffle_behind", lambda x, w: F.conv2d(x, w, padding=1).view(2, 6, 2, 2, 6, 7).permute(0, 1, 4, 2, 5, 3).reshape(2, 6, 12, 14),
             [(x, F32), (w, F32)]),
        Case("conv1d_causal", lambda x, w: F.gelu(F.conv1d(F.pad(x, (4, 0)), w, dilation=2)), [((2, 16, 40), F32), ((32, 16, 3), F32)]),
        Case("conv3d", lambda x, w, b: F.relu(F.conv3d(x, w, b, padding=1)), [((1, 16, 4, 5, 6), F32), ((16, 16, 3, 3, 3), F32), ((16,), F32)]),
    ]
    return cases


def _transposed() -> list[Case]:
    x, w = (2, 16, 5, 6), (16, 24, 4, 4)
    return [
        Case("deconv2d", lambda x, w, b: F.relu(F.conv_transpose2d(x, w, b, 2, 1)), [(x, F32), (w, F32), ((24,), F32)]),
        Case("deconv2d_last", lambda x, w: F.conv_transpose2d(x, w, None, 2, 1), [spec(x, F32, True), (w, F32)]),
        Case("deconv2d_f16", lambda x, w: F.conv_transpose2d(x, w, None, 2), [(x, F16), ((16, 24, 2, 2), F16)], -1, 1),
        Case("deconv2d_output_padding", lambda x, w: F.conv_transpose2d(x, w, None, 2, 1, 1), [(x, F32), ((16, 24, 3, 3), F32)]),
        Case("deconv2d_stride3", lambda x, w: F.conv_transpose2d(x, w, None, 3, 0, (1, 2)), [(x, F32), ((16, 24, 2, 4), F32)]),
        Case("deconv2d_dilated", lambda x, w: F.conv_transpose2d(x, w, None, 2, 1, 1, 1, 3), [(x, F32), ((16, 24, 3, 3), F32)]),
        Case("deconv2d_dilated_alike", lambda x, w: F.conv_transpose2d(x, w, None, (4, 2), 1, 0, 1, (2, 2)), [(x, F32), ((16, 24, 3, 3), F32)]),
        Case("deconv2d_grouped", lambda x, w: F.conv_transpose2d(x, w, None, 2, 1, 0, 2), [((2, 32, 4, 5), F32), ((32, 16, 4, 4), F32)]),
        Case("deconv2d_depthwise", lambda x, w: F.conv_transpose2d(x, w, None, 2, 1, 1, 16), [(x, F32), ((16, 1, 3, 3), F32)]),
        Case("deconv2d_stride1", lambda x, w: F.conv_transpose2d(x, w, None, 1, 1), [(x, F32), ((16, 24, 3, 3), F32)]),
        Case("deconv2d_1x1", lambda x, w, b: F.conv_transpose2d(x, w, b), [(x, F32), ((16, 24, 1, 1), F32), ((24,), F32)]),
        Case("deconv2d_sparse", lambda x, w, b: F.conv_transpose2d(x, w, b, 3), [(x, F32), ((16, 24, 2, 1), F32), ((24,), F32)]),
        Case("deconv1d", lambda x, w: torch.tanh(F.conv_transpose1d(x, w, None, 4, 2)), [((2, 16, 9), F32), ((16, 16, 8), F32)]),
        Case("deconv3d", lambda x, w, b: F.relu(F.conv_transpose3d(x, w, b, 2, 1, 1)), [((1, 16, 3, 4, 3), F32), ((16, 16, 3, 3, 3), F32), ((16,), F32)]),
        Case("relu_deconv2d_norm", lambda x, w, *s: batch_norm(F.conv_transpose2d(F.relu(x), w, None, 2, 1), *s), [(x, F32), (w, F32)] + [((24,), F32)] * 4),
    ]


def _pools() -> list[Case]:
    x = (2, 6, 9, 11)
    return [
        Case("max_pool", lambda x: F.relu(F.max_pool2d(x, 3, 2, 1)), [(x, F32)]),
        Case("max_pool_last_f16", lambda x: F.max_pool2d(x, 2), [spec(x, F16, True)]),
        Case("max_pool_nan", lambda x: F.max_pool2d(x / x.relu(), 3, 2, 1), [(x, F32)]),
        Case("max_pool_special", lambda x: F.max_pool2d(x, 2, 1, ceil_mode=True), [(x, F32)], special=True),
        Case("max_pool_indices", lambda x: F.max_pool2d(x, (3, 2), 2, 1, (1, 2), True, return_indices=True), [(x, F32)]),
        Case("max_pool_indices_ties", lambda x: F.max_pool2d(x.round(), 3, 2, 1, return_indices=True), [(x, F32)]),
        Case("relu_max_pool_sum", lambda x, y: F.max_pool2d(F.relu(x), 2) + y, [(x, F32), ((2, 6, 4, 5), F32)]),
        Case("avg_pool", lambda x: F.avg_pool2d(x, 3, 2, 1, True), [(x, F32)]),
        Case("avg_pool_inside", lambda x: F.avg_pool2d(x, (3, 2), 2, 1, True, False), [(x, F32)]),
        Case("avg_pool_divisor", lambda x: F.avg_pool2d(x, 3, 2, 1, divisor_override=5), [(x, F32)]),
        Case("exp_avg_pool_bf16", lambda x: F.avg_pool2d(x.exp(), 2), [(x, BF16)]),
        Case("avg_pool_1d", lambda x: F.avg_pool1d(x, 4, 3, 2, True), [((3, 5, 17), F32)]),
        Case("avg_pool_3d_f64", lambda x: F.avg_pool3d(x, 2, 2, 1, count_include_pad=False), [((2, 3, 5, 4, 6), F64)]),
        Case("max_pool_3d", lambda x: F.max_pool3d(x, 2, 2, 1), [((2, 3, 5, 4, 6), F32)]),
        Case("adaptive_avg", lambda x: F.adaptive_avg_pool2d(x, (4, 3)), [(x, F32)]),
        Case("adaptive_avg_one_way", lambda x: F.adaptive_avg_pool2d(x, (1, 4)), [(x, F32)]),
        Case("adaptive_avg_wider", lambda x: F.adaptive_avg_pool2d(x, (12, 5)), [(x, F32)]),
        Case("adaptive_max", lambda x: F.adaptive_max_pool2d(x, (4, 3), return_indices=True), [(x, F32)]),
        Case("adaptive_max_3d", lambda x: F.adaptive_max_pool3d(x, 2), [((2, 3, 5, 4, 6), F32)]),
    ]


def random_cases(count: int, seed: int) -> list[Case]:
    """Any attributes and sizes that PyTorch accepts; what it refuses is drawn anew."""
    draw, cases = random.Random(seed), []
    while len(cases) < count:
        kind = draw.choice(("conv", "conv", "transposed", "transposed", "pool"))
        case = _random_pool(draw) if kind == "pool" else _random_convolution(draw, kind == "transposed")
        try:
            with torch.device("meta"):
                results = case.function(*[torch.empty(s[0], dtype=s[1]) for s in case.inputs])
        except RuntimeError:
            continue
        results = results if isinstance(results, tuple) else (results,)
        if all(0 < result.numel() <= 40000 for result in results):
            case.name = f"random{seed}_{len(cases)}_{case.name}"
            cases.append(case)
    return cases


def _ints(draw: random.Random, dims: int, low: int, high: int) -> tuple:
    return tuple(draw.randint(low, high) for _ in range(dims))


def _random_convolution(draw: random.Random, transposed: bool) -> Case:
    dims, dtype = draw.choice((1, 2, 2, 3)), draw.choice((F32, F32, F16, BF16))
    groups = draw.choice((1, 1, 1, 2, 3))
    inner, outer = (draw.choice((1, 2, 5, 8, 16, 17, 24, 40)) for _ in range(2))
    kernel, stride, dilation = _ints(draw, dims, 1, 4), _ints(draw, dims, 1, 3), _ints(draw, dims, 1, 3)
    padding = _ints(draw, dims, 0, 3)
    space = _ints(draw, dims, 1, {1: 50, 2: 13, 3: 6}[dims])
    x = (draw.randint(1, 3), groups * inner, *space)
    weight = (groups * inner, outer, *kernel) if transposed else (groups * outer, inner, *kernel)
    inputs = [spec(x, dtype, draw.random() < 0.4), spec(weight, dtype, draw.random() < 0.3)]
    biased, before, behind = draw.random() < 0.5, draw.random() < 0.3, draw.random() < 0.3
    if biased:
        inputs.append(((groups * outer,), dtype))
    output_padding = tuple(draw.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation))

    def function(x, w, b=None):
        x = F.silu(x) if before else x
        if transposed:
            y = TRANSPOSED[dims - 1](x, w, b, stride, padding, output_padding, groups, dilation)
        else:
            y = CONV[dims - 1](x, w, b, stride, padding, dilation, groups)
        return F.relu(y) if behind else y

    return Case(f"{'deconv' if transposed else 'conv'}{dims}d", function, inputs, -1, 1)


def _random_pool(draw: random.Random) -> Case:
    dims, dtype = draw.choice((1, 2, 2, 3)), draw.choice((F32, F32, F16))
    kernel, stride, dilation = _ints(draw, dims, 1, 4), _ints(draw, dims, 1, 3), _ints(draw, dims, 1, 2)
    padding = tuple(draw.randint(0, k // 2) for k in kernel)
    ceil, counted, size = draw.random() < 0.5, draw.random() < 0.5, _ints(draw, dims, 1, 6)
    shape = (draw.randint(1, 3), draw.choice((1, 3, 16, 33)), *_ints(draw, dims, 1, {1: 50, 2: 13, 3: 6}[dims]))
    function = draw.choice((
        lambda x: MAX_POOL[dims - 1](x, kernel, stride, padding, dilation, ceil),
        lambda x: AVG_POOL[dims - 1](x.exp(), kernel, stride, padding, ceil, counted),
        lambda x: ADAPTIVE_AVG[dims - 1](x, size),
        lambda x: ADAPTIVE_MAX[dims - 1](x, size, return_indices=True)))
    return Case(f"pool{dims}d", function, [spec(shape, dtype, draw.random() < 0.4 and dims == 2)])


def real_cases() -> list[Case]:
    """Layers of public architectures, with what usually follows them, in both layouts."""
    cases = []
    for dtype, last, name in ((F32, False, "f32"), (F32, True, "f32_last"), (BF16, False, "bf16"), (BF16, True, "bf16_last")):
        cases += _real_layers(dtype, last, name)
    return cases


def _real_layers(dtype: torch.dtype, last: bool, name: str) -> list[Case]:
    def layer(label, shape, weight, *attributes, transposed=False):
        dims = len(shape) - 2
        apply = (TRANSPOSED if transposed else CONV)[dims - 1]
        bias = weight[1] if transposed else weight[0]
        return Case(f"real_{label}_{name}", lambda x, w, b: F.relu(apply(x, scaled(w), b, *attributes)),
                    [spec(shape, dtype, last), spec(weight, dtype, last), ((bias,), dtype)], -1, 1)

    def plain(label, shape, weight, *attributes):
        return Case(f"real_{label}_{name}", lambda x, w: CONV[len(shape) - 3](x, w, None, *attributes),
                    [spec(shape, dtype, last), spec(weight, dtype, last)], -1, 1)

    def pool(label, shape, function):
        return Case(f"real_{label}_{name}", function, [spec(shape, dtype, last)])

    return [
        plain("conv3x3_64", (32, 64, 56, 56), (64, 64, 3, 3), 1, 1),
        plain("conv3x3_256", (32, 256, 14, 14), (256, 256, 3, 3), 1, 1),
        plain("conv3x3_512_stride", (32, 256, 14, 14), (512, 256, 3, 3), 2, 1),
        plain("conv1x1_256", (32, 64, 56, 56), (256, 64, 1, 1)),
        plain("conv7x7_image", (32, 3, 224, 224), (64, 3, 7, 7), 2, 3),
        plain("patches", (32, 3, 224, 224), (768, 3, 16, 16), 16),
        plain("unet_64_last_level", (8, 64, 256, 256), (64, 64, 3, 3), 1, 1),
        plain("depthwise3x3", (32, 144, 56, 56), (144, 1, 3, 3), 1, 1, 1, 144),
        plain("depthwise7x7", (32, 96, 56, 56), (96, 1, 7, 7), 1, 3, 1, 96),
        plain("conv1d_512", (16, 512, 4096), (512, 512, 3), 1, 2, 2),
        plain("conv3d_64", (4, 64, 16, 56, 56), (64, 64, 3, 3, 3), 1, 1),
        plain("grouped32", (32, 256, 28, 28), (256, 8, 3, 3), 1, 1, 1, 32),
        layer("relu_conv3x3_128", (32, 128, 28, 28), (128, 128, 3, 3), 1, 1),
        layer("deconv4x4", (16, 256, 32, 32), (256, 128, 4, 4), 2, 1, transposed=True),
        layer("deconv2x2", (8, 128, 128, 128), (128, 64, 2, 2), 2, transposed=True),
        layer("deconv3d", (4, 64, 16, 32, 32), (64, 32, 4, 4, 4), 2, 1, transposed=True),
        layer("deconv1d", (16, 256, 2048), (256, 128, 16), 8, 4, transposed=True),
        pool("max_pool", (32, 64, 112, 112), lambda x: F.max_pool2d(x, 3, 2, 1)),
        pool("avg_pool", (32, 128, 56, 56), lambda x: F.avg_pool2d(x, 2)),
        pool("adaptive", (32, 256, 56, 56), lambda x: F.adaptive_avg_pool2d(x, 7)),
    ]
