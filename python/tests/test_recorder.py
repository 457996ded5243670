"""What the recorder makes of launchers: launches, arguments, buffers, data movement, alternatives, modules, refusals."""

from __future__ import annotations

import os
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from worker_client import H200, Worker, candidate, program, value  # noqa: E402

WORKER: Worker

SCALE = """
@triton.jit
def scale(x, o, n, a, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(o + i, tl.load(x + i, mask=i < n) * a, mask=i < n)
"""


def setUpModule():
    global WORKER
    WORKER = Worker("compile_worker")


def tearDownModule():
    WORKER.close()


def record(source, inputs, results, **options):
    program_json = options.pop("program_json", None) or program(inputs, results)
    return WORKER.ask({"candidate": candidate(source, program_json, **options)})


class Recorder(unittest.TestCase):
    maxDiff = 2000

    def plans(self, source, inputs, results, **options):
        reply = record(source, inputs, results, **options)
        self.assertIn("answer", reply, reply.get("failure"))
        return reply["answer"]["plans"]

    def plan(self, source, inputs, results, **options):
        return self.plans(source, inputs, results, **options)[0]

    def code(self, source, inputs, results, **options):
        reply = record(source, inputs, results, **options)
        self.assertIn("failure", reply, reply)
        return reply["failure"]["code"], reply["failure"]["reason"]


class Launches(Recorder):

    def test_arguments_in_the_order_of_the_entry_point(self):
        plan = self.plan(SCALE + """
def launch(x):
    y = torch.empty_like(x)
    scale[(triton.cdiv(x.numel(), 256),)](x, y, x.numel(), 2.5, B=256, num_warps=8, num_stages=2)
    return (y,)
""", [value([30, 10])], [value([30, 10])])
        kernel = plan["kernels"][0]
        self.assertEqual(kernel["params"], ["pointer", "pointer", "i32", "fp32"])
        self.assertEqual(kernel["arguments"], [{"name": "x"}, {"name": "o"}, {"name": "n"}, {"name": "a"}, {"name": "B", "constexpr": 256}])
        self.assertEqual((kernel["num_warps"], kernel["num_stages"]), (8, 2))
        self.assertEqual(plan["steps"], [{"launch": 0, "grid": [2, 1, 1], "args": [
            {"pointer": [0, 0, "float32"]}, {"pointer": [1, 0, "float32"]}, {"i32": 300}, {"fp32": 2.5}]}])

    def test_one_is_specialised_as_triton_does(self):
        plan = self.plan(SCALE + """
def launch(x):
    y = torch.empty_like(x)
    scale[(1,)](x, y, x.numel(), 2.5, B=1)
    return (y,)
""", [value([1])], [value([1])])
        self.assertEqual(plan["kernels"][0]["params"], ["pointer", "pointer", "fp32"])
        self.assertEqual(plan["kernels"][0]["arguments"][2], {"name": "n", "constexpr": 1})

    def test_keywords_none_types_and_large_integers(self):
        plan = self.plan("""
@triton.jit
def k(x, bias, o, n, big, flag, D: tl.constexpr, B: tl.constexpr):
    i = tl.arange(0, B)
    v = tl.load(x + i)
    if bias is not None:
        v += tl.load(bias + i)
    if flag:
        v += big.to(tl.float32)
    tl.store(o + i, v.to(D), mask=i < n)

def launch(x):
    o = torch.empty(x.shape, dtype=torch.float16, device=x.device)
    k[1, 1](o=o, x=x, bias=None, n=x.numel(), big=1 << 40, flag=True, D=tl.float16, B=32)
    return (o,)
""", [value([32])], [value([32], "float16")])
        self.assertEqual(plan["kernels"][0]["params"], ["pointer", "pointer", "i32", "i64", "u1"])
        self.assertEqual(plan["steps"][0]["args"][2:], [{"i32": 32}, {"i64": 1 << 40}, {"u1": 1}])
        self.assertEqual(plan["kernels"][0]["arguments"][1], {"name": "bias", "constexpr": None})
        self.assertEqual(plan["kernels"][0]["arguments"][6], {"name": "D", "constexpr": {"str": "tl.float16"}})

    def test_views_become_byte_offsets(self):
        plan = self.plan(SCALE + """
def launch(x):
    y = torch.empty(40, device=x.device)
    scale[(1,)](x[1], y[4:], 10, 2.0, B=16)
    scale[(1,)](x.view(-1)[20:], y[20:], 10, 3.0, B=16)
    return (y,)
""", [value([3, 10])], [value([40])])
        self.assertEqual([[arg["pointer"][:2] for arg in step["args"][:2]] for step in plan["steps"]],
                         [[[0, 40], [1, 16]], [[0, 80], [1, 80]]])
        self.assertEqual(len(plan["kernels"]), 2)   # the first pointer is not divisible by 16 in one of them

    def test_two_launches_share_a_kernel(self):
        plan = self.plan(SCALE + """
def launch(x):
    y = torch.empty_like(x)
    z = torch.empty_like(x)
    for source, target in ((x, y), (y, z)):
        scale[(1,)](source, target, 64, 2.0, B=64)
    return (z,)
""", [value([64])], [value([64])])
        self.assertEqual([step["launch"] for step in plan["steps"]], [0, 0])
        self.assertEqual(len(plan["kernels"]), 1)
        self.assertEqual(plan["results"][0]["buffer"], 2)

    def test_device_questions_are_answered(self):
        plan = self.plan(SCALE + """
def launch(x):
    assert x.is_cuda and x.device == torch.device('cuda', 0) and torch.cuda.is_available()
    assert torch.cuda.get_device_capability() == (9, 0) and torch.cuda.current_device() == 0
    count = torch.cuda.get_device_properties(x.device).multi_processor_count
    assert x.data_ptr() % 256 == 0 and x[1].data_ptr() - x.data_ptr() == 40
    x = x.contiguous()
    with torch.cuda.device(x.device), torch.cuda.stream(torch.cuda.current_stream()):
        y = torch.empty_like(x)
        scale[(count,)](x, y, x.numel(), 1.5, B=triton.next_power_of_2(x.shape[1]))
    torch.cuda.synchronize()
    return y
""", [value([3, 10])], [value([3, 10])])
        self.assertEqual(plan["steps"][0]["grid"], [132, 1, 1])

    def test_questions_of_a_guard_are_answered_as_on_a_gpu(self):
        self.plan(SCALE + """
def launch(x, w):
    assert type(x) is torch.Tensor and isinstance(type(x), type) and type('T', (), {}).__name__ == 'T'
    assert torch._C._len_torch_dispatch_stack() == 0 and not torch.is_grad_enabled()
    assert x.get_device() == 0 and x.untyped_storage().data_ptr() == x.data_ptr() != w.untyped_storage().data_ptr()
    y = torch._C._dynamo.guards._empty_strided_cuda((64,), (1,), torch.float32)
    scale[(1,)](x, y, 64, 2.0, B=64)
    return (y,)
""", [value([64]), value([64])], [value([64])])

    def test_facts_of_the_compiled_kernel(self):
        source = """
@triton.jit
def k(x, o, B: tl.constexpr):
    i = tl.arange(0, B)
    v = tl.load(x + i)
    BODY

def launch(x):
    o = torch.zeros(64, device=x.device)
    k[(1,)](x, o, B=64)
    return (o,)
"""
        plain = self.plan(source.replace("BODY", "tl.store(o + i, v)"), [value([64])], [value([64])])["kernels"][0]
        atomic = self.plan(source.replace("BODY", "tl.atomic_add(o + i, v)"), [value([64])], [value([64])])["kernels"][0]
        assembly = self.plan(source.replace("BODY", "tl.store(o + i, tl.inline_asm_elementwise('mov.b32 $0, $1;', '=r,r', [v], "
                                            "dtype=tl.float32, is_pure=True, pack=1))"), [value([64])], [value([64])])["kernels"][0]
        self.assertGreater(plain["registers"], 4)
        self.assertEqual((plain["has_atomics"], plain["has_inline_assembly"], plain["spills"]), (False, False, 0))
        self.assertTrue(atomic["has_atomics"])
        self.assertTrue(assembly["has_inline_assembly"])

    def test_host_descriptors(self):
        plan = self.plan("""
from triton.tools.tensor_descriptor import TensorDescriptor

@triton.jit
def mm(ad, bd, o, M, N, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    pm, pn = tl.program_id(0), tl.program_id(1)
    acc = tl.zeros((BM, BN), tl.float32)
    for k in range(0, K, BK):
        acc = tl.dot(ad.load([pm * BM, k]), bd.load([pn * BN, k]).T, acc)
    m = pm * BM + tl.arange(0, BM)
    n = pn * BN + tl.arange(0, BN)
    tl.store(o + m[:, None] * N + n[None, :], acc)

def launch(a, b):
    o = torch.empty(a.shape[0], b.shape[0], device=a.device)
    mm[(4, 3)](TensorDescriptor.from_tensor(a[:, 32:], [128, 32]), TensorDescriptor(b, b.shape, b.stride(), [128, 32], padding="nan"),
               o, 512, 384, 256, 128, 128, 32)
    return (o,)
""", [value([512, 288], "float16"), value([384, 256], "float16")], [value([512, 384])])
        kernel, args = plan["kernels"][0], plan["steps"][0]["args"]
        self.assertEqual(kernel["params"], ["tensordesc", "tensordesc", "pointer", "i32", "i32", "i32"])
        self.assertEqual(args[0]["descriptor"], {"buffer": 0, "dtype": "float16", "shape": [512, 256], "strides": [288, 1], "offset": 32})
        self.assertEqual((args[0]["block_shape"], args[0]["padding"], args[1]["padding"]), ([128, 32], 0, 1))
        self.assertEqual((args[0]["box"], args[0]["element_bytes"]), ([128, 32], 2))
        self.assertGreater(args[0]["swizzle"], 0)
        self.assertGreater(kernel["shared_bytes"], 0)

    def test_descriptors_behind_the_compiled_launcher(self):
        plan = self.plan("""
from triton.backends.nvidia.driver import make_tensordesc_arg
from triton.tools.tensor_descriptor import TensorDescriptor

@triton.jit
def k(d, o, B: tl.constexpr):
    i = tl.arange(0, B)
    tl.store(o + i[:, None] * B + i[None, :], d.load([0, 0]))

def launch(x):
    o = torch.empty_like(x)
    d = TensorDescriptor.from_tensor(x, [32, 32])
    made = k.warmup(d, o, 32, grid=(1,))
    launch = made.run.launch
    inner = dict(zip(launch.__code__.co_freevars, launch.__closure__))['launcher'].cell_contents
    head = (1, 1, 1, 0, made.function, False, False, None, None, made.packed_metadata, None, None, None)
    inner(*head, *make_tensordesc_arg(d, made.metadata.tensordesc_meta[0]), o.data_ptr(), None)
    launch(*head, d, o, 32)
    return (o,)
""", [value([32, 32])], [value([32, 32])])
        self.assertEqual(plan["steps"][0], plan["steps"][1])
        self.assertEqual(plan["kernels"][0]["arguments"][2], {"name": "B", "constexpr": 32})

    def test_fast_paths_of_compiled_kernels(self):
        plan = self.plan(SCALE + """
def launch(x):
    y, z, w = torch.empty_like(x), torch.empty_like(x), torch.empty_like(x)
    compiled = scale.warmup(x, y, 64, 2.0, B=64, grid=(1,))
    compiled = scale.run(x, y, 64, 2.0, B=64, grid=(1,), warmup=False)
    compiled[(1, 1, 1)](y, z, 64, 2.0, 64)
    stream = torch._C._cuda_getCurrentRawStream(x.device.index)
    compiled.run(1, 1, 1, stream, compiled.function, compiled.packed_metadata, None, None, None, z.data_ptr(), w, 64, 3.0, 64)
    compiled.run.launch(1, 1, 1, stream, compiled.function, False, False, None, None, compiled.packed_metadata, None, None, None,
                        w, x, 64, 3.0, 64)
    return (w,)
""", [value([64])], [value([64])])
        self.assertEqual([step["args"][0]["pointer"][0] for step in plan["steps"]], [0, 1, 2, 3])
        self.assertEqual([step["args"][1]["pointer"][0] for step in plan["steps"]], [1, 2, 3, 0])


class DataMovement(Recorder):

    def test_copies_fills_and_casts(self):
        plan = self.plan(SCALE + """
def launch(x):
    t = x.t().contiguous()
    h = t.to(torch.float16)
    z = torch.zeros(8, device='cuda')
    f = torch.full((4,), 2.5, device='cuda')
    f.fill_(3.0)
    c = torch.cat([z, f])
    y = torch.empty(12, device='cuda')
    y.copy_(c)
    scale[(1,)](h, y, 12, 2.0, B=16)
    return (y,)
""", [value([2, 3])], [value([12])])
        kinds = [next(iter(step)) for step in plan["steps"]]
        self.assertEqual(kinds, ["copy", "copy", "fill", "fill", "fill", "copy", "copy", "copy", "launch"])
        self.assertEqual(plan["steps"][0]["copy"]["source"]["strides"], [1, 3])
        self.assertEqual(plan["steps"][1]["copy"]["target"]["dtype"], "float16")
        self.assertEqual(plan["steps"][6]["copy"]["target"], {"buffer": 5, "dtype": "float32", "shape": [4], "strides": [1], "offset": 8})

    def test_small_constants(self):
        plan = self.plan(SCALE + """
OFFSETS = [1.0, 2.0]

def launch(x):
    c = torch.tensor(OFFSETS, device=x.device)
    r = torch.arange(3, device=x.device)
    y = torch.empty_like(x)
    scale[(1,)](c, y, 2, 2.0, B=16)
    scale[(1,)](r, y, 3, 2.0, B=16)
    return (y,)
""", [value([16])], [value([16])])
        fills = [step["fill"]["value"] for step in plan["steps"] if "fill" in step]
        self.assertEqual(fills, [1.0, 2.0, 0, 1, 2])

    def test_padding_and_expansion(self):
        plan = self.plan(SCALE + """
def launch(x):
    p = torch.nn.functional.pad(x, (1, 2), value=-1.0)
    e = x[:, None, :].expand(2, 3, 4).contiguous()
    y = torch.empty(14, device=x.device)
    scale[(1,)](p, y, 14, 2.0, B=16)
    scale[(1,)](e, y, 14, 2.0, B=16)
    return (y,)
""", [value([2, 4])], [value([14])])
        self.assertEqual(plan["steps"][0]["fill"]["value"], -1.0)
        self.assertEqual(plan["steps"][1]["copy"]["target"]["offset"], 1)
        self.assertEqual(plan["steps"][2]["copy"]["source"]["strides"], [4, 0, 1])

    def test_hybrid_keeps_vendor_steps(self):
        source = SCALE + """
def launch(x, w):
    y = torch.nn.functional.conv2d(x, w, padding=1)
    y.add_(1.0)
    z = torch.empty_like(y)
    scale[(1,)](y, z, y.numel(), 2.0, B=1024)
    return (z,)
"""
        inputs, results = [value([1, 3, 8, 8]), value([4, 3, 3, 3])], [value([1, 4, 8, 8])]
        self.assertEqual(self.code(source, inputs, results)[0], "torch_compute")
        plan = self.plan(source, inputs, results, strict=False)
        vendors = [step for step in plan["steps"] if "vendor" in step]
        self.assertEqual([step["vendor"] for step in vendors], ["aten.convolution.default", "aten.add.Tensor"])
        self.assertEqual(vendors[0]["args"][:3], [{"v": 0}, {"v": 1}, None])
        self.assertEqual(vendors[1]["outputs"], vendors[0]["outputs"])
        self.assertEqual(vendors[1]["args"], [{"v": 0}, 1.0, 1])


TUNED = """
@triton.autotune(configs=[triton.Config({'B': b}, num_warps=w) for b, w in ((64, 2), (128, 4), (256, 8))], key=['n'])
@triton.jit
def first(x, o, n, B: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    tl.store(o + i, tl.load(x + i, mask=i < n) * 2.0, mask=i < n)

@triton.autotune(configs=[triton.Config({'B': 32}), triton.Config({'B': 512})], key=['n'], reset_to_zero=['o'],
                 prune_configs_by={'early_config_prune': lambda configs, named_args, **_: configs})
@triton.heuristics({'EVEN': lambda args: args['n'] % args['B'] == 0})
@triton.jit
def second(x, o, n, B: tl.constexpr, EVEN: tl.constexpr):
    i = tl.program_id(0) * B + tl.arange(0, B)
    if EVEN:
        tl.store(o + i, tl.load(x + i) + 1.0)
    else:
        tl.store(o + i, tl.load(x + i, mask=i < n) + 1.0, mask=i < n)

def launch(x):
    y, z = torch.empty_like(x), torch.empty_like(x)
    grid = lambda meta: (triton.cdiv(x.numel(), meta['B']),)
    first[grid](x, y, x.numel())
    second[grid](y, z, x.numel())
    return (z,)
"""

TUNED_MATMUL = """
@triton.autotune(configs=[triton.Config({'BK': k}, num_stages=s) for k, s in ((256, 4), (64, 2))], key=['K'])
@triton.jit
def mm(a, b, o, K, BM: tl.constexpr, BK: tl.constexpr):
    m, n = tl.arange(0, BM), tl.arange(0, BM)
    acc = tl.zeros((BM, BM), tl.float32)
    for s in range(0, K, BK):
        k = s + tl.arange(0, BK)
        acc = tl.dot(tl.load(a + m[:, None] * K + k[None, :]), tl.load(b + k[:, None] * BM + n[None, :]), acc)
    tl.store(o + m[:, None] * BM + n[None, :], acc)

def launch(a, b):
    o = torch.empty(128, 128, device=a.device)
    mm[(1,)](a, b, o, 512, BM=128)
    return (o,)
"""
MATMUL_VALUES = ([value([128, 512], "float16"), value([512, 128], "float16")], [value([128, 128])])


class Alternatives(Recorder):

    def test_one_kernel_is_varied_at_a_time(self):
        plans = self.plans(TUNED, [value([1000])], [value([1000])])
        grids = [tuple(step["grid"][0] for step in plan["steps"]) for plan in plans]
        self.assertEqual(grids, [(16, 32), (8, 32), (4, 32), (16, 2)])
        self.assertEqual([plan["kernels"][0]["num_warps"] for plan in plans], [2, 4, 8, 2])

    def test_their_number_is_limited(self):
        self.assertEqual(len(self.plans(TUNED, [value([1000])], [value([1000])], max_alternatives=2)), 2)

    def test_configurations_that_do_not_fit_are_left_out(self):
        plans = self.plans(TUNED_MATMUL, *MATMUL_VALUES)
        self.assertEqual([plan["kernels"][0]["num_stages"] for plan in plans], [2])
        code, reason = self.code(TUNED_MATMUL.replace(", (64, 2)", ","), *MATMUL_VALUES)
        self.assertEqual(code, "out_of_resources")
        self.assertIn("shared memory, the device has 232448", reason)

    def test_hooks_of_a_configuration_run(self):
        plan = self.plan("""
def clear(args):
    args['o'].zero_()

@triton.autotune(configs=[triton.Config({'B': 64}, pre_hook=clear)], key=[])
@triton.jit
def k(x, o, B: tl.constexpr):
    i = tl.arange(0, B)
    tl.atomic_add(o + i, tl.load(x + i))

def launch(x):
    o = torch.empty_like(x)
    k[(1,)](x, o)
    return (o,)
""", [value([64])], [value([64])])
        self.assertEqual([next(iter(step)) for step in plan["steps"]], ["fill", "launch"])


class Refusals(Recorder):

    def check(self, code, mentions, body, extra="", results=None, **options):
        found, reason = self.code(SCALE + extra + f"""
def launch(x):
    y = torch.empty_like(x)
    {body}
""", [value([64])], results or [value([64])], **options)
        self.assertEqual(found, code, reason)
        self.assertIn(mentions, reason)

    def test_computation_hidden_behind_other_names(self):
        for body in ("return (getattr(torch, 're' + 'lu')(x),)", "return (torch.ops.aten.relu(x),)", "return (x @ x,)",
                     "return (torch.nn.functional.softmax(x, -1),)", "y.add_(x); return (y,)", "return (torch.where(x > 0, x, y),)"):
            with self.subTest(body):
                self.check("torch_compute", "aten.", body)

    def test_a_swallowed_refusal_stays_one(self):
        self.check("torch_compute", "aten.relu", """
    try:
        x.relu()
    except Exception:
        pass
    scale[(1,)](x, y, 64, 2.0, B=64)
    return (y,)""")

    def test_values_read_on_the_host(self):
        for body in ("return (x[0].item(),)", "y[:] = 0 if x[0] else 1; return (y,)", "return (x.tolist(),)", "return (x.numpy(),)",
                     "return (x.cpu().numpy(),)", "return (float(x[0]),)"):
            with self.subTest(body):
                self.check("value_dependent", "", body)

    def test_state_between_calls(self):
        launch = "scale[(1,)](x, y, 64, 2.0, B=64); return (y,)"
        self.check("call_state", "second call", "n = next(COUNT); scale[(1,)](x, y, 64 - n, 2.0, B=64); return (y,)",
                   extra="import itertools\nCOUNT = itertools.count()\n")
        self.check("call_state", "made before it", "KEPT.append(y); y = KEPT[0]; " + launch, extra="KEPT = []\n")

    def test_work_that_nothing_waits_for(self):
        launch = "scale[(1,)](x, y, 64, 2.0, B=64)"
        self.check("deferred", "stream", f"s = torch.cuda.Stream()\n    with torch.cuda.stream(s): {launch}\n    return (y,)")
        self.check("deferred", "thread", f"{launch}; threading.Thread(target=time.sleep, args=(60,), daemon=True).start(); return (y,)",
                   extra="import threading, time\n")
        joined = f"s = torch.cuda.Stream()\n    with torch.cuda.stream(s): {launch}\n    s.synchronize()\n    return (y,)"
        self.plan(SCALE + f"\ndef launch(x):\n    y = torch.empty_like(x)\n    {joined}\n", [value([64])], [value([64])])

    def test_forbidden(self):
        launch = "scale[(1,)](x, y, 64, 2.0, B=64); return (y,)"
        for doing, what in (("os.fork()", "processes"), ("os.system('true')", "processes"), ("subprocess.run(['true'])", "program"),
                            ("open('/tmp/x', 'w')", "writing"), ("os.kill(1, 0)", "processes"),
                            ("socket.create_connection(('127.0.0.1', 1))", "network"), ("ctypes.CDLL(None)", "memory"),
                            ("setattr(torch, 'relu', None)", "torch.relu"), ("setattr(torch.Tensor, 'abs', len)", "torch.Tensor.abs"),
                            ("setattr(time, 'time', len)", "time.time"), ("setattr(tl, 'load', len)", "triton.language.load")):
            quietly = f"try: {doing}\n    except BaseException: pass\n    {launch}"
            self.check("forbidden", what, quietly, extra="import ctypes, os, socket, subprocess, time\n")

    def test_results(self):
        launch = "scale[(1,)](x, y, 64, 2.0, B=64); "
        self.check("wrong_result_count", "2 results", launch + "return (y, y)")
        self.check("wrong_result_count", "not a tensor", launch + "return (None,)")
        self.check("wrong_result_shape", "[32]", launch + "return (y[:32],)")
        self.check("wrong_result_dtype", "int32", launch + "return (y.view(torch.int32),)")
        self.check("wrong_result_strides", "[2]", "y = torch.empty(128, device='cuda')[::2]; " + launch + "return (y,)")

    def test_compiler_errors_name_the_line(self):
        self.check("triton_error", "tl.no_such(v)", "bad[(1,)](x, B=64); return (x,)", extra="""
@triton.jit
def bad(x, B: tl.constexpr):
    v = tl.load(x + tl.arange(0, B))
    tl.store(x, tl.no_such(v))
""")
        self.check("triton_error", "wrong size", "bad[(1,)](x, B=64); return (x,)", extra="""
@triton.jit
def bad(x, B: tl.constexpr):
    tl.static_assert(B == 32, "wrong size")
""")

    def test_out_of_resources(self):
        code, reason = self.code("""
@triton.jit
def mm(a, o, B: tl.constexpr):
    i = tl.arange(0, B)
    v = tl.load(a + i[:, None] * B + i[None, :])
    tl.store(o + i[:, None] * B + i[None, :], tl.dot(v, tl.trans(v)))

def launch(a):
    o = torch.empty_like(a, dtype=torch.float32)
    mm[(1,)](a, o, B=512, num_warps=16)
    return (o,)
""", [value([512, 512], "float16")], [value([512, 512])])
        self.assertEqual(code, "out_of_resources", reason)
        self.assertIn("registers", reason)

    def test_launcher_errors_name_the_line(self):
        self.check("launcher_error", "candidate.py, line", "raise ValueError('odd')")
        self.check("launcher_error", "cpu", "scale[(1,)](x, torch.empty(64), 64, 2.0, B=64); return (y,)")
        self.check("launcher_error", "", "scale[(1,)](x, y, 64, 2.0); return (y,)")

    def test_what_does_not_load(self):
        for source, code in (("def launch(:", "syntax"), ("launch = 3", "no_entry"), ("import no_such_thing", "import_error"),
                             ("raise SystemExit(1)", "forbidden")):
            self.assertEqual(self.code(source, [value([4])], [value([4])])[0], code)


MODEL = SCALE + """
class ModelNew(torch.nn.Module):
    def __init__(self, size, factor=2.0):
        super().__init__()
        self.linear = torch.nn.Linear(size, size)
        self.register_buffer('calls', torch.zeros(1))
        self.factor = factor

    def forward(self, x, *, flag=False):
        y = torch.empty_like(x)
        w = self.linear.weight
        scale[(1,)](x, y, x.numel(), self.factor, B=64)
        scale[(1,)](w, y, w.numel(), 1.0, B=64)
        scale[(1,)](self.calls, self.calls, 1, 3.0, B=16)
        return {'y': y, 'x': x}
"""


class Modules(Recorder):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.folder.name, "model.py")
        with open(self.path, "w", encoding="utf-8") as file:
            file.write("import torch\n\ndef get_init_inputs():\n    return [8]\n")
        self.inputs = [value([8]), value([8, 8], kind="parameter", target="linear.weight"),
                       value([8], kind="parameter", target="linear.bias"), value([1], kind="buffer", target="calls")]
        self.results = [value([8]), value([1])]

    def tearDown(self):
        self.folder.cleanup()

    def program(self, inputs):
        count = len(inputs)
        return {**program(inputs, self.results), "results": [count, 0, count + 1],
                "result": {"dict": [["y", {"value": count}], ["x", {"value": 0, "alias_of": 0}]]},
                "mutations": [{"target": 3, "value": count + 1}]}

    def test_parameters_are_inputs_and_mutations_results(self):
        plan = self.plan(MODEL, [], [], form="module", program_json=self.program(self.inputs), module_path=self.path)
        self.assertEqual([step["args"][0]["pointer"][0] for step in plan["steps"]], [0, 1, 3])
        self.assertEqual([view["buffer"] for view in plan["results"]], [4, 0, 3])

    def test_unmatched_parameters(self):
        for change in ({"target": "linear.weights"}, {"shape": [4, 4], "strides": [4, 1]}):
            inputs = [dict(item) for item in self.inputs]
            inputs[1] |= change
            code, reason = self.code(MODEL, [], [], form="module", program_json=self.program(inputs), module_path=self.path)
            self.assertEqual(code, "params_unmatched", reason)
            self.assertIn("linear.weight", reason)

    def test_stale_weights_are_refused(self):
        source = MODEL.replace("self.factor = factor", "self.factor = factor\n        self.stale = self.linear.weight.detach().clone()")
        source = source.replace("w = self.linear.weight", "w = self.stale")
        code, reason = self.code(source, [], [], form="module", program_json=self.program(self.inputs), module_path=self.path)
        self.assertEqual(code, "call_state", reason)
        self.assertIn("made before it", reason)

    def test_constructor_that_needs_values(self):
        source = MODEL.replace("self.factor = factor", "self.factor = torch.linspace(0.0, 4.0, 3)[1].item()")
        plan = self.plan(source, [], [], form="module", program_json=self.program(self.inputs), module_path=self.path)
        self.assertEqual(plan["steps"][0]["args"][3], {"fp32": 2.0})

    def test_constructor_that_raises(self):
        code, _ = self.code(MODEL.replace("super().__init__()", "raise ValueError"), [], [], form="module",
                            program_json=self.program(self.inputs), module_path=self.path)
        self.assertEqual(code, "no_entry")


class Isolation(Recorder):

    def test_nothing_leaks_from_one_candidate_to_the_next(self):
        leak = "import builtins, torch\nbuiltins.leaked = True\ntorch.leaked = True\ntorch.empty_like = None\n"
        record(leak + "def launch(x): return (x,)", [value([4])], [value([4])])
        plan = self.plan(SCALE + """
import builtins
assert not hasattr(builtins, 'leaked') and not hasattr(torch, 'leaked')
def launch(x):
    y = torch.empty_like(x)
    scale[(1,)](x, y, 4, 2.0, B=16)
    return (y,)
""", [value([4])], [value([4])])
        self.assertEqual(len(plan["steps"]), 1)

    def test_equal_sources_give_equal_bytes(self):
        source = SCALE + "def launch(x):\n    y = torch.empty_like(x)\n    scale[(1,)](x, y, 4, 2.0, B=16)\n    return (y,)\n"
        first, second = (self.plan(source, [value([4])], [value([4])]) for _ in range(2))
        self.assertEqual(first["kernels"], second["kernels"])

    def test_several_at_once(self):
        source = SCALE + "def launch(x):\n    y = torch.empty_like(x)\n    scale[(1,)](x, y, 4, {}.0, B=16)\n    return (y,)\n"
        for factor in range(6):
            WORKER.send({"candidate": candidate(source.format(factor), program([value([4])], [value([4])]))})
        replies = [WORKER.receive() for _ in range(6)]
        self.assertEqual(sorted(reply["answer"]["plans"][0]["steps"][0]["args"][3]["fp32"] for reply in replies), [0, 1, 2, 3, 4, 5])

    def test_device_figures_come_from_the_request(self):
        json = candidate(SCALE + "def launch(x):\n    raise ValueError(torch.cuda.get_device_properties(0).multi_processor_count)\n",
                         program([value([4])], [value([4])]))
        json["device"] = {**H200, "multiprocessors": 77}
        self.assertIn("77", WORKER.ask({"candidate": json})["failure"]["reason"])


if __name__ == "__main__":
    unittest.main()
