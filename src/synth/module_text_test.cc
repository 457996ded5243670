#include "synth/module_text.h"

#include <gtest/gtest.h>

#include "graph/program_python.h"

namespace drtriton {
namespace {

TEST(ModuleText, IsWhatAPersonWouldWrite) {
  const Program program = ParseFlatText(R"(# model on cpu
def forward(x, *, w, s):
    # x: f32[8, 256]
    # w: f32[512, 256] parameter 'w'
    # s: f32[512] parameter 's'
    a = F.linear(x, w)  # f32[8, 512]
    b = F.relu(a)  # f32[8, 512]
    c = b * s  # f32[8, 512]
    return c
)");
  EXPECT_EQ(WrittenModule(program), R"(import torch
import torch.nn as nn
import torch.nn.functional as F

BATCH = 8
FEATURES = 256
OUT_FEATURES = 512


class Model(nn.Module):
    def __init__(self, features, out_features):
        super().__init__()
        self.linear = nn.Linear(features, out_features, bias=False)
        self.scale = nn.Parameter(torch.randn(out_features))

    def forward(self, x):
        x = self.linear(x)
        x = F.relu(x)
        return x * self.scale


def get_inputs():
    return [torch.randn(BATCH, FEATURES)]


def get_init_inputs():
    return [FEATURES, OUT_FEATURES]
)");
}

}  // namespace
}  // namespace drtriton
