#include "report/graph_svg.h"

#include <gtest/gtest.h>

#include "report/test_report.h"

namespace drtriton {
namespace {

std::string Draw(const Composition& composition) { return GraphSvg(composition, GroupKernels(composition)); }

int Count(const std::string& text, const std::string& part) {
  int count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

// x -> a -> b -> c, and c also reads a.
Composition Skip() {
  Composition composition;
  Program& program = composition.program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {4});
  ValueId a = AddNode(program, "a", "aten.relu.default", {ValueRef{x}}, {4});
  ValueId b = AddNode(program, "b", "aten.silu.default", {ValueRef{a}}, {4});
  ValueId c = AddNode(program, "c", "aten.add.Tensor", {ValueRef{a}, ValueRef{b}}, {4});
  program.result = Tree{.value = c};
  composition.steps = {TorchStep{0, ""}, TorchStep{1, ""}, TorchStep{2, ""}};
  return composition;
}

TEST(GraphSvg, DrawsABoxForEveryStep) {
  std::string svg = Draw(SmallReport().composition);
  EXPECT_NE(svg.find("class=\"ours\""), std::string::npos);
  EXPECT_NE(svg.find("class=\"torch\""), std::string::npos);
  EXPECT_NE(svg.find("href=\"#f00_linear_relu\""), std::string::npos);
  EXPECT_NE(svg.find("1 · linear, relu"), std::string::npos);
}

TEST(GraphSvg, NeighboursAreJoinedByAnArrowAndOthersByALane) {
  std::string svg = Draw(Skip());
  EXPECT_EQ(Count(svg, "<path"), 5);  // inputs -> a -> b -> c -> results, a -> c
  EXPECT_EQ(Count(svg, "q0 4 4 4"), 1);
}

TEST(GraphSvg, LongEdgesThatOverlapHaveLanesOfTheirOwn) {
  Composition composition = Skip();
  ValueId b = composition.program.nodes[1].outputs[0];
  ValueId c = composition.program.nodes[2].outputs[0];
  ValueId d = AddNode(composition.program, "d", "aten.add.Tensor", {ValueRef{b}, ValueRef{c}}, {4});
  composition.program.result = Tree{.value = d};
  composition.steps.push_back(TorchStep{3, ""});
  std::string svg = Draw(composition);
  EXPECT_EQ(Count(svg, "H22q"), 1);  // a's lane, the inner one
  EXPECT_EQ(Count(svg, "H14q"), 1);  // b's
}

TEST(GraphSvg, ViewsThatFollowEachOtherShareABox) {
  Composition composition = Skip();
  composition.steps = {TorchStep{0, "view"}, TorchStep{1, "view"}, TorchStep{2, ""}};
  std::string svg = Draw(composition);
  EXPECT_EQ(Count(svg, "class=\"view\""), 1);
  EXPECT_NE(svg.find("relu, silu"), std::string::npos);
}

TEST(GraphSvg, ALongNameHasItsShapeOnALineOfItsOwn) {
  Composition composition = Skip();
  composition.program.nodes[0].op = "aten.scaled_dot_product_attention.default";
  EXPECT_NE(Draw(composition).find(">scaled_dot_product_attention</text>"), std::string::npos);
  EXPECT_NE(Draw(composition).find(">silu → f32[4]</text>"), std::string::npos);
}

TEST(GraphSvg, ManyStepsNeedNoMoreLanesThanThereAreOverlaps) {
  Composition composition;
  Program& program = composition.program;
  ValueId value = AddLeaf(program, ValueKind::kInput, "x", {4});
  for (int i = 0; i < 70; ++i) {
    ValueId skip = value;
    value = AddNode(program, "a" + std::to_string(i), "aten.relu.default", {ValueRef{value}}, {4});
    value = AddNode(program, "b" + std::to_string(i), "aten.add.Tensor", {ValueRef{skip}, ValueRef{value}}, {4});
    composition.steps.push_back(TorchStep{2 * i, ""});
    composition.steps.push_back(TorchStep{2 * i + 1, ""});
  }
  EXPECT_NE(Draw(composition).find("viewBox=\"0 0 324 "), std::string::npos);  // one lane
}

TEST(GraphSvg, AnEmptyCompositionIsAPictureOfItsEnds) { EXPECT_EQ(Count(Draw({}), "<rect"), 2); }

}  // namespace
}  // namespace drtriton
