#include "search/split_views.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "search/test_search.h"

namespace drtriton {
namespace {

int64_t CountOf(const Program& program, const std::string& op) {
  return std::count_if(program.nodes.begin(), program.nodes.end(), [&](const Node& node) { return node.op == op; });
}

TEST(SplitViews, EveryReaderGetsItsOwnView) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {4, 8});
  ValueId t = AddTranspose(program, "transpose", x);
  ValueId a = AddUnary(program, "relu", "aten.relu.default", t);
  ValueId b = AddUnary(program, "silu", "aten.silu.default", t);
  SetResult(program, {a, b});
  Program split = SplitViews(program);
  EXPECT_EQ(CountOf(split, "aten.transpose.int"), 2);
  EXPECT_EQ(CountOf(split, "aten.relu.default"), 1);
  for (const Value& value : split.values) {
    if (value.kind == ValueKind::kNode && split.nodes[value.node].op == "aten.transpose.int") {
      EXPECT_EQ(value.strides, (Shape{1, 8}));
    }
  }
}

TEST(SplitViews, ChainsOfViewsAreCopiedWhole) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {4, 8});
  ValueId twice = AddTranspose(program, "again", AddTranspose(program, "transpose", x));
  SetResult(program, {AddUnary(program, "relu", "aten.relu.default", twice), twice});
  Program split = SplitViews(program);
  EXPECT_EQ(CountOf(split, "aten.transpose.int"), 4);
}

TEST(SplitViews, ComputationsAreSharedAndDeadNodesDropped) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {4, 8});
  ValueId relu = AddUnary(program, "relu", "aten.relu.default", x);
  AddUnary(program, "silu", "aten.silu.default", relu);
  SetResult(program, {AddMul(program, "mul", relu, relu)});
  Program split = SplitViews(program);
  EXPECT_EQ(split.nodes.size(), 2u);
}

TEST(SplitViews, OneViewNamedTwiceInTheResultStaysOne) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {4, 8});
  ValueId t = AddTranspose(program, "transpose", x);
  SetResult(program, {t, t});
  Program split = SplitViews(program);
  EXPECT_EQ(split.result.children[0].value, split.result.children[1].value);
}

TEST(SplitViews, MutationsKeepTheirTargets) {
  Program split = SplitViews(LinearRelu());
  ASSERT_EQ(split.mutations.size(), 1u);
  EXPECT_EQ(split.value(split.mutations[0].target).name, "b_steps");
  EXPECT_EQ(split.value(split.mutations[0].value).name, "add");
}

}  // namespace
}  // namespace drtriton
