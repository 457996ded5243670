#include "templates/lower.h"

#include <gtest/gtest.h>

#include "templates/test_fragments.h"

namespace drtriton {
namespace {

Lowered Expect(const Fragment& fragment, LeafReading reading = LeafReading::kShared) {
  auto result = Lower(fragment, reading);
  if (auto* reason = std::get_if<std::string>(&result)) {
    ADD_FAILURE() << *reason;
    return {};
  }
  return std::get<Lowered>(std::move(result));
}

std::string Refused(const Fragment& fragment, LeafReading reading = LeafReading::kShared) {
  auto result = Lower(fragment, reading);
  auto* reason = std::get_if<std::string>(&result);
  return reason == nullptr ? "" : *reason;
}

std::vector<std::string> Functions(const Lowered& lowered) {
  std::vector<std::string> names;
  for (const LoweredNode& node : lowered.nodes) {
    if (node.kind == LoweredKind::kPointwise || node.kind == LoweredKind::kReduce) names.push_back(node.function);
  }
  return names;
}

TEST(Lower, SoftmaxDecomposes) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4, 8});
  Fragment fragment = builder.Build({builder.Node("aten.softmax.int", {ValueRef{x}, -1})});
  EXPECT_EQ(Functions(Expect(fragment)), (std::vector<std::string>{"max_number", "sub", "exp", "sum", "div"}));
}

TEST(Lower, ABroadcastOperandDependsOnItsOwnAxesAlone) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4, 8}), b = builder.Input("b", {8});
  Fragment fragment = builder.Build({builder.Node("aten.add.Tensor", {ValueRef{x}, ValueRef{b}, 1})});
  Lowered lowered = Expect(fragment);
  ASSERT_EQ(lowered.axes.size(), 2u);
  const Access& bias = lowered.node(1).access;
  EXPECT_EQ(bias.axes, (AxisList{lowered.stores[0].access.axes[1]}));
  EXPECT_EQ(bias.strides, (std::vector<int64_t>{1}));
}

TEST(Lower, ATransposeIsAStrideOrder) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4, 8});
  ValueId t = builder.Node("aten.t.default", {ValueRef{x}});
  ValueId y = builder.Node("aten.clone.default", {ValueRef{t}, Attr::Variant(MemoryFormatAttr{"contiguous_format"})});
  Lowered lowered = Expect(builder.Build({y}));
  const Access &load = lowered.node(0).access, &store = lowered.stores[0].access;
  EXPECT_EQ(lowered.size(store.axes[0]), 8);
  EXPECT_EQ(store.strides, (std::vector<int64_t>{4, 1}));
  EXPECT_EQ(load.axes[0], store.axes[1]);
  EXPECT_EQ(load.strides, (std::vector<int64_t>{8, 1}));
}

TEST(Lower, ASliceOfAnInputIsALoadWithAnOffset) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4, 8});
  ValueId s = builder.Node("aten.slice.Tensor", {ValueRef{x}, 1, 3, 7, 2});
  Lowered lowered = Expect(builder.Build({builder.Node("aten.relu.default", {ValueRef{s}})}));
  EXPECT_EQ(lowered.node(0).access.offset, 3);
  EXPECT_EQ(lowered.node(0).access.strides, (std::vector<int64_t>{8, 2}));
}

TEST(Lower, AViewOfAComputedResultSharesItsBuffer) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4, 8});
  ValueId y = builder.Node("aten.exp.default", {ValueRef{x}});
  ValueId t = builder.Node("aten.t.default", {ValueRef{y}});
  Lowered lowered = Expect(builder.Build({y, t}));
  ASSERT_EQ(lowered.buffers.size(), 1u);
  ASSERT_EQ(lowered.results.size(), 2u);
  EXPECT_TRUE(lowered.results[0].whole);
  EXPECT_FALSE(lowered.results[1].whole);
  EXPECT_EQ(lowered.results[1].strides, (Shape{1, 8}));
}

TEST(Lower, XPlusItsTransposeNeedsSeparateLoads) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {8, 8});
  ValueId t = builder.Node("aten.t.default", {ValueRef{x}});
  Fragment fragment = builder.Build({builder.Node("aten.add.Tensor", {ValueRef{x}, ValueRef{t}, 1})});
  EXPECT_NE(Refused(fragment).find("two positions"), std::string::npos);
  EXPECT_EQ(Expect(fragment, LeafReading::kSeparate).OfKind(LoweredKind::kLoad).size(), 2u);
}

TEST(Lower, LinearIsOneProductOverFlattenedRows) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {2, 4, 16}), w = builder.Input("w", {8, 16}), b = builder.Input("b", {8});
  ValueId y = builder.Node("aten.linear.default", {ValueRef{x}, ValueRef{w}, ValueRef{b}});
  Lowered lowered = Expect(builder.Build({y}));
  std::vector<NodeId> products = lowered.OfKind(LoweredKind::kMatmul);
  ASSERT_EQ(products.size(), 1u);
  const LoweredNode& product = lowered.node(products[0]);
  EXPECT_TRUE(product.batch_axes.empty());
  EXPECT_EQ(lowered.Product(product.m_axes), 8);
  EXPECT_EQ(lowered.Product(product.n_axes), 8);
  EXPECT_EQ(lowered.Product(product.k_axes), 16);
}

// Slices, flips and pads stay part of the strides; only what no stride expresses becomes an operand of the load.
TEST(Lower, MovementBecomesTheAddressesOfLoads) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4, 10}), index = builder.Input("index", {4, 3}, DType::kInt64);
  ValueId flipped = builder.Node("aten.flip.default", {ValueRef{x}, AttrList{Attr(1)}});
  ValueId end = builder.Node("aten.slice.Tensor", {ValueRef{builder.Node("aten.exp.default", {ValueRef{flipped}})}, 1, 7, 10, 1});
  ValueId found = builder.Node("aten.gather.default", {ValueRef{x}, 1, ValueRef{index}});
  Lowered lowered = Expect(builder.Build({builder.Node("aten.add.Tensor", {ValueRef{end}, ValueRef{found}})}));
  std::vector<const LoweredNode*> of_x;
  for (NodeId id : lowered.OfKind(LoweredKind::kLoad)) {
    if (lowered.node(id).access.tensor.index == 0) of_x.push_back(&lowered.node(id));
  }
  ASSERT_EQ(of_x.size(), 2u);
  EXPECT_EQ(of_x[0]->access.offset, 2);
  EXPECT_EQ(of_x[0]->access.strides, (std::vector<int64_t>{10, -1}));
  EXPECT_TRUE(of_x[0]->operands.empty());
  EXPECT_EQ(of_x[1]->index_strides, (std::vector<int64_t>{1}));
  EXPECT_EQ(of_x[1]->access.strides, (std::vector<int64_t>{10}));
}

// What a lookup does not touch is shared: one maximum, one sum.
TEST(Lower, AGatherOfLogProbabilitiesSharesTheirReductions) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4, 10}), index = builder.Input("index", {4, 1}, DType::kInt64);
  ValueId logs = builder.Node("aten.log_softmax.int", {ValueRef{x}, 1});
  ValueId found = builder.Node("aten.gather.default", {ValueRef{logs}, 1, ValueRef{index}});
  EXPECT_EQ(Expect(builder.Build({found})).OfKind(LoweredKind::kReduce).size(), 2u);
}

// The maximum over rows of x, put on the diagonal of x: the row's index must not become that of the maximum's own rows.
TEST(Lower, PositionsAreNotBoundByReductionsThatTheyPass) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4, 4});
  ValueId largest = builder.Node("aten.amax.default", {ValueRef{x}, Attr::Ints({0})});
  Fragment fragment = builder.Build({builder.Node("aten.diagonal_scatter.default", {ValueRef{x}, ValueRef{largest}, 0, 1, 0})});
  EXPECT_NE(Refused(fragment).find("along what it reduces"), std::string::npos) << Refused(fragment);
}

TEST(Lower, PartsOfAPoolAreNotTakenForTheWhole) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4, 3, 10});
  ValueId pooled = builder.Node("aten.max_pool1d.default", {ValueRef{x}, Attr::Ints({2})});
  ValueId last = builder.Node("aten.narrow.default", {ValueRef{pooled}, 0, 3, 1});
  Fragment fragment = builder.Build({builder.Node("aten.exp.default", {ValueRef{last}})});
  EXPECT_NE(Refused(fragment).find("read again at other positions"), std::string::npos) << Refused(fragment);
}

TEST(Lower, NothingSummedIsZero) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4, 0});
  Lowered lowered = Expect(builder.Build({builder.Node("aten.sum.dim_IntList", {ValueRef{x}, Attr::Ints({1})})}));
  EXPECT_EQ(lowered.OfKind(LoweredKind::kConstant).size(), 1u);
  EXPECT_TRUE(lowered.OfKind(LoweredKind::kLoad).empty());
}

TEST(Lower, EveryUseIsALoadOfItsOwnWhereSharingFails) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {8, 8});
  Fragment fragment = builder.Build({builder.Node("aten.mm.default", {ValueRef{x}, ValueRef{x}})});
  EXPECT_TRUE(std::holds_alternative<std::string>(Lower(fragment, LeafReading::kSeparate)));
  auto each = Lower(fragment, LeafReading::kEach);
  ASSERT_TRUE(std::holds_alternative<Lowered>(each));
  EXPECT_EQ(std::get<Lowered>(each).OfKind(LoweredKind::kLoad).size(), 2u);
}

TEST(Lower, RefusalsNameWhatIsInTheWay) {
  struct Row {
    const char* what;
    Fragment fragment;
    const char* mentions;
  };
  FragmentBuilder sliced, empty, drawn;
  ValueId a = drawn.Input("a", {4, 8}), c = sliced.Input("c", {8, 8}), e = empty.Input("e", {0, 8});
  ValueId product = sliced.Node("aten.mm.default", {ValueRef{c}, ValueRef{c}});
  ValueId half = sliced.Node("aten.slice.Tensor", {ValueRef{product}, 1, 0, 4, 1});
  const Row rows[] = {
      {"unknown", drawn.Build({drawn.Node("aten.rand_like.default", {ValueRef{a}})}), "aten.rand_like.default"},
      {"slice", sliced.Build({sliced.Node("aten.relu.default", {ValueRef{half}})}), "read again at other positions"},
      {"empty", empty.Build({empty.Node("aten.relu.default", {ValueRef{e}})}), "nothing is computed"},
  };
  for (const Row& row : rows) {
    EXPECT_NE(Refused(row.fragment).find(row.mentions), std::string::npos) << row.what << ": " << Refused(row.fragment);
  }
}

}  // namespace
}  // namespace drtriton
