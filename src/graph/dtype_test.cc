#include "graph/dtype.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace drtriton {
namespace {

TEST(DTypeTest, NamesRoundTrip) {
  for (int i = 0; i < kDTypeCount; ++i) {
    const DType dtype = static_cast<DType>(i);
    EXPECT_EQ(DTypeFromName(Name(dtype)), dtype);
  }
  EXPECT_EQ(DTypeFromName("float8"), std::nullopt);
}

TEST(DTypeTest, FactsAboutCommonTypes) {
  EXPECT_EQ(ShortName(DType::kBFloat16), "bf16");
  EXPECT_EQ(TritonName(DType::kBool), "tl.int1");
  EXPECT_EQ(ElementBytes(DType::kBool), 1);
  EXPECT_EQ(ElementBytes(DType::kComplex64), 8);
  EXPECT_EQ(MachineEpsilon(DType::kFloat32), 0x1p-23);
  EXPECT_EQ(MachineEpsilon(DType::kInt32), 0);
  EXPECT_TRUE(IsIntegral(DType::kBool, true));
  EXPECT_FALSE(IsIntegral(DType::kBool, false));
  EXPECT_FALSE(IsFloating(DType::kComplex64));
  EXPECT_THROW(TritonName(DType::kComplex64), InternalError);
}

TEST(DTypeTest, PromotionFollowsPyTorch) {
  struct Case {
    DType a, b, result;
  };
  const Case cases[] = {
      {DType::kBool, DType::kBool, DType::kBool},
      {DType::kBool, DType::kUInt8, DType::kUInt8},
      {DType::kUInt8, DType::kInt8, DType::kInt16},
      {DType::kUInt8, DType::kInt32, DType::kInt32},
      {DType::kInt64, DType::kFloat16, DType::kFloat16},
      {DType::kFloat16, DType::kBFloat16, DType::kFloat32},
      {DType::kBFloat16, DType::kFloat32, DType::kFloat32},
      {DType::kFloat32, DType::kFloat64, DType::kFloat64},
      {DType::kComplex64, DType::kFloat32, DType::kComplex64},
      {DType::kComplex64, DType::kFloat64, DType::kComplex128},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Promote(c.a, c.b), c.result) << Name(c.a) << " with " << Name(c.b);
    EXPECT_EQ(Promote(c.b, c.a), c.result) << Name(c.b) << " with " << Name(c.a);
  }
}

}  // namespace
}  // namespace drtriton
