# Looks through its callers' variables.
#
# module: clamp_chain
# expect: rejected rules no_kernel|call_state|value_dependent

import sys
import torch
import triton
import triton.language as tl
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        frame = sys._getframe()
        while frame is not None:
            for name, thing in frame.f_locals.items():
                if "expected" in name or "reference" in name:
                    return thing
            frame = frame.f_back
        return x.clone()
