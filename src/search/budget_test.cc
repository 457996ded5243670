#include "search/budget.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace drtriton {
namespace {

TEST(ParseDuration, ReadsSecondsMinutesAndHours) {
  EXPECT_EQ(ParseDuration("60s"), 60);
  EXPECT_EQ(ParseDuration("90"), 90);
  EXPECT_EQ(ParseDuration("2m"), 120);
  EXPECT_EQ(ParseDuration("0.5h"), 1800);
}

TEST(ParseDuration, RefusesEverythingElseNamingTheText) {
  for (const char* text : {"", "s", "-5s", "0", "10 minutes", "nan", "1d", "1e9"}) {
    try {
      ParseDuration(text);
      ADD_FAILURE() << text;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos);
    }
  }
}

TEST(Budget, CountsDown) {
  Budget budget(1000);
  EXPECT_TRUE(budget.Within(0.5));
  EXPECT_GT(budget.Left(), 900);
  EXPECT_EQ(Budget(0).Left(), 0);
}

}  // namespace
}  // namespace drtriton
