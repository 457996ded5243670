#include "search/cut.h"

#include <gtest/gtest.h>

#include "search/split_views.h"
#include "search/test_search.h"

namespace drtriton {
namespace {

const std::set<std::string> kUsual = {"aten.linear.default", "aten.silu.default", "aten.mul.Tensor", "aten.relu.default"};

// The regions as text: "linear silu | linear", with a star before what no proposer covers.
std::string CutText(const Program& program, const Proposer& proposer, CutOptions options = {}) {
  Program split = SplitViews(program);
  std::string text;
  for (const Region& region : Cut(split, {&proposer}, options)) {
    if (!text.empty()) text += " | ";
    if (!region.covered) text += "*";
    for (int32_t node : region.nodes) {
      if (text.size() && text.back() != ' ' && text.back() != '*') text += " ";
      text += split.value(split.nodes[node].outputs[0]).name;
    }
  }
  return text;
}

TEST(Cut, FusesAnActivationIntoItsProducer) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {64, 32});
  SetResult(program, {AddUnary(program, "relu", "aten.relu.default", AddLinear(program, "w", x, 16))});
  EXPECT_EQ(CutText(program, FakeProposer(kUsual)), "w relu");
}

TEST(Cut, TwoProductsMeetInTheirGateWhereTheProposerCan) {
  EXPECT_EQ(CutText(GatedPerceptron(), FakeProposer(kUsual, 2)), "w1 silu w3 mul | w2");
}

TEST(Cut, TwoProductsStayApartWhereItCannot) {
  EXPECT_EQ(CutText(GatedPerceptron(), FakeProposer(kUsual, 1)), "w1 silu | w3 mul | w2");
}

// Writes any chain of products, a kernel each, which get what was computed before them through memory.
class ChainProposer : public FakeProposer {
 public:
  ChainProposer() : FakeProposer(kUsual) {}
  std::optional<std::string> WhyNot(const Fragment&) const override { return std::nullopt; }
  int64_t BytesBetweenKernels(const Fragment& fragment) const override {
    int64_t bytes = 0;
    for (const Node& node : fragment.program.nodes) {
      const Value& read = fragment.program.value(node.Inputs()[0]);
      if (node.op == "aten.linear.default" && read.kind == ValueKind::kNode) bytes += 2 * read.Bytes();
    }
    return bytes;
  }
};

TEST(Cut, WhatPassesThroughMemoryAnywayIsNotFused) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {64, 32});
  ValueId hidden = AddUnary(program, "silu", "aten.silu.default", AddLinear(program, "w1", x, 128));
  SetResult(program, {AddLinear(program, "w2", hidden, 32)});
  EXPECT_EQ(CutText(program, ChainProposer()), "w1 silu | w2");
}

TEST(Cut, WithoutFusionEveryOperatorStandsAlone) {
  EXPECT_EQ(CutText(GatedPerceptron(), FakeProposer(kUsual, 2), {.fuse = false}), "w1 | silu | w3 | mul | w2");
}

TEST(Cut, WhatIsNotCoveredStaysAlone) {
  EXPECT_EQ(CutText(GatedPerceptron(), FakeProposer({"aten.silu.default", "aten.mul.Tensor"})),
            "*w1 | *w3 | silu mul | *w2");
}

TEST(Cut, KeptNodesGoToTorch) {
  CutOptions options{.keep_in_torch = [](int32_t node) { return node == 0; }};
  EXPECT_EQ(CutText(GatedPerceptron(), FakeProposer(kUsual, 2), options), "*w1 | silu w3 mul | w2");
}

TEST(Cut, AViewJoinsItsReader) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {4, 8});
  SetResult(program, {AddUnary(program, "relu", "aten.relu.default", AddTranspose(program, "view", x))});
  EXPECT_EQ(CutText(program, FakeProposer(kUsual)), "view relu");
}

TEST(Cut, AViewOfAResultJoinsItsProducer) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {4, 8});
  SetResult(program, {AddTranspose(program, "view", AddUnary(program, "relu", "aten.relu.default", x))});
  EXPECT_EQ(CutText(program, FakeProposer(kUsual)), "relu view");
}

TEST(Cut, AViewOfAnInputAloneStaysATorchView) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {4, 8});
  SetResult(program, {AddTranspose(program, "view", x)});
  EXPECT_EQ(CutText(program, FakeProposer(kUsual)), "*view");
}

TEST(Cut, NeverMakesACycle) {
  // relu -> linear (not covered) -> mul, and relu -> mul directly: relu and mul must not become one region.
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {32, 32});
  ValueId relu = AddUnary(program, "relu", "aten.relu.default", x);
  ValueId linear = AddLinear(program, "w", relu, 32);
  SetResult(program, {AddMul(program, "mul", relu, linear)});
  EXPECT_EQ(CutText(program, FakeProposer({"aten.relu.default", "aten.mul.Tensor"})), "relu | *w | mul");
}

TEST(Cut, ReadersOfOneValueShareItsLoad) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {64, 32});
  SetResult(program, {AddUnary(program, "relu", "aten.relu.default", x), AddUnary(program, "silu", "aten.silu.default", x)});
  EXPECT_EQ(CutText(program, FakeProposer(kUsual)), "relu silu");
  EXPECT_EQ(CutText(program, FakeProposer(kUsual), {.sideways = false}), "relu | silu");
}

TEST(Cut, AThousandNodesTakeNoTime) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {64, 32});
  for (int layer = 0; layer < 340; ++layer) {
    std::string n = std::to_string(layer);
    ValueId y = AddUnary(program, "relu" + n, "aten.relu.default", AddLinear(program, "w" + n, x, 32));
    x = AddMul(program, "mul" + n, y, x);
  }
  SetResult(program, {x});
  Program split = SplitViews(program);
  FakeProposer proposer(kUsual);
  EXPECT_EQ(Cut(split, {&proposer}, {}).size(), 340u);
}

TEST(FragmentKey, IgnoresNamesOnly) {
  Program program = GatedPerceptron();
  Fragment a = ExtractFragment(program, {0}, "a");
  Fragment b = ExtractFragment(program, {2}, "b");
  Fragment c = ExtractFragment(program, {4}, "c");
  EXPECT_EQ(FragmentKey(a), FragmentKey(b));
  EXPECT_NE(FragmentKey(a), FragmentKey(c));
}

TEST(FragmentName, NamesTheOperators) {
  EXPECT_EQ(FragmentName(GatedPerceptron(), {0, 1}, 3), "f03_linear_silu");
}

}  // namespace
}  // namespace drtriton
