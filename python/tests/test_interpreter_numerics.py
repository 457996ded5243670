"""The mended interpreter against PyTorch: element types, dots, reductions, descriptors, libdevice, ModelNew."""

from __future__ import annotations

import os
import sys
import tempfile
import unittest

import torch

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from drtriton.tensors import read_tensors, write_tensors  # noqa: E402
from worker_client import Worker, candidate, program, value  # noqa: E402

WORKER: Worker


def setUpModule():
    global WORKER
    WORKER = Worker("interpret_worker")


def tearDownModule():
    WORKER.close()


def name(dtype):
    return str(dtype).removeprefix("torch.")


def leaf(tensor, **more):
    return value(tensor.shape, name(tensor.dtype), strides=tensor.stride(), **more)


def interpret(source, inputs, results, limits=None, **options):
    """The worker's reply, with "tensors" where it succeeded. `results` are empty tensors of the results' kinds."""
    with tempfile.NamedTemporaryFile(suffix=".tensors", dir=WORKER.folder.name) as file:
        write_tensors(file.name, {f"x{i}": tensor for i, tensor in enumerate(inputs)})
        program_json = options.pop("program_json", None) or program([leaf(x) for x in inputs], [leaf(x) for x in results])
        reply = WORKER.ask({"candidate": candidate(source, program_json, **options), "inputs": file.name}, **(limits or {}))
    if "answer" in reply:
        reply["tensors"] = list(read_tensors(os.path.join(reply["folder"], "outputs.tensors")).values())
    return reply


def unary(expression, x, dtype=None):
    """`expression` of v, stored with the result's type."""
    out = torch.empty_like(x, dtype=dtype or x.dtype)
    return interpret(f"""
from triton.language.extra import libdevice

@triton.jit
def k(x, o, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    v = tl.load(x + i, mask=i < n, other=0.0)
    tl.store(o + i, {expression}, mask=i < n)

def launch(x):
    o = torch.empty_like(x, dtype=torch.{name(out.dtype)})
    k[(triton.cdiv(x.numel(), 256),)](x, o, x.numel(), B=256)
    return (o,)
""", [x], [out])


def spread(*shape, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(*shape, generator=generator) * 3).to(dtype)


class ElementTypes(unittest.TestCase):

    def check(self, expression, expected, x, **kwargs):
        reply = unary(expression, x, expected.dtype)
        self.assertIn("tensors", reply, reply)
        torch.testing.assert_close(reply["tensors"][0], expected, equal_nan=True, **kwargs)

    def test_add_rounds_to_nearest_even(self):
        for dtype in (torch.float32, torch.float16, torch.bfloat16):
            x = spread(1000, dtype=dtype)
            self.check("v + v * 0.37", x + x * 0.37 if dtype is torch.float32 else
                       x + (x * torch.tensor(0.37, dtype=dtype)), x, rtol=1e-7 if dtype is torch.float32 else 0, atol=0)

    def test_multiply(self):
        for dtype in (torch.float16, torch.bfloat16):
            x = spread(1000, dtype=dtype)
            self.check("v * v", x * x, x, rtol=0, atol=0)

    def test_subtract_and_divide(self):
        x = spread(1000, dtype=torch.bfloat16)
        self.check("(v - 1.5).to(tl.float32) / 3.0", (x - 1.5).float() / 3.0, x, rtol=1e-6, atol=0)

    def test_cast_down_rounds(self):
        x = spread(4096)
        self.check("v.to(tl.bfloat16)", x.bfloat16(), x, rtol=0, atol=0)
        self.check("v.to(tl.float16)", x.half(), x, rtol=0, atol=0)

    def test_cast_of_special_values(self):
        x = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 3.4e38, 1e-40, 65504.0, 1.00390625, 1.01171875])
        self.check("v.to(tl.bfloat16)", x.bfloat16(), x, rtol=0, atol=0)

    def test_cast_up_and_between(self):
        x = spread(1000, dtype=torch.bfloat16)
        self.check("v.to(tl.float32)", x.float(), x, rtol=0, atol=0)
        self.check("v.to(tl.float16)", x.half(), x, rtol=0, atol=0)
        self.check("v.to(tl.int32)", x.int(), x)

    def test_bitcast(self):
        x = spread(1000, dtype=torch.bfloat16)
        self.check("v.to(tl.int16, bitcast=True)", x.view(torch.int16), x)

    def test_comparison_where_maximum(self):
        x = spread(1000, dtype=torch.bfloat16)
        self.check("tl.where(v > 0.5, v, -v)", torch.where(x > 0.5, x, -x), x, rtol=0, atol=0)
        self.check("tl.maximum(tl.abs(v), 1.0).to(tl.bfloat16)", x.abs().clamp_min(1.0), x, rtol=0, atol=0)

    def test_constants_of_the_type(self):
        x = spread(300, dtype=torch.bfloat16)
        self.check("v + tl.full((B,), 0.1, tl.bfloat16)", x + torch.tensor(0.1).bfloat16(), x, rtol=0, atol=0)

    def test_elementary_functions(self):
        x = spread(1000)
        for expression, expected in (("tl.erf(v)", x.erf()), ("tl.sigmoid(v)", x.sigmoid()), ("tl.exp(v)", x.exp()),
                                     ("tl.rsqrt(v * v + 1.0)", (x * x + 1).rsqrt()), ("tl.math.cos(v)", x.cos())):
            self.check(expression, expected, x, rtol=2e-6, atol=1e-6)

    def test_libdevice(self):
        x = spread(1000)
        for expression, expected in (("libdevice.tanh(v)", x.tanh()), ("libdevice.erf(v)", x.erf()),
                                     ("libdevice.log1p(tl.abs(v))", x.abs().log1p()), ("libdevice.expm1(v)", x.expm1()),
                                     ("libdevice.pow(tl.abs(v), 1.5)", x.abs() ** 1.5), ("libdevice.rsqrt(v * v + 1.0)", (x * x + 1).rsqrt()),
                                     ("tl.extra.cuda.libdevice.atan2(v, 2.0)", torch.atan2(x, torch.tensor(2.0))),
                                     ("libdevice.round(v)", torch.trunc(x + torch.copysign(torch.tensor(0.5), x))),
                                     ("libdevice.isnan(v).to(tl.float32)", x.isnan().float())):
            with self.subTest(expression):
                self.check(expression, expected, x, rtol=3e-6, atol=1e-6)


MATMUL = """
@triton.jit
def k(a, b, o, M, N, K, P: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    acc = tl.zeros((BM, BN), tl.float32)
    for start in range(0, K, BK):
        j = start + tl.arange(0, BK)
        x = tl.load(a + m[:, None] * K + j[None, :], mask=(m < M)[:, None] & (j < K)[None, :], other=0.0)
        y = tl.load(b + j[:, None] * N + n[None, :], mask=(j < K)[:, None] & (n < N)[None, :], other=0.0)
        acc = tl.dot(x, y, acc, input_precision=P)
    tl.store(o + m[:, None] * N + n[None, :], acc.to(o.dtype.element_ty), mask=(m < M)[:, None] & (n < N)[None, :])

def launch(a, b):
    (M, K), N = a.shape, b.shape[1]
    o = torch.empty((M, N), dtype=a.dtype, device=a.device)
    k[(triton.cdiv(M, 32), triton.cdiv(N, 32))](a, b, o, M, N, K, P="PRECISION", BM=32, BN=32, BK=32)
    return (o,)
"""


class Dots(unittest.TestCase):

    def error(self, precision, dtype):
        a, b = spread(70, 100, dtype=dtype), spread(100, 50, dtype=dtype, seed=1)
        exact = a.double() @ b.double()
        reply = interpret(MATMUL.replace("PRECISION", precision), [a, b], [torch.empty(70, 50, dtype=dtype)])
        self.assertIn("tensors", reply, reply)
        return float((reply["tensors"][0].double() - exact).norm() / exact.norm())

    def test_half_types_add_in_float32(self):
        self.assertLess(self.error("ieee", torch.bfloat16), 3e-3)
        self.assertLess(self.error("ieee", torch.float16), 4e-4)

    def test_precisions_of_float32_have_their_errors(self):
        self.assertLess(self.error("ieee", torch.float32), 5e-7)
        self.assertLess(self.error("tf32x3", torch.float32), 5e-7)
        self.assertLess(self.error("bf16x6", torch.float32), 1e-6)
        self.assertLess(self.error("bf16x3", torch.float32), 2e-5)
        self.assertGreater(self.error("tf32", torch.float32), 1e-4)


class Reductions(unittest.TestCase):

    def reduce(self, expression, x, dtype=None, extra=""):
        reply = interpret(f"""
@triton.jit
def first(a, b):
    return a * 1.0 + b

@triton.jit
def welford(m1, s1, n1, m2, s2, n2):
    n = n1 + n2
    d = m2 - m1
    return m1 + d * n2 / n, s1 + s2 + d * d * n1 * n2 / n, n

@triton.jit
def k(x, o, C: tl.constexpr):
    r = tl.program_id(0)
    v = tl.load(x + r * C + tl.arange(0, C))
    {extra or 'pass'}
    tl.store(o + r, {expression})

def launch(x):
    o = torch.empty((x.shape[0],), dtype=torch.{name(dtype or x.dtype)}, device='cuda')
    k[(x.shape[0],)](x, o, C=x.shape[1])
    return (o,)
""", [x], [torch.empty(x.shape[0], dtype=dtype or x.dtype)])
        self.assertIn("tensors", reply, reply)
        return reply["tensors"][0]

    def test_sum_and_max(self):
        x = spread(5, 128, dtype=torch.bfloat16)
        torch.testing.assert_close(self.reduce("tl.sum(v.to(tl.float32), 0)", x), x.float().sum(1).bfloat16())
        torch.testing.assert_close(self.reduce("tl.max(v, 0)", x), x.amax(1))

    def test_argmax(self):
        x = spread(5, 128)
        torch.testing.assert_close(self.reduce("tl.argmax(v, 0)", x, torch.int32), x.argmax(1).int())

    def test_any_combine_function(self):
        x = spread(5, 256)
        torch.testing.assert_close(self.reduce("tl.reduce(v, 0, first)", x), x.sum(1), rtol=1e-5, atol=1e-5)

    def test_tuple_reduction(self):
        x = spread(5, 256)
        variance = self.reduce("s / n", x, extra="m, s, n = tl.reduce((v, v * 0.0, v * 0.0 + 1.0), 0, welford)")
        torch.testing.assert_close(variance, x.var(1, unbiased=False), rtol=1e-5, atol=1e-5)

    def test_scan(self):
        x = spread(5, 64)
        last = self.reduce("tl.sum(tl.where(tl.arange(0, C) == C - 1, s, 0.0), 0)", x, extra="s = tl.associative_scan(v, 0, first)")
        torch.testing.assert_close(last, x.sum(1), rtol=1e-5, atol=1e-5)


class Bounds(unittest.TestCase):
    """What a GPU shows by unmapped pages and red zones, the interpreter shows by address."""

    def access(self, body, inputs=None, results=None):
        x = spread(60)
        reply = interpret(f"""
@triton.jit
def k(x, o, n, B: tl.constexpr):
    i = tl.arange(0, B)
    {body}

def launch(*xs):
    o = torch.empty_like(xs[0])
    k[(1,)](xs[0], o, xs[0].numel(), 64)
    return (o,)
""", inputs or [x], results or [x])
        return reply.get("failure", {"code": "ok", "reason": ""})

    def test_inside(self):
        self.assertEqual(self.access("tl.store(o + i, tl.load(x + i, mask=i < n), mask=i < n)")["code"], "ok")

    def test_reads_and_writes_past_the_end(self):
        failure = self.access("tl.store(o + i, tl.load(x + i), mask=i < n)")
        self.assertEqual((failure["code"], failure["stage"]), ("illegal_access", "run"))
        self.assertIn("reads 0 bytes past the end of x (4 such elements", failure["reason"])
        failure = self.access("tl.store(o + i, tl.load(x + i, mask=i < n))")
        self.assertIn("writes 0 bytes past the end of o", failure["reason"])

    def test_before_the_start_and_far_away(self):
        for where in ("x - 1 + i", "x + i * 1000000", "x + i - 4000000"):
            self.assertEqual(self.access(f"tl.store(o + i, tl.load({where}, mask=i < n), mask=i < n)")["code"], "illegal_access", where)

    def test_atomics(self):
        self.assertEqual(self.access("tl.atomic_add(o + i, 1.0)")["code"], "illegal_access")
        self.assertEqual(self.access("tl.store(o + i, 0.0, mask=i < n)\n    tl.atomic_add(o + i, 1.0, mask=i < n)")["code"], "ok")

    def test_a_tensor_that_the_launch_was_not_given(self):
        x = spread(60)
        failure = self.access("tl.store(o + i, tl.load(x + i + 64, mask=i < n), mask=i < n)", [x, x, x])
        self.assertEqual(failure["code"], "illegal_access")


class Launchers(unittest.TestCase):

    def test_descriptors_load_and_pad(self):
        x = spread(40, 48, dtype=torch.bfloat16)
        reply = interpret("""
from triton.tools.tensor_descriptor import TensorDescriptor

@triton.jit
def k(d, o, M, N, BM: tl.constexpr, BN: tl.constexpr):
    v = d.load([tl.program_id(0) * BM, tl.program_id(1) * BN])
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    tl.store(o + m[:, None] * N + n[None, :], v * 2.0, mask=(m < M)[:, None] & (n < N)[None, :])

def launch(x):
    o = torch.empty_like(x)
    k[(2, 2)](TensorDescriptor.from_tensor(x, [32, 32]), o, x.shape[0], x.shape[1], 32, 32)
    return (o,)
""", [x], [x])
        self.assertIn("tensors", reply, reply)
        torch.testing.assert_close(reply["tensors"][0], x * 2, rtol=0, atol=0)

    def test_hard_coded_cuda_device(self):
        x = spread(64)
        reply = interpret("""
@triton.jit
def k(x, o, F: tl.constexpr, flag):
    i = tl.arange(0, 64)
    v = tl.load(x + i)
    if flag:
        v = v + 1.0
    tl.store(o + i, v)

def launch(x):
    assert x.is_cuda and x.device.type == 'cuda' and not x.is_cpu
    o = torch.zeros(64, device='cuda', dtype=torch.float32)
    p = torch.empty(64, device=torch.device('cuda', 0)).to('cuda').cuda()
    with torch.cuda.device(x.device):
        k[(1,)](x, o, True, True, num_warps=2)
    return (o,)
""", [x], [x])
        self.assertIn("tensors", reply, reply)
        torch.testing.assert_close(reply["tensors"][0], x + 1)

    def test_unwritten_results_are_nan(self):
        x = spread(64)
        reply = interpret("""
@triton.jit
def k(x, o):
    i = tl.arange(0, 32)
    tl.store(o + i, tl.load(x + i))

def launch(x):
    o = torch.empty_like(x)
    k[(1,)](x, o)
    return (o,)
""", [x], [x])
        self.assertTrue(reply["tensors"][0][32:].isnan().all())

    def test_computation_in_torch_is_refused_in_strict_mode_only(self):
        source = """
@triton.jit
def k(x, o):
    i = tl.arange(0, 64)
    tl.store(o + i, tl.load(x + i))

def launch(x):
    o = torch.empty_like(x)
    k[(1,)](x.relu(), o)
    return (o,)
"""
        x = spread(64)
        self.assertEqual(interpret(source, [x], [x])["failure"]["code"], "torch_compute")
        torch.testing.assert_close(interpret(source, [x], [x], strict=False)["tensors"][0], x.relu())

    def test_refusals(self):
        x = spread(64)
        for body, code in (("return (x + 1,)", "torch_compute"),
                           ("return (x[0].item(),)", "value_dependent"), ("import os; os._exit(3)", "crashed"),
                           ("k[(1,)](x, x); return (x[:3],)", "wrong_result_shape"),
                           ("bad[(1,)](x); return (x,)", "triton_error")):
            with self.subTest(code):
                reply = interpret(f"""
@triton.jit
def k(x, o):
    tl.store(o, tl.load(x))

@triton.jit
def bad(x):
    tl.store(x, tl.no_such(x))

def launch(x):
    {body}
""", [x], [x])
                self.assertEqual(reply.get("failure", {}).get("code"), code, reply)

    def test_model_new(self):
        x, weight = spread(4, 8), spread(8)
        values = [leaf(x), leaf(weight, kind="parameter", target="scale.weight")]
        reply = interpret("""
@triton.jit
def k(x, w, o, C: tl.constexpr):
    i = tl.program_id(0) * C + tl.arange(0, C)
    tl.store(o + i, tl.load(x + i) * tl.load(w + tl.arange(0, C)))

class Scale(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(n))

class ModelNew(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = Scale(8).cuda()

    def forward(self, x):
        o = torch.empty_like(x)
        k[(x.shape[0],)](x, self.scale.weight, o, C=8)
        return o
""", [x, weight], [x], form="module", program_json=program(values, [leaf(x)]))
        self.assertIn("tensors", reply, reply)
        torch.testing.assert_close(reply["tensors"][0], x * weight)


if __name__ == "__main__":
    unittest.main()
