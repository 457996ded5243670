// Programs that no family writes as a whole: where they are cut, what is kept between, what is still refused.
#include "templates/segments.h"

#include <gtest/gtest.h>

#include "templates/templates.h"
#include "templates/test_fragments.h"

namespace drtriton {
namespace {

std::vector<Proposal> Propose(const Fragment& fragment) {
  TemplateProposer proposer(Reach::kProgram);
  EXPECT_EQ(proposer.WhyNot(fragment), std::nullopt);
  return proposer.Propose(fragment, H200(), {.max_count = 2});
}

// A convolution of a pool's result, summed over its channels.
Fragment Chain() {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {2, 3, 16, 16}), w = builder.Input("w", {4, 3, 3, 3});
  ValueId pooled = builder.Node("aten.max_pool2d.default", {ValueRef{x}, Attr::Ints({2, 2})}, "pooled");
  ValueId convolved = builder.Node("aten.conv2d.default", {ValueRef{pooled}, ValueRef{w}}, "convolved");
  return builder.Build({builder.Node("aten.sum.dim_IntList", {ValueRef{convolved}, Attr::Ints({1})})});
}

TEST(Segments, ACutterIsToldWhereFusionEnds) {
  EXPECT_NE(TemplateProposer().WhyNot(Chain()), std::nullopt);
  EXPECT_TRUE(TemplateProposer().Propose(Chain(), H200(), {}).empty());
}

TEST(Segments, WhatReadsElementsAgainBeginsASegment) {
  const Proposal best = Propose(Chain())[0];
  ASSERT_EQ(best.kernels.size(), 3u);
  EXPECT_EQ(best.kernels[0].family, "pool");
  EXPECT_EQ(best.kernels[1].family, "convolution");
  EXPECT_EQ(best.kernels[2].family, "row");
  EXPECT_NE(best.source.find("pooled = torch.empty((2, 3, 8, 8)"), std::string::npos) << best.source;
  EXPECT_NE(best.source.find("convolved = torch.empty((2, 4, 6, 6)"), std::string::npos);
}

TEST(Segments, ViewsBelongToTheirReader) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {6, 8});
  ValueId sum = builder.Node("aten.cumsum.default", {ValueRef{x}, 0}, "running");
  ValueId turned = builder.Node("aten.t.default", {ValueRef{sum}});
  const Fragment fragment = builder.Build({builder.Node("aten.cumsum.default", {ValueRef{turned}, 0}), sum});
  const Proposal best = Propose(fragment)[0];
  EXPECT_EQ(best.kernels.size(), 2u);
  EXPECT_EQ(best.source.find("torch.empty((8, 6)"), best.source.rfind("torch.empty((8, 6)"));   // the turned view is no buffer
}

TEST(Segments, AResultMayBeAViewOfWhatIsKept) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {2, 3, 16, 16});
  ValueId pooled = builder.Node("aten.max_pool2d.default", {ValueRef{x}, Attr::Ints({2, 2})}, "pooled");
  ValueId row = builder.Node("aten.select.int", {ValueRef{pooled}, 2, 1});
  const Fragment fragment = builder.Build({row, builder.Node("aten.cumsum.default", {ValueRef{pooled}, 3})});
  EXPECT_NE(Propose(fragment)[0].source.find("torch.as_strided(out, (2, 3, 8)"), std::string::npos);
}

TEST(Segments, AnOperatorThatIsNotCoveredAloneIsNamed) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {6, 8});
  ValueId random = builder.Node("aten.rand_like.default", {ValueRef{x}});
  auto reason = TemplateProposer(Reach::kProgram).WhyNot(builder.Build({builder.Node("aten.cumsum.default", {ValueRef{random}, 1})}));
  ASSERT_TRUE(reason.has_value());
  EXPECT_NE(reason->find("rand_like"), std::string::npos) << *reason;
}

}  // namespace
}  // namespace drtriton
