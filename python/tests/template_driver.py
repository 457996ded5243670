"""A Triton driver for tests that compiles for sm_90 and launches nothing, so that sources can be compiled without a GPU."""

from __future__ import annotations

import torch
from triton.backends.compiler import GPUTarget
from triton.backends.driver import DriverBase
from triton.runtime import driver


class _Launcher:
    def __init__(self, source, metadata):
        pass

    def __call__(self, *arguments):
        pass


class _Utils:
    def get_device_properties(self, device):
        return {"max_shared_mem": 232448, "max_num_regs": 65536, "multiprocessor_count": 132, "warpSize": 32,
                "sm_clock_rate": 1980000, "mem_clock_rate": 3201000, "mem_bus_width": 6144}

    def load_binary(self, name, kernel, shared, device):
        return None, None, 0, 0, 1024


class _Driver(DriverBase):
    def __init__(self):
        self.utils = _Utils()
        self.launcher_cls = _Launcher

    @classmethod
    def is_active(cls):
        return True

    def map_python_to_cpp_type(self, type_name):
        return type_name

    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)

    def get_active_torch_device(self):
        return torch.device("meta")

    def get_benchmarker(self):
        raise RuntimeError("nothing is timed here")

    def get_current_device(self):
        return 0

    def set_current_device(self, device):
        pass

    def get_current_stream(self, device):
        return 0

    def get_device_interface(self):
        return None

    def get_empty_cache_for_benchmark(self):
        return None

    def clear_cache(self, cache):
        pass


def install() -> None:
    driver.set_active(_Driver())
