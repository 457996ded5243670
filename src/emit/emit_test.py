"""Runs the modules that emit_test.cc wrote to the folder given: the kernels under TRITON_INTERPRET=1, else the original."""

import copy
import io
import os
import pickle
import sys
import unittest
import warnings

FOLDER = sys.argv.pop(1)
sys.path.insert(0, FOLDER)
import torch
from torch import nn

from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

import affine
import affine_triton
import called_triton
import mixed
import mixed_triton

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.backends.driver import DriverBase
from triton.backends.nvidia import driver as nvidia

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


@triton.jit
def add_tile(a_desc, b_ptr, out_ptr, one, N: tl.constexpr, scale):
    tile = a_desc.load([16, 0])
    rows = tl.arange(0, 16)[:, None] * N + tl.arange(0, N)[None, :]
    tl.store(out_ptr + rows, tile * scale + tl.load(b_ptr + rows) * one)


class Launcher:
    """Stands for Triton's launcher on a GPU: keeps the arguments of the C function."""

    launched = []
    launch_cooperative_grid, launch_pdl, num_ctas = False, False, 1

    def __init__(self, source, metadata):
        self.global_scratch_size, self.profile_scratch_size = metadata.global_scratch_size, metadata.profile_scratch_size
        signature = dict(enumerate(source.signature.values()))
        self.launch = nvidia.wrap_handle_tensordesc(lambda *args: self.launched.append(args), signature,
                                                    getattr(metadata, "tensordesc_meta", None))


class Utils:
    encoded = []

    def get_device_properties(self, device):
        return {"max_shared_mem": 232448, "max_num_regs": 65536, "multiprocessor_count": 132, "warpSize": 32}

    def load_binary(self, name, kernel, shared, device):
        return None, 7, 0, 0, 1024

    def fill_tma_descriptor(self, *given):
        self.encoded.append(given)
        return f"map of {given[0]}"


class Driver(DriverBase):
    """An sm_90 without a GPU, so that what a GPU would be given can be seen."""

    def __init__(self):
        self.utils, self.launcher_cls = Utils(), Launcher
        self.get_current_device = lambda: 0
        self.get_current_stream = lambda device: 0

    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)

    is_active = classmethod(lambda cls: True)
    map_python_to_cpp_type = get_active_torch_device = get_benchmarker = None


@unittest.skipIf(INTERPRETED, "the interpreter compiles nothing")
class Compiled(unittest.TestCase):
    def setUp(self):
        triton.runtime.driver.set_active(Driver())
        Launcher.launched.clear()
        Utils.encoded.clear()

    def test_launches_take_integers_as_pointers(self):
        start = affine_triton._DRT_KERNELS["affine"].compiled((4096, 8192, 12288, 12))
        start(99, 16, 32, 48, 12)
        (args,) = Launcher.launched
        self.assertEqual(args[:9], (4, 1, 1, 99, 7, False, False, None, None))
        self.assertEqual(args[10:], (None, None, None, 16, 32, 48, 12, None))

    def test_descriptors_are_encoded_once_an_address(self):
        kernel = affine_triton._DrtKernel(
            add_tile, (1, 1, 1), pointers={"b_ptr": torch.float32, "out_ptr": torch.float32}, constants={"one": 1, "N": 32},
            descriptors={"a_desc": (torch.float32, [64, 32], [32, 1], [16, 32], "zero")}, num_warps=4)
        start = kernel.compiled((4096, 8192, 12288, None, None, 0.5))
        for address in (4096, 4096, 16384):
            start(99, address, 8192, 12288, None, None, 0.5)
        self.assertEqual([args[13:] for args in Launcher.launched][1:],
                         [("map of 4096", 64, 32, 32, 1, 8192, 12288, None, None, 0.5),
                          ("map of 16384", 64, 32, 32, 1, 8192, 12288, None, None, 0.5)])
        self.assertEqual(len(Utils.encoded), 2)
        self.assertEqual(Utils.encoded[0][5:], ([64, 32], [32, 1], 0))


class EmittedModule(unittest.TestCase):
    def accelerated(self, module, call):
        """Whether the call ran the kernels; its result."""
        before = module.ModelNew.acceleration()["accelerated"]
        result = call()
        return module.ModelNew.acceleration()["accelerated"] - before == 1, result

    def check(self, module, model, call, expected, fast):
        ran, result = self.accelerated(module, call)
        self.assertEqual(ran, fast and INTERPRETED, module.ModelNew.acceleration()["why"])
        torch.testing.assert_close(result, expected)

    def affine_pair(self):
        torch.manual_seed(0)
        original = affine.Model(12).eval()
        model = affine_triton.ModelNew(12).eval()
        model.load_state_dict(original.state_dict())
        original.load_state_dict(model.state_dict())
        return original, model, torch.randn(4, 12)

    def test_equals_the_original(self):
        original, model, x = self.affine_pair()
        with torch.no_grad():
            self.check(affine_triton, model, lambda: model(x), original(x), True)
            self.check(affine_triton, model, lambda: model(x=x), original(x), True)

    def test_sees_changed_parameters(self):
        original, model, x = self.affine_pair()
        with torch.no_grad():
            model(x)
            model.inner.bias.add_(1.0)
            self.check(affine_triton, model, lambda: model(x), original(x) + 1.0, True)
            model.inner.bias = nn.Parameter(torch.zeros(12))
            self.check(affine_triton, model, lambda: model(x), x * 2, True)
            model.inner.bias.data = torch.ones(12)
            self.check(affine_triton, model, lambda: model(x), x * 2 + 1, True)

    def test_other_calls_run_the_original(self):
        original, model, x = self.affine_pair()
        with torch.no_grad():
            for other in (torch.randn(5, 12), torch.randn(12, 4).t(), torch.randn(4, 12).double(), torch.randn(49)[1:].view(4, 12)):
                self.check(affine_triton, model, lambda: model(other), original(other), False)
            with torch.autocast("cpu"):
                self.check(affine_triton, model, lambda: model(x), original(x), False)
            model.train()
            self.check(affine_triton, model, lambda: model(x), original(x), False)
            model.eval()
            self.check(affine_triton, model, lambda: model(x), original(x), True)

    def test_gradients_warn_once_and_flow(self):
        original, model, x = self.affine_pair()
        affine_triton._DRT_STATUS.pop("warned", None)
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            model(x).sum().backward()
            model(x)
        self.assertEqual(len(seen), 1 if INTERPRETED else len(seen))
        self.assertIsNotNone(model.inner.bias.grad)

    def test_changed_attributes_hooks_and_submodules_are_noticed(self):
        original, model, x = self.affine_pair()
        with torch.no_grad():
            model(x)
            model.inner.factor = 3.0
            self.check(affine_triton, model, lambda: model(x), x * 3 + model.inner.bias, False)
            model.inner.factor = 2.0
            self.check(affine_triton, model, lambda: model(x), original(x), True)
            handle = model.inner.register_forward_hook(lambda m, a, r: r + 1)
            self.check(affine_triton, model, lambda: model(x), original(x) + 1, False)
            handle.remove()
            self.check(affine_triton, model, lambda: model(x), original(x), True)
            model.inner = nn.Identity()
            self.check(affine_triton, model, lambda: model(x), x, False)

    def test_other_constructions_run_the_original(self):
        model = affine_triton.ModelNew(24).eval()
        with torch.no_grad():
            self.check(affine_triton, model, lambda: model(torch.ones(4, 24)), 2 + model.inner.bias.expand(4, 24), False)
            same = affine_triton.ModelNew(n=12).eval()
            self.check(affine_triton, same, lambda: same(torch.ones(4, 12)), 2 + same.inner.bias.expand(4, 12), True)

    def test_copies_and_pickles(self):
        original, model, x = self.affine_pair()
        with torch.no_grad():
            model(x)
            for made in (copy.deepcopy(model), pickle.loads(pickle.dumps(model)), copy.copy(model)):
                self.check(affine_triton, made, lambda: made(x), original(x), True)
            stream = io.BytesIO()
            torch.save(model, stream)
            stream.seek(0)
            loaded = torch.load(stream, weights_only=False)
            self.check(affine_triton, loaded, lambda: loaded(x), original(x), True)
            changed = copy.deepcopy(model)
            changed.inner.factor = 4.0
            again = copy.deepcopy(changed)
            self.check(affine_triton, again, lambda: again(x), x * 4 + model.inner.bias, False)
            half = copy.deepcopy(model).half()
            self.check(affine_triton, half, lambda: half(x.half()), copy.deepcopy(original).half()(x.half()), False)

    def test_under_compile_and_transforms(self):
        original, model, x = self.affine_pair()
        with torch.no_grad():
            compiled = torch.compile(model, backend="eager", fullgraph=True)
            self.check(affine_triton, model, lambda: compiled(x), original(x), False)
            mapped = torch.func.vmap(lambda row: model(row))(torch.stack([x, x]))
            torch.testing.assert_close(mapped[1], original(x))
            exported = torch.export.export(model, (x,))
            torch.testing.assert_close(exported.module()(x), original(x))
        with torch.inference_mode():
            self.check(affine_triton, model, lambda: model(x), original(x), True)

    def quick(self, model, *args, **kwargs):
        try:
            return affine_triton._drt_quick(model, args, kwargs) is not None
        except Exception:
            return False

    @unittest.skipUnless(INTERPRETED, "needs kernels that run")
    def test_a_call_like_the_last_one_passes_quickly(self):
        original, model, x = self.affine_pair()
        with torch.no_grad():
            self.assertFalse(self.quick(model, x))
            model(x)
            self.assertTrue(self.quick(model, x))
            self.assertTrue(self.quick(model, torch.randn(4, 12)))
            model.inner.bias = nn.Parameter(torch.zeros(12))  # another object of the same kind
            self.assertTrue(self.quick(model, x))
            self.check(affine_triton, model, lambda: model(x), x * 2, True)
        with torch.inference_mode():
            self.assertFalse(self.quick(model, x))  # other dispatch keys: looked at anew
            self.check(affine_triton, model, lambda: model(x), x * 2, True)
            self.assertTrue(self.quick(model, x))
        self.assertFalse(self.quick(model, x))
        model.requires_grad_(False)
        self.check(affine_triton, model, lambda: model(x), x * 2, True)
        self.assertTrue(self.quick(model, x))  # nothing requires gradients
        self.assertFalse(self.quick(model, x.clone().requires_grad_()))

    @unittest.skipUnless(INTERPRETED, "needs kernels that run")
    def test_what_the_guard_refuses_does_not_pass_quickly(self):
        original, model, x = self.affine_pair()
        mode = lambda context: lambda: self.under(context, model, x)
        cases = {
            "shape": lambda: self.quick(model, torch.randn(5, 12)),
            "stride": lambda: self.quick(model, torch.randn(12, 4).t()),
            "dtype": lambda: self.quick(model, x.int()),
            "alignment": lambda: self.quick(model, torch.randn(49)[1:].view(4, 12)),
            "negated": lambda: self.quick(model, torch._neg_view(x)),
            "meta": lambda: self.quick(model, x.to("meta")),
            "subclass": lambda: self.quick(model, x.as_subclass(type("Other", (torch.Tensor,), {}))),
            "parameter": lambda: self.quick(model, nn.Parameter(x)),
            "no tensor": lambda: self.quick(model, 1.0),
            "count": lambda: self.quick(model, x, x) or self.quick(model),
            "gradients": mode(torch.enable_grad()),
            "autocast": mode(torch.autocast("cpu")),
            "counting": mode(FlopCounterMode(display=False)),
            "fake": mode(FakeTensorMode()),
            "vmap": lambda: self.inside(torch.func.vmap, model, x),
            "functionalize": lambda: self.inside(torch.func.functionalize, model, x),
            "trace": lambda: self.inside(lambda f: lambda y: torch.jit.trace(f, (y,), check_trace=False), model, x),
            "deterministic": lambda: self.set(torch.use_deterministic_algorithms, True, False, model, x),
            "matmul tf32": lambda: self.set(torch._C._set_cublas_allow_tf32, True, False, model, x),
            "cudnn tf32": lambda: self.set(torch._C._set_cudnn_allow_tf32, False, True, model, x),
            "training": lambda: self.set(model.train, True, False, model, x),
            "part in training": lambda: self.set(model.inner.train, True, False, model, x),
            "attribute": lambda: self.set(lambda value: setattr(model.inner, "factor", value), 3.0, 2.0, model, x),
            "class": lambda: self.set(lambda value: setattr(model.inner, "__class__", value), nn.Identity,
                                      type(model.inner), model, x),
        }
        for register in (model.register_forward_hook, model.register_forward_pre_hook, model.inner.register_forward_hook,
                         model.inner.register_forward_pre_hook, nn.modules.module.register_module_forward_hook,
                         nn.modules.module.register_module_forward_pre_hook, model.register_full_backward_hook):
            cases[f"hook {len(cases)}"] = lambda register=register: self.hooked(register, model, x)
        with torch.no_grad():
            for name, passes in cases.items():
                with self.subTest(name):
                    model(x)
                    model(x)
                    self.assertTrue(self.quick(model, x))
                    self.assertFalse(passes())

    def under(self, context, model, x):
        with context:
            return self.quick(model, x)

    def inside(self, transform, model, x):
        seen = []
        transform(lambda y: seen.append(self.quick(model, x)) or y + 1)(torch.randn(4, 12))
        return any(seen) or not seen

    def set(self, setter, there, back, model, x):
        setter(there)
        try:
            return self.quick(model, x)
        finally:
            setter(back)

    def hooked(self, register, model, x):
        handle = register(lambda *_: None)
        try:
            return self.quick(model, x)
        finally:
            handle.remove()

    def test_hooks_around_the_module_run(self):
        original, model, x = self.affine_pair()
        with torch.no_grad():
            model(x)
            for register in (model.register_forward_hook, nn.modules.module.register_module_forward_hook):
                handle = register(lambda module, args, result: result + 1 if module is model else None)
                torch.testing.assert_close(model(x), original(x) + 1)
                handle.remove()
                self.check(affine_triton, model, lambda: model(x), original(x), True)
            model.register_forward_pre_hook(lambda module, args: (args[0] + 1,))
            self.check(affine_triton, model, lambda: model(x), original(x + 1), True)

    def test_without_the_check_in_c(self):
        original, model, x = self.affine_pair()
        checks = affine_triton._DRT_CHECKS

        class Other:
            def __init__(self, *tensors, **_):
                raise TypeError("another interface")

        try:
            for affine_triton._DRT_CHECKS in (None, Other):
                made = copy.deepcopy(model)
                with torch.no_grad():
                    for _ in range(2):
                        self.check(affine_triton, made, lambda: made(x), original(x), True)
        finally:
            affine_triton._DRT_CHECKS = checks

    def test_a_users_call_is_kept(self):
        model = called_triton.ModelNew(12).eval()
        with torch.no_grad():
            for _ in range(2):
                torch.testing.assert_close(model(torch.ones(4, 12)), 3 + model.inner.bias.expand(4, 12))

    def test_traced_and_compiled_in_place(self):
        original, model, x = self.affine_pair()
        with torch.no_grad():
            model(x)
            traced = torch.jit.trace(model, (x,))
            torch.testing.assert_close(traced(x + 1), original(x + 1))
            fx = torch.fx.symbolic_trace(nn.Sequential(model, nn.ReLU()))
            torch.testing.assert_close(fx(x), original(x).relu())
            inner = torch.compile(nn.Sequential(model, nn.ReLU()), backend="eager", fullgraph=True)
            torch.testing.assert_close(inner(x), original(x).relu())
            model.compile(backend="eager", fullgraph=True)
            self.check(affine_triton, model, lambda: model(x), original(x), False)

    def test_user_names_stay(self):
        self.assertEqual(affine_triton.triton, "the user's own name")
        self.assertEqual(affine_triton.__doc__, "A module docstring.")
        self.assertEqual(mixed_triton.affine(1.0), 2.0)

    def test_mutations_aliases_and_structure(self):
        original, model = mixed.Model().eval(), mixed_triton.ModelNew().eval()
        x, y = torch.randn(4, 12), torch.randn(12, 4)
        with torch.no_grad():
            for call in (lambda m, x, y: m(x=x, y=y, scale=1), lambda m, x, y: m(x, y, 1)):
                ours, theirs = y.clone(), y.clone()
                ran, result = self.accelerated(mixed_triton, lambda: call(model, x, ours))
                expected = call(original, x, theirs)
                self.assertEqual(ran, INTERPRETED, mixed_triton.ModelNew.acceleration()["why"])
                self.assertIs(type(result), mixed_triton.Result)
                torch.testing.assert_close(vars(result), vars(expected))
                torch.testing.assert_close(ours, theirs)
                torch.testing.assert_close(model.steps, original.steps)
                self.assertIs(result.y, ours)
                self.assertEqual(result.row.data_ptr(), ours[1].data_ptr())
                self.assertEqual(result.pair[1].data_ptr(), result.pair[0].data_ptr())
                self.assertEqual(result.row._base is not None, expected.row._base is not None)
            ran, _ = self.accelerated(mixed_triton, lambda: model(x, y))
            self.assertFalse(ran)  # verified with scale given
            ran, _ = self.accelerated(mixed_triton, lambda: model(x=x, y=y, scale=2))
            self.assertFalse(ran)


if __name__ == "__main__":
    unittest.main()
