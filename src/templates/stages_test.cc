#include "templates/stages.h"

#include <gtest/gtest.h>

#include <variant>

#include "templates/lower.h"
#include "templates/test_fragments.h"

namespace drtriton {
namespace {

Lowered Low(const Fragment& fragment) { return std::get<Lowered>(Lower(fragment, LeafReading::kShared)); }

// Softmax's two reductions and its result share their rows; the mean over rows of a row's sum does not.
TEST(Stages, WhatSharesItsRowsIsOneStage) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {8, 32});
  Fragment fragment = builder.Build({builder.Node("aten.softmax.int", {ValueRef{x}, 1})});
  EXPECT_EQ(CutIntoStages(Low(fragment)).parts.size(), 1u);
}

TEST(Stages, ALossOverClassesThenTokensLeavesOneNumberATokenBetween) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {8, 32}), target = builder.Input("target", {8}, DType::kInt64);
  Fragment fragment = builder.Build({builder.Node("aten.cross_entropy_loss.default", {ValueRef{x}, ValueRef{target}})});
  StagePlan plan = CutIntoStages(Low(fragment));
  ASSERT_EQ(plan.parts.size(), 2u);
  EXPECT_EQ(plan.parts[0].OfKind(LoweredKind::kReduce).size(), 2u);   // the largest and the sum of exponentials
  ASSERT_GE(plan.whole.buffers.size(), 3u);
  EXPECT_EQ(plan.whole.buffers[1].shape, (Shape{8}));
  EXPECT_EQ(plan.whole.buffers[2].shape, (Shape{8}));
  // The second part reads the scores at the targets alone.
  for (NodeId id : plan.parts[1].OfKind(LoweredKind::kLoad)) EXPECT_LE(plan.parts[1].Product(plan.parts[1].node(id).axes), 8);
}

TEST(Stages, ResultsOverDifferentIndexSpacesAreWrittenApart) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {8, 32}), y = builder.Input("y", {5});
  Fragment fragment = builder.Build({builder.Node("aten.exp.default", {ValueRef{x}}), builder.Node("aten.exp.default", {ValueRef{y}})});
  EXPECT_EQ(CutIntoStages(Low(fragment)).parts.size(), 2u);
}

}  // namespace
}  // namespace drtriton
