#include "graph/strides.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

TEST(StridesTest, PointwiseResultsFollowTheirOperands) {
  struct Case {
    std::vector<std::pair<Shape, Shape>> operands;
    Shape shape;
    Shape strides;
  };
  const Case cases[] = {
      {{{{2, 3}, {3, 1}}, {{3}, {1}}}, {2, 3}, {3, 1}},
      {{{{2, 3}, {1, 2}}}, {2, 3}, {1, 2}},  // a transposed tensor keeps its layout
      {{{{2, 3}, {1, 2}}, {{2, 3}, {1, 2}}}, {2, 3}, {1, 2}},
      {{{{2, 3}, {3, 1}}, {{2, 3}, {1, 2}}}, {2, 3}, {3, 1}},  // the first one decides
      {{{{2, 3}, {12, 4}}}, {2, 3}, {3, 1}},                   // gaps close
      {{{{2, 1}, {1, 1}}, {{3}, {1}}}, {2, 3}, {3, 1}},
      {{{{2, 8, 4, 4}, {128, 1, 32, 8}}, {{8, 1, 1}, {1, 1, 1}}}, {2, 8, 4, 4}, {128, 1, 32, 8}},  // channels last
      {{{{}, {}}}, {}, {}},
  };
  for (const Case& c : cases) {
    std::vector<Strided> operands;
    for (const auto& [shape, strides] : c.operands) operands.push_back({shape, strides});
    EXPECT_EQ(PointwiseStrides(operands, c.shape), c.strides);
  }
}

TEST(StridesTest, ViewsOfOtherShape) {
  EXPECT_EQ(ViewStrides({4, 6}, {6, 1}, {2, 2, 6}), (Shape{12, 6, 1}));
  EXPECT_EQ(ViewStrides({4, 6}, {1, 4}, {4, 2, 3}), (Shape{1, 12, 4}));
  EXPECT_EQ(ViewStrides({4, 6}, {1, 4}, {24}), std::nullopt);
  EXPECT_EQ(ViewStrides({4, 6}, {12, 2}, {24}), (Shape{2}));
  EXPECT_EQ(ViewStrides({}, {}, {1, 1}), (Shape{1, 1}));
  EXPECT_EQ(ViewStrides({1, 6}, {99, 1}, {6}), (Shape{1}));
}

TEST(StridesTest, DenseMeansNoGapsInSomeOrder) {
  EXPECT_TRUE(IsDense({2, 3, 4}, {4, 8, 1}));
  EXPECT_FALSE(IsDense({2, 3}, {0, 1}));
  EXPECT_FALSE(IsDense({2, 3}, {6, 2}));
  EXPECT_TRUE(IsDense({1, 3}, {77, 1}));
}

TEST(StridesTest, ChannelsLast) {
  EXPECT_EQ(ChannelsLastStrides({2, 8, 4, 4}), (Shape{128, 1, 32, 8}));
  EXPECT_TRUE(IsChannelsLast({2, 8, 4, 4}, {128, 1, 32, 8}));
  EXPECT_FALSE(IsChannelsLast({2, 8, 4, 4}, {128, 16, 4, 1}));
  EXPECT_FALSE(IsChannelsLast({8, 4}, {1, 8}));
}

TEST(StridesTest, PreservedStridesCloseGaps) {
  EXPECT_EQ(PreservedStrides({2, 3}, {1, 2}), (Shape{1, 2}));
  EXPECT_EQ(PreservedStrides({2, 3}, {2, 8}), (Shape{1, 2}));
}

}  // namespace
}  // namespace drtriton
