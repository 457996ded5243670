#include "execute/timing.h"

#include <gtest/gtest.h>

#include <random>

namespace drtriton {
namespace {

TEST(TimingTest, MedianOfFewSamplesSpansThem) {
  const MedianInterval interval = Median({3, 1, 2});
  EXPECT_EQ(interval.median, 2);
  EXPECT_EQ(interval.low, 1);
  EXPECT_EQ(interval.high, 3);
}

TEST(TimingTest, IntervalCoversTheMedianAsOftenAsItSays) {
  std::mt19937 random(7);
  std::exponential_distribution<double> skewed(1.0);
  int covered = 0;
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<double> samples(61);
    for (double& sample : samples) sample = skewed(random);
    const MedianInterval interval = Median(samples);
    covered += interval.low <= std::log(2.0) && std::log(2.0) <= interval.high;
  }
  EXPECT_GT(covered, 1880);
  EXPECT_LT(covered, 1980);
}

TEST(TimingTest, SpeedupOnlyWhereIntervalsSeparate) {
  EXPECT_FALSE(Speedup({1.0, 0.9, 1.1}, {1.15, 1.05, 1.2}).has_value());
  EXPECT_DOUBLE_EQ(Speedup({1.0, 0.9, 1.1}, {2.0, 1.9, 2.1}).value(), 2.0);
  EXPECT_DOUBLE_EQ(Speedup({2.0, 1.9, 2.1}, {1.0, 0.9, 1.1}).value(), 0.5);
}

TEST(TimingTest, SegmentsAddSampleBySample) {
  EXPECT_EQ(Summed({{1, 2, 3}, {10, 20}}), (std::vector<double>{11, 22}));
  EXPECT_TRUE(Summed({}).empty());
}

}  // namespace
}  // namespace drtriton
