#include "synth/usage_law.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "synth/sampler.h"
#include "synth/usage_table.h"

namespace drtriton {
namespace {

int PlaceOf(const std::vector<std::string>& space, const std::string& op) {
  return static_cast<int>(std::find(space.begin(), space.end(), op) - space.begin());
}

TEST(UsageLaw, WeightsAreADistribution) {
  const std::vector<std::string> space = {"aten.conv2d.default", "aten.relu.default", "aten.linear.default", "aten.sinh.default"};
  const auto weight = UsageWeights(space);
  for (const std::vector<int>& previous : {std::vector<int>{}, {0}, {0, 1}, {2, 2, 1}}) {
    double total = 0;
    for (int next = 0; next < 4; ++next) {
      EXPECT_GT(weight(previous, next), 0);
      total += weight(previous, next);
    }
    EXPECT_LE(total, 1 + 1e-9);
  }
}

TEST(UsageLaw, FollowsWhatModulesDo) {
  const std::vector<std::string> space = {"aten._native_batch_norm_legit_no_training.default", "aten.relu.default",
                                          "aten.sinh.default", "aten.conv2d.default"};
  const auto weight = UsageWeights(space);
  EXPECT_GT(weight({3}, 0), 10 * weight({3}, 2));     // a norm behind a convolution
  EXPECT_GT(weight({3, 0}, 1), 10 * weight({3, 0}, 2));  // then an activation
}

// Every place in the table is a name, an input or nothing, and what is counted occurs.
TEST(UsageLaw, TheTableIsWhole) {
  EXPECT_GT(UsageNames().size(), 50u);
  for (const UsagePath& path : UsagePaths()) {
    EXPECT_GT(path.count, 0);
    for (const int place : path.operators) {
      EXPECT_GE(place, -2);
      EXPECT_LT(place, static_cast<int>(UsageNames().size()));
    }
    EXPECT_NE(path.operators[0], -2);
  }
}

// The law is of use only where the space has the operators that modules are made of.
TEST(UsageLaw, TheSpaceHasTheUsualOperators) {
  const std::vector<std::string>& space = SampledOperators();
  double known = 0, total = 0;
  for (const UsagePath& path : UsagePaths()) {
    if (path.operators[1] != -2) continue;
    const std::string name = UsageNames()[static_cast<size_t>(path.operators[0])];
    total += path.count;
    known += PlaceOf(space, name) < static_cast<int>(space.size()) ? path.count : 0;
  }
  EXPECT_GT(known / total, 0.75);
}

}  // namespace
}  // namespace drtriton
