#include "report/graph_svg.h"

#include <gtest/gtest.h>

#include "report/test_report.h"

namespace drtriton {
namespace {

TEST(GraphSvg, DrawsABoxForEveryStep) {
  std::string svg = GraphSvg(SmallReport().composition);
  EXPECT_NE(svg.find("class=\"ours\""), std::string::npos);
  EXPECT_NE(svg.find("class=\"torch\""), std::string::npos);
  EXPECT_NE(svg.find("href=\"#f00_linear_relu\""), std::string::npos);
  EXPECT_NE(svg.find("linear, relu"), std::string::npos);
}

TEST(GraphSvg, DrawsEdgesBetweenSteps) {
  Composition composition;
  ValueId x = AddLeaf(composition.program, ValueKind::kInput, "x", {4});
  ValueId a = AddNode(composition.program, "a", "aten.relu.default", {ValueRef{x}}, {4});
  AddNode(composition.program, "b", "aten.silu.default", {ValueRef{a}}, {4});
  composition.steps = {TorchStep{0, ""}, TorchStep{1, ""}};
  EXPECT_NE(GraphSvg(composition).find("<path"), std::string::npos);
}

TEST(GraphSvg, AnEmptyCompositionIsAnEmptyPicture) { EXPECT_NE(GraphSvg({}).find("<svg"), std::string::npos); }

}  // namespace
}  // namespace drtriton
