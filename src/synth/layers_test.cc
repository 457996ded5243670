// Layers: they have the depth and width asked for, come up as often as each other, and are refused where none can end.
#include "synth/layers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "base/error.h"
#include "synth/law_test_tools.h"

namespace drtriton {
namespace {

SamplerOptions Asked(int ops, int depth, int width) {
  SamplerOptions options;
  options.ops = ops;
  options.depth = depth;
  options.width = width;
  return options;
}

std::vector<int> Counts(const std::vector<int>& layers) {
  std::vector<int> counts(static_cast<size_t>(*std::max_element(layers.begin(), layers.end())), 0);
  for (int layer : layers) ++counts[static_cast<size_t>(layer - 1)];
  return counts;
}

TEST(LayersTest, HaveTheDepthAndWidthAskedFor) {
  Random random(TestSeed(), 1);
  for (int i = 0; i < 200; ++i) {
    const std::vector<int> layers = DrawLayers(Asked(20, 8, 5), random);
    const std::vector<int> counts = Counts(layers);
    EXPECT_EQ(layers.size(), 20U);
    EXPECT_TRUE(std::is_sorted(layers.begin(), layers.end()));
    EXPECT_EQ(counts.size(), 8U);
    EXPECT_EQ(*std::max_element(counts.begin(), counts.end()), 5);
  }
  EXPECT_TRUE(DrawLayers(Asked(20, 0, 0), random).empty());
}

// Six operators, three layers of at most three: every way to write 6 as 3 positive numbers with the largest 3.
TEST(LayersTest, AreUniform) {
  Random random(TestSeed(), 2);
  std::map<std::string, int> counts, all;
  for (const char* key : {"123", "132", "213", "231", "312", "321"}) all[key] = 1;
  for (int i = 0; i < 6000; ++i) {
    std::string key;
    for (int count : Counts(DrawLayers(Asked(6, 3, 3), random))) key += std::to_string(count);
    ++counts[key];
  }
  EXPECT_LT(ChiSquareExcess(counts, Uniformly(all)), kMostExcess);
}

TEST(LayersTest, WhatCannotEndIsRefused) {
  Random random(TestSeed(), 3);
  EXPECT_THROW(DrawLayers(Asked(20, 0, 19), random), UserError);
  EXPECT_EQ(LeastReads(9, 1), 7);
  EXPECT_EQ(LeastReads(2, 5), 0);
}

}  // namespace
}  // namespace drtriton
