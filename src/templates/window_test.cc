// The walk of windows: every position meets the taps and indices that PyTorch's definition gives it, once.
#include "templates/window.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <utility>

namespace drtriton {
namespace {

using Reads = std::map<int64_t, std::set<std::pair<int64_t, int64_t>>>;   // position -> (tap, index)

// By definition, one spatial dimension.
Reads Definition(const WindowDim& dim, bool transposed) {
  Reads reads;
  for (int64_t index = 0; index < dim.input; ++index) {
    for (int64_t tap = 0; tap < dim.kernel; ++tap) {
      const int64_t shifted = transposed ? index * dim.stride + tap * dim.dilation - dim.padding
                                         : index - tap * dim.dilation + dim.padding;
      if (!transposed && shifted % dim.stride != 0) continue;
      const int64_t position = transposed ? shifted : shifted / dim.stride;
      if (position >= 0 && position < dim.output && shifted >= 0) reads[position].insert({tap, index});
    }
  }
  return reads;
}

Reads ByWalk(const Window& window) {
  const WindowDim& dim = window.dims[0];
  const WindowWalk walk = WalkOf(window, 0);
  Reads reads;
  for (int64_t phase = 0; phase < walk.phases; ++phase) {
    const WindowPhase& one = walk.phase[static_cast<size_t>(phase)];
    for (int64_t t = 0; t < walk.positions; ++t) {
      const int64_t position = t * walk.phases + phase;
      for (int64_t j = 0; j < one.taps && position < dim.output; ++j) {
        const int64_t index = t * walk.stride + one.start + j * walk.step;
        EXPECT_GE(index, walk.Lowest());
        EXPECT_LE(index, walk.Highest());
        EXPECT_LT(one.first_tap + j * walk.tap_step, dim.kernel);
        const auto read = std::pair{one.first_tap + j * walk.tap_step, index};
        if (index < 0 || index >= dim.input) continue;
        EXPECT_TRUE(reads[position].insert(read).second);
      }
    }
  }
  std::erase_if(reads, [](const auto& entry) { return entry.second.empty(); });
  return reads;
}

Window Make(WindowDim dim, bool transposed) {
  const int64_t reach = dim.dilation * (dim.kernel - 1) + 1;
  dim.output = transposed ? (dim.input - 1) * dim.stride - 2 * dim.padding + reach : (dim.input + 2 * dim.padding - reach) / dim.stride + 1;
  Window window;
  window.dims = {dim};
  window.transposed = transposed;
  return window;
}

TEST(Window, WalksAreTheDefinition) {
  std::mt19937_64 random(20261120);
  auto draw = [&](int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(random); };
  for (int i = 0; i < 4000; ++i) {
    const bool transposed = i % 2 == 0;
    Window window = Make({.input = draw(1, 12), .kernel = draw(1, 6), .stride = draw(1, 6), .padding = draw(0, 3), .dilation = draw(1, 4)}, transposed);
    WindowDim& dim = window.dims[0];
    if (transposed) dim.output += draw(0, std::max(dim.stride, dim.dilation) - 1);
    if (dim.output < 1 || (!transposed && dim.input + 2 * dim.padding < dim.dilation * (dim.kernel - 1) + 1)) continue;
    EXPECT_EQ(ByWalk(window), Definition(dim, transposed))
        << "input " << dim.input << " kernel " << dim.kernel << " stride " << dim.stride << " padding " << dim.padding << " dilation "
        << dim.dilation << " transposed " << transposed;
  }
}

TEST(Window, APhaseHasItsShareOfTheTaps) {
  const WindowWalk walk = WalkOf(Make({.input = 8, .kernel = 4, .stride = 2, .padding = 1}, true), 0);
  EXPECT_EQ(walk.phases, 2);
  EXPECT_EQ(walk.positions, 8);
  for (const WindowPhase& phase : walk.phase) EXPECT_EQ(phase.taps, 2);
}

TEST(Window, APhaseThatNothingReachesHasNoTaps) {
  const WindowWalk walk = WalkOf(Make({.input = 8, .kernel = 2, .stride = 3}, true), 0);
  EXPECT_EQ(walk.phase[2].taps, 0);
}

}  // namespace
}  // namespace drtriton
