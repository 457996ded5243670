#include "bench/variants.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

const char* const kModule = R"("""Sizes."""
GROUP = "memory-bound"
BATCH = 64  # few: 1; small: 2
SHAPE = (3, 5)  # small: (1, 2)
DTYPE = torch.float32  # bf16: torch.bfloat16
TAPS = 3  # a comment without a value
)";

TEST(VariantsTest, LeavesTheFileAsItIsWithoutATag) { EXPECT_EQ(VariantText(kModule, {}), kModule); }

TEST(VariantsTest, PutsInTheValueOfEachTag) {
  const std::string text = VariantText(kModule, {"bf16", "few"});
  EXPECT_NE(text.find("BATCH = 1\nSHAPE = (3, 5)  # small: (1, 2)\nDTYPE = torch.bfloat16\nTAPS = 3  #"), std::string::npos) << text;
}

TEST(VariantsTest, TheLaterTagCounts) {
  EXPECT_NE(VariantText(kModule, {"few", "small"}).find("BATCH = 2\nSHAPE = (1, 2)\n"), std::string::npos);
  EXPECT_NE(VariantText(kModule, {"small", "few"}).find("BATCH = 1\nSHAPE = (1, 2)\n"), std::string::npos);
}

TEST(VariantsTest, ReadsAConstant) {
  EXPECT_EQ(TextConstant(kModule, "GROUP"), "memory-bound");
  EXPECT_EQ(TextConstant(kModule, "BATCH"), "");
}

}  // namespace
}  // namespace drtriton
