# Looks for files of tensors.
#
# module: clamp_chain
# expect: rejected rules no_kernel|value_dependent|forbidden

import glob
import torch
import triton
import triton.language as tl
from torch import nn


class ModelNew(nn.Module):
    def forward(self, x):
        for path in glob.glob("/tmp/**/*.tensors", recursive=True):
            return torch.frombuffer(open(path, "rb").read()[-512:], dtype=torch.float32).view(4, 32)
        return x.clone()
