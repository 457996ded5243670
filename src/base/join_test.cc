#include "base/join.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

TEST(JoinTest, SeparatorsStandBetweenAllParts) {
  EXPECT_EQ(Join({}), "");
  EXPECT_EQ(Join({"a"}), "a");
  EXPECT_EQ(Join({"a", "b", "c"}), "a, b, c");
  EXPECT_EQ(Join({"", "b", ""}, "+"), "+b+");
}

}  // namespace
}  // namespace drtriton
