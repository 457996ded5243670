#include "search/regions.h"

#include <gtest/gtest.h>

#include "search/split_views.h"
#include "search/test_search.h"

namespace drtriton {
namespace {

const std::set<std::string> kUsual = {"aten.linear.default", "aten.silu.default", "aten.mul.Tensor"};

std::vector<std::string> Labels(const std::vector<Option>& options) {
  std::vector<std::string> labels;
  for (const Option& option : options) labels.push_back(option.label);
  return labels;
}

TEST(RegionOptions, AFusedProductMayKeepTheVendorsProduct) {
  Program program = SplitViews(GatedPerceptron());
  FakeProposer proposer(kUsual, 2);
  std::vector<Option> options = RegionOptions(program, {{0, 1, 2, 3}, true, ""}, {&proposer}, /*strict=*/false);
  EXPECT_EQ(Labels(options),
            (std::vector<std::string>{"fused", "vendor product, fused rest", "one product a kernel", "PyTorch"}));
  ASSERT_EQ(options[1].pieces.size(), 3u);
  EXPECT_EQ(options[1].pieces[2].nodes, (std::vector<int32_t>{1, 3}));
  EXPECT_TRUE(options[1].pieces[2].covered);
  EXPECT_FALSE(options[1].pieces[0].covered);
  ASSERT_EQ(options[2].pieces.size(), 2u);
  EXPECT_EQ(options[2].pieces[0].nodes, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(options[2].pieces[1].nodes, (std::vector<int32_t>{2, 3}));
}

TEST(RegionOptions, WhatArrangesMayStandApartFromWhatReduces) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {64, 32});
  ValueId product = AddLinear(program, "w1", x, 128);
  ValueId both = AddNode(program, "cat", "aten.cat.default", {AttrList{ValueRef{product}, ValueRef{x}}, 1}, {64, 160}, DType::kFloat32,
                         "aten::cat(Tensor[] tensors, int dim=0) -> Tensor");
  SetResult(program, {AddUnary(program, "silu", "aten.silu.default", both)});
  FakeProposer proposer({"aten.linear.default", "aten.silu.default", "aten.cat.default"});
  std::vector<Option> options = RegionOptions(SplitViews(program), {{0, 1, 2}, true, ""}, {&proposer}, /*strict=*/true);
  const auto apart = std::find_if(options.begin(), options.end(), [](const Option& o) { return o.label == "data movement apart"; });
  ASSERT_NE(apart, options.end());
  ASSERT_EQ(apart->pieces.size(), 2u);
  EXPECT_EQ(apart->pieces[1].nodes, (std::vector<int32_t>{1, 2}));
}

TEST(RegionOptions, NoWayIsListedTwice) {
  Program program = SplitViews(GatedPerceptron());
  FakeProposer proposer(kUsual, 1);
  std::vector<Option> options = RegionOptions(program, {{0, 1}, true, ""}, {&proposer}, /*strict=*/false);
  EXPECT_EQ(Labels(options), (std::vector<std::string>{"fused", "vendor product, fused rest", "PyTorch"}));
}

TEST(RegionOptions, StrictNeverUsesTorchForWhatIsCovered) {
  Program program = SplitViews(GatedPerceptron());
  FakeProposer proposer(kUsual, 2);
  for (const Option& option : RegionOptions(program, {{0, 1, 2, 3}, true, ""}, {&proposer}, /*strict=*/true)) {
    for (const Piece& piece : option.pieces) EXPECT_TRUE(piece.covered) << option.label;
  }
}

TEST(RegionOptions, WhatNobodyCoversIsPyTorchs) {
  Program program = SplitViews(GatedPerceptron());
  FakeProposer proposer(kUsual);
  std::vector<Option> options = RegionOptions(program, {{4}, false, "no template"}, {&proposer}, false);
  EXPECT_EQ(Labels(options), (std::vector<std::string>{"PyTorch"}));
  EXPECT_EQ(options[0].pieces[0].why_not, "no template");
}

}  // namespace
}  // namespace drtriton
