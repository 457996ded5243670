#include "templates/shrink.h"

#include <gtest/gtest.h>

#include "templates/test_fragments.h"

namespace drtriton {
namespace {

const Shape& ShapeOfFirst(const Fragment& fragment) { return fragment.program.value(fragment.Inputs()[0]).shape; }

TEST(Shrink, ASmallFragmentStaysAsItIs) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4, 8});
  Fragment fragment = builder.Build({builder.Node("aten.relu.default", {ValueRef{x}})});
  EXPECT_EQ(ShapeOfFirst(*Shrink(fragment, 1000)), (Shape{4, 8}));
}

TEST(Shrink, KeepsWhetherSizesDivide) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {4096, 1001});
  Fragment fragment = builder.Build({builder.Node("aten.softmax.int", {ValueRef{x}, -1})});
  auto small = Shrink(fragment, 10000);
  ASSERT_TRUE(small.has_value());
  const Shape& shape = ShapeOfFirst(*small);
  EXPECT_EQ(shape[0] % 16, 0);
  EXPECT_EQ(shape[1] % 2, 1);
  EXPECT_LE(ElementCount(shape), 10000);
  EXPECT_EQ(small->program.value(small->Results()[0]).shape, shape);
}

TEST(Shrink, MapsTheSizesOfAViewByItsFactors) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {64, 512, 768});
  ValueId heads = builder.Node("aten.view.default", {ValueRef{x}, Attr::Ints({64, 512, 12, 64})});
  Fragment fragment = builder.Build({builder.Node("aten.relu.default", {ValueRef{heads}})});
  auto small = Shrink(fragment, 100000);
  ASSERT_TRUE(small.has_value());
  const Shape& whole = ShapeOfFirst(*small);
  const Shape& parts = small->program.value(small->Results()[0]).shape;
  EXPECT_EQ(whole[2], parts[2] * parts[3]);
  EXPECT_EQ(parts[2], 12);
}

TEST(Shrink, MapsNormalizedShapesAndGroups) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {32, 256, 64, 64}), w = builder.Input("w", {256}), b = builder.Input("b", {256});
  ValueId y = builder.Node("aten.group_norm.default", {ValueRef{x}, 32, ValueRef{w}, ValueRef{b}, 1e-5});
  auto small = Shrink(builder.Build({y}), 50000);
  ASSERT_TRUE(small.has_value());
  EXPECT_EQ(ShapeOfFirst(*small)[1] % small->program.nodes[0].args[1].AsInt(), 0);
}

TEST(Shrink, TheHalvesOfAnInputStayHalves) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {1024, 2048});
  ValueId a = builder.Node("aten.slice.Tensor", {ValueRef{x}, 1, 0, 1024, 1});
  ValueId b = builder.Node("aten.slice.Tensor", {ValueRef{x}, 1, 1024, INT64_MAX, 1});
  auto small = Shrink(builder.Build({builder.Node("aten.mul.Tensor", {ValueRef{a}, ValueRef{b}})}), 20000);
  ASSERT_TRUE(small.has_value());
  EXPECT_EQ(small->program.value(small->Results()[0]).shape[1] * 2, ShapeOfFirst(*small)[1]);
}

TEST(Shrink, AStridedConvolutionStillMeetsItsResidual) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {32, 64, 112, 112}), w = builder.Input("w", {128, 64, 3, 3}), r = builder.Input("r", {32, 128, 56, 56});
  Attr two = Attr::Ints({2, 2}), one = Attr::Ints({1, 1});
  ValueId y = builder.Node("aten.conv2d.default", {ValueRef{x}, ValueRef{w}, Attr(), two, one, one, 1});
  auto small = Shrink(builder.Build({builder.Node("aten.add.Tensor", {ValueRef{y}, ValueRef{r}, 1})}), 20000);
  ASSERT_TRUE(small.has_value());
  const Shape& shape = ShapeOfFirst(*small);
  EXPECT_EQ(small->program.value(small->Inputs()[1]).shape[2], 3);
  EXPECT_EQ(small->program.value(small->Inputs()[2]).shape[2] * 2, shape[2]);
}

TEST(Shrink, ADepthwiseConvolutionStaysOne) {
  FragmentBuilder builder;
  ValueId x = builder.Input("x", {32, 144, 56, 56}), w = builder.Input("w", {144, 1, 3, 3});
  Attr one = Attr::Ints({1, 1});
  ValueId y = builder.Node("aten.conv2d.default", {ValueRef{x}, ValueRef{w}, Attr(), one, one, one, 144});
  auto small = Shrink(builder.Build({y}), 20000);
  ASSERT_TRUE(small.has_value());
  EXPECT_EQ(small->program.nodes[0].args[6].AsInt(), ShapeOfFirst(*small)[1]);
}

}  // namespace
}  // namespace drtriton
