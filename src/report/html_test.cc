#include "report/html.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

TEST(Escape, MakesMarkupHarmless) { EXPECT_EQ(Escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"); }

TEST(Milliseconds, PicksTheUnit) {
  EXPECT_EQ(Milliseconds(1.25), "1.25 ms");
  EXPECT_EQ(Milliseconds(0.0831), "83.1 µs");
  EXPECT_EQ(Milliseconds(0.0000005), "0.50 ns");
  EXPECT_EQ(Milliseconds(123456), "123 s");
}

TEST(Rates, PickTheUnit) {
  EXPECT_EQ(ByteRate(4.3e6), "4.30 TB/s");
  EXPECT_EQ(FlopRate(7.9e8), "790 TFLOP/s");
  EXPECT_EQ(Bytes(1500), "1.50 kB");
}

TEST(MillisecondsWithin, HasOneUnit) {
  EXPECT_EQ(MillisecondsWithin(0.067366, 0.000128), "67.37 ± 0.13 µs");
  EXPECT_EQ(MillisecondsWithin(1.7444, 0.00594), "1.74 ± 0.01 ms");
  EXPECT_EQ(MillisecondsWithin(0.5, std::nullopt), "500 µs");
}

TEST(Clip, CountsCharactersNotBytes) {
  EXPECT_EQ(Clip("4×4", 3), "4×4");
  EXPECT_EQ(Clip("××××", 3), "××…");
  EXPECT_EQ(Clip("", 3), "");
}

TEST(OperatorName, LeavesNamespaceAndOverloadOut) {
  EXPECT_EQ(OperatorName("aten.add.Tensor"), "add");
  EXPECT_EQ(OperatorName("other.op"), "other.op");
  EXPECT_EQ(OperatorName("aten._native_batch_norm_legit_no_training.default"), "batch_norm");
  EXPECT_EQ(OperatorName("linear"), "linear");
}

TEST(Percent, KeepsOneDigitBelowTen) {
  EXPECT_EQ(Percent(0.934), "93%");
  EXPECT_EQ(Percent(0.042), "4.2%");
}

}  // namespace
}  // namespace drtriton
