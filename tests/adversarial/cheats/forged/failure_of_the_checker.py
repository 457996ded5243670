# Raises the checker's own exception with a code that says it is right.
#
# module: clamp_chain
# expect: rejected compile launcher_error|crashed

import sys

import torch
import triton
import triton.language as tl
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        raise sys.modules["drtriton.candidate_failure"].CandidateFailure("ok", "accepted")
