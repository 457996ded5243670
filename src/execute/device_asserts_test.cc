#include "execute/device_asserts.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace drtriton {
namespace {

TEST(DeviceAssert, ProbabilitiesLieBetweenZeroAndOne) {
  const at::Tensor target = at::zeros({2});
  EXPECT_EQ(DeviceAssert("aten.binary_cross_entropy.default", {at::full({2}, 0.5), target}), std::nullopt);
  EXPECT_NE(DeviceAssert("aten.binary_cross_entropy.default", {at::full({2}, 1.5), target}), std::nullopt);
  EXPECT_NE(DeviceAssert("aten.binary_cross_entropy.default", {at::full({2}, NAN), target}), std::nullopt);
  EXPECT_NE(DeviceAssert("aten.binary_cross_entropy.default", {at::full({2}, 0.5), target + 1.25}), std::nullopt);
}

TEST(DeviceAssert, IndicesLieInsideTheirDimension) {
  const at::Tensor table = at::zeros({3, 5});
  const at::Tensor indices = at::full({2, 2}, 3, at::kLong);
  EXPECT_NE(DeviceAssert("aten.embedding.default", {table, indices}), std::nullopt);
  EXPECT_NE(DeviceAssert("aten.gather.default", {table, int64_t{0}, indices}), std::nullopt);
  EXPECT_EQ(DeviceAssert("aten.gather.default", {table, int64_t{-1}, indices}), std::nullopt);
  EXPECT_NE(DeviceAssert("aten.gather.default", {table, int64_t{1}, indices - 4}), std::nullopt);
}

TEST(DeviceAssert, ScatteredIndicesToo) {
  const at::Tensor self = at::zeros({3, 5});
  const at::Tensor index = at::full({3, 1}, 4, at::kLong);
  for (const char* op : {"aten.scatter.src", "aten.scatter_add.default", "aten.scatter_reduce.two", "aten.index_add.default"}) {
    EXPECT_EQ(DeviceAssert(op, {self, int64_t{1}, index, self}), std::nullopt) << op;
    EXPECT_NE(DeviceAssert(op, {self, int64_t{0}, index, self}), std::nullopt) << op;
    EXPECT_NE(DeviceAssert(op, {self, int64_t{1}, index - 5, self}), std::nullopt) << op;
  }
  EXPECT_EQ(DeviceAssert("aten.index_fill.int_Scalar", {self, int64_t{1}, index - 5, 1.0}), std::nullopt);
}

TEST(DeviceAssert, ListsOfIndicesCountFromTheEndToo) {
  const at::Tensor self = at::zeros({3, 5});
  const at::Tensor last = at::full({2}, 4, at::kLong);
  auto list = [](std::vector<std::optional<at::Tensor>> tensors) { return c10::IValue(c10::List<std::optional<at::Tensor>>(tensors)); };
  EXPECT_EQ(DeviceAssert("aten.index.Tensor", {self, list({std::nullopt, last})}), std::nullopt);
  EXPECT_EQ(DeviceAssert("aten.index.Tensor", {self, list({std::nullopt, last - 9})}), std::nullopt);
  EXPECT_NE(DeviceAssert("aten.index.Tensor", {self, list({last})}), std::nullopt);
  EXPECT_NE(DeviceAssert("aten.index_put.default", {self, list({std::nullopt, last + 1}), self, false}), std::nullopt);
  EXPECT_EQ(DeviceAssert("aten.index.Tensor", {self, list({at::ones({3, 5}, at::kBool)})}), std::nullopt);
}

TEST(DeviceAssert, TargetsAreClassesOrIgnored) {
  const at::Tensor input = at::zeros({2, 3});
  auto loss = [&](const at::Tensor& target) {
    return DeviceAssert("aten.cross_entropy_loss.default", {input, target, c10::IValue(), int64_t{1}, int64_t{-100}, 0.0});
  };
  EXPECT_EQ(loss(at::full({2}, 2, at::kLong)), std::nullopt);
  EXPECT_EQ(loss(at::full({2}, -100, at::kLong)), std::nullopt);
  EXPECT_NE(loss(at::full({2}, 3, at::kLong)), std::nullopt);
  EXPECT_EQ(loss(at::full({2, 3}, 7.0)), std::nullopt);
}

TEST(DeviceAssert, AMaskSelectsNoMoreThanThereIs) {
  const at::Tensor self = at::zeros({2, 3});
  EXPECT_EQ(DeviceAssert("aten.masked_scatter.default", {self, at::ones({3}, at::kBool), at::zeros({6})}), std::nullopt);
  EXPECT_NE(DeviceAssert("aten.masked_scatter.default", {self, at::ones({3}, at::kBool), at::zeros({5})}), std::nullopt);
}

TEST(DeviceAssert, OtherOperatorsAreNotLookedAt) {
  EXPECT_EQ(DeviceAssert("aten.relu.default", {at::full({2}, NAN)}), std::nullopt);
}

}  // namespace
}  // namespace drtriton
