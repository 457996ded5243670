#include "synth/difficulty.h"

#include <gtest/gtest.h>

#include "graph/program_python.h"

namespace drtriton {
namespace {

TEST(Difficulty, CountsOperatorsAndLeavesGlueOut) {
  const Program program = ParseFlatText(R"(# model on cpu
def forward(x, *, w):
    # x: f32[4, 8]
    # w: f32[16, 8] parameter 'w'
    a = F.linear(x, w)  # f32[4, 16]
    b = a.view(64)  # f32[64]
    c = F.relu(b)  # f32[64]
    d = torch.sigmoid(b)  # f32[64]
    e = c + d  # f32[64]
    return (e, c)
)");
  const Difficulty found = DifficultyOf(program, 1e3, 1e6);
  EXPECT_EQ(found.depth, 3);
  EXPECT_EQ(found.width, 2);
  EXPECT_EQ(found.inputs, 1);
  EXPECT_EQ(found.parameters, 1);
  EXPECT_EQ(found.results, 2);
  EXPECT_EQ(found.largest, 128);
  EXPECT_EQ(found.flops, 2 * 4 * 8 * 16 + 3 * 64);
  EXPECT_EQ(found.bytes, 4 * ((32 + 128 + 64) + 2 * 128 + 192));
  EXPECT_DOUBLE_EQ(found.roofline_us, found.bytes / 1e3);  // all bound by memory at these rates
}

}  // namespace
}  // namespace drtriton
