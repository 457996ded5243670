#include "synth/seen_ids.h"

#include <gtest/gtest.h>

#include <string>

#include "base/hash.h"

namespace drtriton {
namespace {

std::string Id(int i) { return Sha256(std::to_string(i)).substr(0, 32); }

TEST(SeenIds, KnowsWhatWasAdded) {
  SeenIds seen(100'000);
  int dropped = 0;
  for (int i = 0; i < 100'000; ++i) dropped += seen.Add(Id(i)) ? 0 : 1;
  EXPECT_LE(dropped, 1);
  for (int i = 0; i < 100'000; ++i) ASSERT_FALSE(seen.Add(Id(i)));
  EXPECT_LT(seen.FalseShare(), 4e-7);
}

TEST(SeenIds, MemoryIsBounded) {
  EXPECT_EQ(SeenIds(int64_t{1} << 60).bytes(), SeenIds::kMostBytes);
  EXPECT_LE(SeenIds(10'000'000).bytes(), int64_t{64} << 20);
}

// What is cut short still drops only as often as it says.
TEST(SeenIds, SaysHowOftenItErrs) {
  SeenIds seen(1024);
  int dropped = 0;
  for (int i = 0; i < 3000; ++i) dropped += seen.Add(Id(i)) ? 0 : 1;
  EXPECT_GT(seen.FalseShare(), 1e-3);
  EXPECT_LT(dropped, 3000 * seen.FalseShare() + 10);
}

}  // namespace
}  // namespace drtriton
