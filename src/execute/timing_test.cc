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

TEST(TimingTest, DriftWidensTheInterval) {
  const std::vector<std::vector<double>> steady = {{1, 1.01}, {1, 1.01}, {1, 1.01}, {1, 1.01}}, drifting = {{1, 1}, {1, 1}, {1.2, 1.2}, {1.2, 1.2}};
  EXPECT_LT(MedianOfRounds(steady).half_width(), 0.01);
  EXPECT_EQ(MedianOfRounds(drifting).low, 1);
  EXPECT_EQ(MedianOfRounds(drifting).high, 1.2);
  EXPECT_TRUE(IsSettled(MedianOfRounds(steady)));
  EXPECT_FALSE(IsSettled(MedianOfRounds(drifting)));
}

TEST(TimingTest, SettledIsOnePercentOrATickOfTheClock) {
  EXPECT_TRUE(IsSettled({0.004, 0.0039, 0.0041}));
  EXPECT_FALSE(IsSettled({0.004, 0.0037, 0.0043}));
  EXPECT_FALSE(IsSettled({1, 0.98, 1.02}));
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
