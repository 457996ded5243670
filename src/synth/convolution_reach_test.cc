#include "synth/convolution_reach.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

TEST(ConvolutionReach, WindowsBesideTheInputAreUnreached) {
  // Taps at -3, -1, 1 | 0, 2, 4 | ...: all of them meet 4 elements.
  EXPECT_EQ(UnreachedShare({.input = 4, .result = 2, .kernel = 3, .stride = 3, .padding = 3, .dilation = 2}), 0);
  // Taps at -3, -2 | 0, 1 | 3, 4: the first lie before 4 elements.
  EXPECT_DOUBLE_EQ(UnreachedShare({.input = 4, .result = 3, .kernel = 2, .stride = 3, .padding = 3}), 1.0 / 3);
  // Taps at -3, 3: around 2 elements.
  EXPECT_DOUBLE_EQ(UnreachedShare({.input = 2, .result = 1, .kernel = 2, .padding = 3, .dilation = 6}), 1);
}

TEST(ConvolutionReach, TransposedStepsLeaveGaps) {
  EXPECT_EQ(UnreachedShare({.input = 4, .result = 8, .kernel = 2, .stride = 2, .transposed = true}), 0);
  // Elements go to 0, 3, 6 with a kernel of one.
  EXPECT_DOUBLE_EQ(UnreachedShare({.input = 3, .result = 7, .kernel = 1, .stride = 3, .transposed = true}), 4.0 / 7);
}

}  // namespace
}  // namespace drtriton
