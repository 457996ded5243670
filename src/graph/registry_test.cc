#include "graph/registry.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "graph/test_programs.h"

namespace drtriton {
namespace {

// A Program with the inputs a, b, ... of these shapes and one node over them.
struct OneNode {
  Program program;
  Node node;

  OneNode(const std::string& op, const std::vector<Shape>& inputs, AttrList rest, DType dtype = DType::kFloat32) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      node.args.emplace_back(
          ValueRef{AddLeaf(program, ValueKind::kInput, std::string(1, static_cast<char>('a' + i)), inputs[i], dtype)});
    }
    node.op = op;
    for (Attr& attr : rest) node.args.push_back(std::move(attr));
  }
  std::vector<InferredValue> Infer() const { return InferOutputs(program, node); }
  Node& WithOutput() {
    const InferredValue result = Infer()[0];
    const ValueId id = AddNode(program, "result", node.op, node.args, result.shape, result.dtype);
    node.outputs = {id};
    return node;
  }
};

TEST(RegistryTest, TableIsLargeAndNamesAreUnique) {
  std::set<std::string> names;
  for (const OperatorInfo& info : AllOperators()) EXPECT_TRUE(names.insert(info.name).second) << info.name;
  EXPECT_GE(names.size(), 250u);
}

TEST(RegistryTest, EveryKindHasAName) {
  for (int i = 0; i < kOpKindCount; ++i) EXPECT_FALSE(Name(static_cast<OpKind>(i)).empty());
}

TEST(RegistryTest, UnknownOperatorIsNotFound) {
  EXPECT_EQ(FindOperator("aten.fft_fft.default"), nullptr);
  EXPECT_FALSE(IsView("aten.fft_fft.default"));
  EXPECT_FALSE(IsGlue("aten.fft_fft.default"));
}

TEST(RegistryTest, ArgumentsOfUnknownOperatorsComeFromTheirSchema) {
  Node node{.op = "ns.f.default", .args = {3}, .schema = "ns::f(int n, *, float scale=0.5, str mode=\"a\") -> Tensor"};
  EXPECT_EQ(Argument(node, "n").AsInt(), 3);
  EXPECT_EQ(Argument(node, "scale").AsDouble(), 0.5);
  EXPECT_EQ(Argument(node, "mode").AsString(), "a");
  EXPECT_THROW(Argument(node, "missing"), InternalError);
  node.op = "ns.g.default";
  node.schema = "";
  EXPECT_THROW(SchemaOf(node), UserError);
}

TEST(RegistryTest, ErrorsNameTheOperatorAndWhatDoesNotFit) {
  struct Case {
    OneNode call;
    const char* mention;
  };
  const Case cases[] = {
      {OneNode("aten.mm.default", {{2, 3}, {4, 5}}, {}), "aten.mm.default: inner sizes differ, 3 and 4"},
      {OneNode("aten.add.Tensor", {{2, 3}, {4}}, {}), "do not broadcast"},
      {OneNode("aten.softmax.int", {{2, 3}}, {2}), "dimension 2 is out of range"},
      {OneNode("aten.view.default", {{2, 3}}, {Attr::Ints({4, -1})}), "do not hold 6 elements"},
      {OneNode("aten.relu.default", {}, {}), "argument 'self' is missing"},
      {OneNode("aten.relu.default", {}, {"x"}), "argument 'self' is of the wrong type"},
      {OneNode("aten.nothing.default", {{2}}, {}), "has no shape rule"},
  };
  for (const Case& c : cases) {
    try {
      c.call.Infer();
      ADD_FAILURE() << "no error: " << c.mention;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(c.mention), std::string::npos) << error.what();
    }
  }
}

TEST(RegistryTest, FlopsOfProductsCountTwoAMultiplyAdd) {
  OneNode linear("aten.linear.default", {{8, 16, 32}, {64, 32}}, {});
  EXPECT_EQ(NodeFlops(linear.program, linear.WithOutput()), 2.0 * 8 * 16 * 32 * 64);
  OneNode conv("aten.conv2d.default", {{2, 4, 9, 9}, {6, 2, 3, 3}}, {Attr(), 1, 0, 1, 2});
  EXPECT_EQ(NodeFlops(conv.program, conv.WithOutput()), 2.0 * (2 * 6 * 7 * 7) * (2 * 3 * 3));
  OneNode einsum("aten.einsum.default", {}, {});
  const ValueId a = AddLeaf(einsum.program, ValueKind::kInput, "a", {5, 6, 7});
  const ValueId b = AddLeaf(einsum.program, ValueKind::kInput, "b", {5, 7, 8});
  einsum.node.args = {"bij,bjk->bik", AttrList{ValueRef{a}, ValueRef{b}}};
  EXPECT_EQ(einsum.Infer()[0].shape, (Shape{5, 6, 8}));
  EXPECT_EQ(NodeFlops(einsum.program, einsum.WithOutput()), 2.0 * 5 * 6 * 7 * 8);
}

TEST(RegistryTest, BytesCountReadsAndWrites) {
  OneNode add("aten.add.Tensor", {{4, 8}, {8}}, {});
  EXPECT_EQ(NodeBytes(add.program, add.WithOutput()), 4 * (32 + 8 + 32));
  OneNode view("aten.view.default", {{4, 8}}, {Attr::Ints({32})});
  EXPECT_EQ(NodeBytes(view.program, view.WithOutput()), 0);
  OneNode twice("aten.mul.Tensor", {{4, 8}}, {ValueRef{0}});
  EXPECT_EQ(NodeBytes(twice.program, twice.WithOutput()), 4 * (32 + 32));
}

TEST(RegistryTest, LookupsReadWhatTheyFetch) {
  OneNode embedding("aten.embedding.default", {{1000, 16}}, {});
  const ValueId indices = AddLeaf(embedding.program, ValueKind::kInput, "i", {5}, DType::kInt64);
  embedding.node.args.emplace_back(ValueRef{indices});
  EXPECT_EQ(NodeBytes(embedding.program, embedding.WithOutput()), 4 * 5 * 16 + 8 * 5 + 4 * 5 * 16);
}

TEST(RegistryTest, ViewsAreStridedWindowsOnTheirInput) {
  OneNode slice("aten.slice.Tensor", {{4, 10}}, {1, 2, 9, 3});
  const StridedView part = ViewOf(slice.program, slice.WithOutput()).value();
  EXPECT_EQ(part.shape, (Shape{4, 3}));
  EXPECT_EQ(part.strides, (Shape{10, 3}));
  EXPECT_EQ(part.offset, 2);
  OneNode split("aten.split.Tensor", {{4, 10}}, {4, 1});
  EXPECT_EQ(ViewOf(split.program, split.node, 2).value().offset, 8);
  EXPECT_EQ(ViewOf(split.program, split.node, 2).value().shape, (Shape{4, 2}));
  EXPECT_FALSE(ViewOf(split.program, split.node, 3).has_value());
}

TEST(RegistryTest, ReshapeThatNeedsACopyIsNoView) {
  OneNode reshape("aten.reshape.default", {{4, 10}}, {Attr::Ints({40})});
  reshape.program.value(0).strides = {1, 4};
  EXPECT_TRUE(IsView("aten.reshape.default"));
  EXPECT_FALSE(ViewOf(reshape.program, reshape.node).has_value());
  EXPECT_EQ(reshape.Infer()[0].strides, (Shape{1}));
}

TEST(RegistryTest, DropoutIsRandomInTrainingOnly) {
  OneNode training("aten.dropout.default", {{4}}, {0.5, true});
  OneNode evaluation("aten.dropout.default", {{4}}, {0.5, false});
  EXPECT_TRUE(IsRandom(training.node));
  EXPECT_FALSE(ViewOf(training.program, training.node).has_value());
  EXPECT_FALSE(IsRandom(evaluation.node));
  EXPECT_TRUE(ViewOf(evaluation.program, evaluation.node).has_value());
  EXPECT_TRUE(IsRandom(Node{.op = "aten.rand.default", .args = {Attr::Ints({2})}}));
  EXPECT_TRUE(
      IsRandom(Node{.op = "ns.noise.default", .schema = "ns::noise(Tensor x, Generator? generator=None) -> Tensor"}));
}

TEST(RegistryTest, NumbersAreWeaklyTyped) {
  EXPECT_EQ(OneNode("aten.mul.Tensor", {{4}}, {2.5}, DType::kBFloat16).Infer()[0].dtype, DType::kBFloat16);
  EXPECT_EQ(OneNode("aten.mul.Tensor", {{4}}, {2.5}, DType::kInt32).Infer()[0].dtype, DType::kFloat32);
  EXPECT_EQ(OneNode("aten.add.Tensor", {{4}}, {2}, DType::kInt32).Infer()[0].dtype, DType::kInt32);
}

}  // namespace
}  // namespace drtriton
