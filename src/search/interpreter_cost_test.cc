#include "search/interpreter_cost.h"

#include <gtest/gtest.h>

#include "search/test_search.h"

namespace drtriton {
namespace {

Program Relu(int64_t rows) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {rows, 1024});
  SetResult(program, {AddUnary(program, "relu", "aten.relu.default", x)});
  return program;
}

TEST(InterpreterSeconds, GrowsWithElements) {
  EXPECT_NEAR(InterpreterSeconds(Relu(2000)) / InterpreterSeconds(Relu(1000)), 2, 1e-6);
  EXPECT_LT(InterpreterSeconds(Relu(100)), 1);
}

TEST(InterpreterSeconds, CountsProductsByTheirFlops) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {1024, 1024});
  SetResult(program, {AddLinear(program, "w", x, 1024)});
  EXPECT_GT(InterpreterSeconds(program), 3);
}

TEST(InterpreterSeconds, CountsTheTapsOfAConvolution) {
  auto seconds = [](int64_t taps) {
    Program program;
    ValueId x = AddLeaf(program, ValueKind::kInput, "x", {8, 3, 64, 64});
    ValueId weight = AddLeaf(program, ValueKind::kParameter, "weight", {64, 3, taps, taps});
    SetResult(program, {AddNode(program, "conv", "aten.conv2d.default", {ValueRef{x}, ValueRef{weight}}, {8, 64, 64, 64}, DType::kFloat32,
                                "aten::conv2d(Tensor input, Tensor weight) -> Tensor")});
    return InterpreterSeconds(program);
  };
  EXPECT_GT(seconds(7), 20);
  EXPECT_GT(seconds(7), 3 * seconds(3));
}

TEST(InterpreterSeconds, ViewsAreFree) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {1024, 1024});
  SetResult(program, {AddTranspose(program, "t", x)});
  EXPECT_EQ(InterpreterSeconds(program), 0);
}

}  // namespace
}  // namespace drtriton
