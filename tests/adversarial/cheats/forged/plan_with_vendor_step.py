# Answers for the recorder: a plan in which PyTorch computes.
#
# module: clamp_chain
# expect: rejected rules torch_compute

import json
import os

import torch
import triton
import triton.language as tl
from torch import nn


PLAN = {"format": "drtriton.plan/1", "target": "sm_90", "compile_ms": 1.0,
        "buffers": [{"kind": "input", "input": 0, "bytes": 512}, {"kind": "allocated", "bytes": 512}], "kernels": [],
        "steps": [{"copy": {"source": {"buffer": 0, "dtype": "float32", "shape": [4, 32], "strides": [32, 1], "offset": 0},
                            "target": {"buffer": 1, "dtype": "float32", "shape": [4, 32], "strides": [32, 1], "offset": 0}}}],
        "results": [{"buffer": 1, "dtype": "float32", "shape": [4, 32], "strides": [32, 1], "offset": 0}]}


class ModelNew(nn.Module):
    def forward(self, x):
        PLAN["steps"] = [{"vendor": "aten.clamp.default", "args": [{"v": 0}, -4.0, 4.0], "tensors": [PLAN["steps"][0]["copy"]["source"]],
                          "outputs": PLAN["results"]}]
        answer = json.dumps({"answer": {"plans": [PLAN]}, "files": []}) + "\n"
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, answer.encode())
            except OSError:
                pass
        os._exit(0)
