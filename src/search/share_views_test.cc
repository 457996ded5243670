#include "search/share_views.h"

#include <gtest/gtest.h>

#include "search/test_search.h"

namespace drtriton {
namespace {

// relu(x.T) * silu(x.T), every view split and everything left to PyTorch.
Composition TwoViews(bool equal) {
  Composition composition;
  Program& program = composition.program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {4, 4});
  ValueId y = AddLeaf(program, ValueKind::kInput, "y", {4, 4});
  ValueId a = AddTranspose(program, "a", x);
  ValueId b = AddTranspose(program, "b", equal ? x : y);
  ValueId relu = AddUnary(program, "relu", "aten.relu.default", a);
  ValueId silu = AddUnary(program, "silu", "aten.silu.default", b);
  SetResult(program, {AddMul(program, "mul", relu, silu), b});
  for (int32_t node = 0; node < 5; ++node) composition.steps.push_back(TorchStep{node, "view"});
  return composition;
}

TEST(ShareViews, MakesEqualViewsOnce) {
  Composition composition = TwoViews(true);
  ShareViews(composition);
  EXPECT_EQ(composition.steps.size(), 4u);
  const Program& program = composition.program;
  EXPECT_EQ(program.nodes[3].Inputs(), program.nodes[2].Inputs());
  EXPECT_EQ(program.value(program.result.children[1].value).name, "a");
}

TEST(ShareViews, KeepsDifferentOnes) {
  Composition composition = TwoViews(false);
  ShareViews(composition);
  EXPECT_EQ(composition.steps.size(), 5u);
}

TEST(ShareViews, AFragmentReadsTheSharedView) {
  Composition composition = TwoViews(true);
  composition.steps[3] = KernelStep{ExtractFragment(composition.program, {3}, "silu"), {}, {}, {}};
  ValueId first = composition.program.nodes[0].outputs[0];
  ShareViews(composition);
  EXPECT_EQ(std::get<KernelStep>(composition.steps[2]).fragment.parent_inputs, std::vector<ValueId>{first});
}

}  // namespace
}  // namespace drtriton
