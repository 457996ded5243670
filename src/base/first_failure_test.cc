#include "base/first_failure.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace drtriton {
namespace {

TEST(FirstFailure, ThrowsNothingWhereNothingFailed) {
  FirstFailure failure;
  int calls = 0;
  failure.Guard([&] { ++calls; });
  EXPECT_EQ(calls, 1);
  EXPECT_FALSE(failure.failed());
  EXPECT_NO_THROW(failure.Rethrow());
}

TEST(FirstFailure, KeepsTheFirst) {
  FirstFailure failure;
  failure.Guard([] { throw std::runtime_error("first"); });
  EXPECT_TRUE(failure.failed());
  failure.Guard([] { throw std::runtime_error("second"); });
  failure.Guard([] {});
  try {
    failure.Rethrow();
    FAIL() << "nothing was thrown";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "first");
  }
}

TEST(FirstFailure, OneOfManyThreads) {
  FirstFailure failure;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] { failure.Guard([&] { throw std::runtime_error(std::to_string(i)); }); });
    }
  }
  EXPECT_TRUE(failure.failed());
  EXPECT_THROW(failure.Rethrow(), std::runtime_error);
}

}  // namespace
}  // namespace drtriton
