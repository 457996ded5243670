"""Kernels of emitted modules are compiled before they are called, equal ones once."""

import importlib.util
import os
import tempfile
import unittest
from unittest import mock

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.runtime.driver import driver

from drtriton.clock_compile import compile_ahead, share_kernels

_MODULE = '''
import triton
import triton.language as tl


class _DrtPointer:
    def __init__(self, address, dtype):
        self.address, self.dtype = address, dtype

    def data_ptr(self):
        return self.address


class Kernel:
    def __init__(self, function, pointers, constants):
        self.function, self.pointers, self.constants = function, pointers, constants
        self.grid, self.options = (1, 1, 1), {"num_warps": 1}

    def values(self, arguments, pointer):
        given = iter(arguments)
        return [self.constants[n] if n in self.constants else pointer(next(given), self.pointers[n])
                for n in self.function.arg_names]

FILLER

@triton.jit
def double_kernel(x_ptr, out_ptr, BLOCK: tl.constexpr):
    at = tl.arange(0, BLOCK)
    tl.store(out_ptr + at, tl.load(x_ptr + at) * 2)


@triton.jit
def broken_kernel(x_ptr, BLOCK: tl.constexpr):
    tl.store(x_ptr, undefined_name)


import torch
_POINTERS = {"x_ptr": torch.float32, "out_ptr": torch.float32}
_DRT_KERNELS = {"double": Kernel(double_kernel, _POINTERS, {"BLOCK": 16})}
if BROKEN:
    _DRT_KERNELS["broken"] = Kernel(broken_kernel, _POINTERS, {"BLOCK": 16})
'''


class _Driver:
    """A GPU of sm_90 that is not there: enough to compile for it."""

    def get_current_device(self):
        return 0

    def get_current_stream(self, device=None):
        return 0

    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)

    def get_active_torch_device(self):
        return torch.device("cpu")


class ClockCompile(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))  # late compilers may still write
        self.enterContext(mock.patch.dict(os.environ, TRITON_CACHE_DIR=os.path.join(self.folder, "cache")))
        self.enterContext(mock.patch.object(driver, "_active", _Driver()))
        self.compiled = []
        self.enterContext(mock.patch("triton.compiler.compile", self.compile))

    def compile(self, source, *arguments, **options):
        self.compiled.append(source.fn.__name__)
        return triton.compiler.compiler.compile(source, *arguments, **options)

    def load(self, name: str, filler: str = "", broken: bool = False):
        path = os.path.join(self.folder, f"{name}.py")
        with open(path, "w") as file:
            file.write(_MODULE.replace("FILLER", filler).replace("BROKEN", str(broken)))
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    def test_equal_kernels_of_two_files_are_compiled_once(self):
        modules = [self.load("first"), self.load("second", filler="# further down\n" * 3)]
        for module in modules:
            share_kernels(module)
        self.assertEqual(compile_ahead(modules, 60), [True, True])
        self.assertEqual(self.compiled, ["double_kernel"])

    def test_a_broken_kernel_is_left_to_its_call(self):
        self.assertEqual(compile_ahead([self.load("broken", broken=True)], 60), [True])
        self.assertEqual(sorted(self.compiled), ["broken_kernel", "double_kernel"])

    def test_what_is_late_is_given_up(self):
        self.assertEqual(compile_ahead([self.load("late")], 0), [False])


if __name__ == "__main__":
    unittest.main()
