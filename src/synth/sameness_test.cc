#include "synth/sameness.h"

#include <gtest/gtest.h>

#include "graph/test_programs.h"

namespace drtriton {
namespace {

// One call on leaves of these shapes.
class Call {
 public:
  explicit Call(std::vector<Shape> shapes) {
    for (Shape& shape : shapes) operands_.push_back(AddLeaf(program_, ValueKind::kInput, "x", std::move(shape)));
  }
  const std::vector<ValueId>& operands() const { return operands_; }

  // The result's dependence; `strides` where it is a view.
  Dependence Read(const std::string& op, AttrList args, Shape shape, Shape strides = {}) {
    const ValueId result = AddNode(program_, "y", op, std::move(args), std::move(shape));
    if (!strides.empty()) program_.values[static_cast<size_t>(result)].strides = strides;
    const OperatorInfo* info = FindOperator(op);
    return DependenceOf(program_, program_.nodes.back(), 0, info->glue ? nullptr : RuleOf(*info, nullptr), operands_);
  }

 private:
  Program program_;
  std::vector<ValueId> operands_;
};

// The dimensions from the last below `rank` along which the result is the same.
DimSet SameOf(const Dependence& dependence, std::vector<DimSet> operands) {
  return dependence.SameOf(operands) & static_cast<DimSet>((1U << dependence.rank) - 1);
}

TEST(Sameness, UnitDimsCountFromTheLast) {
  EXPECT_EQ(UnitDims({4, 1, 3}), 0b11111010);
  EXPECT_EQ(UnitDims({}), kAllDims);
}

TEST(Sameness, BroadcastingJoinsWhatOperandsHave) {
  Call call({{4, 1, 1}, {5, 3}});
  const Dependence sum = call.Read("aten.add.Tensor", {ValueRef{0}, ValueRef{1}, 1}, {4, 5, 3});
  EXPECT_EQ(SameOf(sum, {UnitDims({4, 1, 1}), UnitDims({5, 3})}), 0b000);
  EXPECT_EQ(SameOf(sum, {UnitDims({4, 1, 1}), static_cast<DimSet>(UnitDims({5, 3}) | 0b001)}), 0b001);
}

TEST(Sameness, AReductionMovesWhatIsLeft) {
  Call call({{4, 5, 3}});
  const Dependence sum = call.Read("aten.sum.dim_IntList", {ValueRef{0}, Attr::Ints({1}), false, Attr()}, {4, 3});
  EXPECT_EQ(sum.grouped, 0b010);
  EXPECT_EQ(SameOf(sum, {0b100}), 0b10);
  EXPECT_EQ(SameOf(sum, {0b011}), 0b01);
}

TEST(Sameness, AViewFollowsStrides) {
  Call call({{4, 5, 3}});
  const Dependence turned =
      call.Read("aten.permute.default", {ValueRef{0}, Attr::Ints({2, 0, 1})}, {3, 4, 5}, {1, 15, 3});
  EXPECT_EQ(SameOf(turned, {0b001}), 0b100);
  EXPECT_EQ(SameOf(turned, {0b010}), 0b001);
}

TEST(Sameness, AMergedDimensionNeedsBoth) {
  Call call({{4, 5, 3}});
  const Dependence flat = call.Read("aten.view.default", {ValueRef{0}, Attr::Ints({20, 3})}, {20, 3});
  EXPECT_EQ(SameOf(flat, {0b110}), 0b10);
  EXPECT_EQ(SameOf(flat, {0b011}), 0b01);
}

TEST(Sameness, ASoftmaxIsUniformAlongItsDimension) {
  Call call({{4, 5}});
  const Dependence shares = call.Read("aten.softmax.int", {ValueRef{0}, 0, Attr()}, {4, 5});
  EXPECT_EQ(shares.grouped, 0b10);
  EXPECT_EQ(SameOf(shares, {0b10}), 0b10);
}

TEST(Sameness, AProductFollowsRowsAndColumns) {
  Call call({{2, 4, 5}, {5, 3}});
  const Dependence product = call.Read("aten.matmul.default", {ValueRef{0}, ValueRef{1}}, {2, 4, 3});
  EXPECT_EQ(SameOf(product, {0b010, UnitDims({5, 3})}), 0b010);
  EXPECT_EQ(SameOf(product, {0b100, UnitDims({5, 3})}), 0b100);
  EXPECT_EQ(SameOf(product, {0b000, static_cast<DimSet>(UnitDims({5, 3}) | 0b001)}), 0b001);
}

TEST(Sameness, AGroupNormOfOneChannelTakesItsPlaces) {
  Call call({{2, 3, 5, 7}});
  const AttrList args = {ValueRef{0}, 3, Attr(), Attr(), 1e-5, true};
  EXPECT_EQ(call.Read("aten.group_norm.default", args, {2, 3, 5, 7}).grouped, 0b0011);
}

}  // namespace
}  // namespace drtriton
