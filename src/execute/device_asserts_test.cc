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
}

TEST(DeviceAssert, IndicesLieInsideTheirDimension) {
  const at::Tensor table = at::zeros({3, 5});
  const at::Tensor indices = at::full({2, 2}, 3, at::kLong);
  EXPECT_NE(DeviceAssert("aten.embedding.default", {table, indices}), std::nullopt);
  EXPECT_NE(DeviceAssert("aten.gather.default", {table, int64_t{0}, indices}), std::nullopt);
  EXPECT_EQ(DeviceAssert("aten.gather.default", {table, int64_t{-1}, indices}), std::nullopt);
  EXPECT_NE(DeviceAssert("aten.gather.default", {table, int64_t{1}, indices - 4}), std::nullopt);
}

TEST(DeviceAssert, OtherOperatorsAreNotLookedAt) {
  EXPECT_EQ(DeviceAssert("aten.relu.default", {at::full({2}, NAN)}), std::nullopt);
}

}  // namespace
}  // namespace drtriton
