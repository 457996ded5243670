# Writes an answer into every open file and ends.
#
# module: clamp_chain
# expect: rejected compile bad_plan|crashed

import json
import os

import torch
import triton
import triton.language as tl
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        answer = json.dumps({"answer": {"plans": [], "verdict": "accepted"}, "files": []}) + "\n"
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, answer.encode())
            except OSError:
                pass
        os._exit(0)
