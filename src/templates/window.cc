// See window.h.  Tested by window_test.cc.
#include "templates/window.h"

#include <algorithm>
#include <numeric>

namespace drtriton {
namespace {

// Taps k with k * dilation = rest (mod stride) are first, first + stride / g, ...; g = gcd(stride, dilation).
WindowPhase TransposedPhase(const WindowDim& dim, int64_t phase) {
  const int64_t shared = std::gcd(dim.stride, dim.dilation), tap_step = dim.stride / shared;
  const int64_t rest = (phase + dim.padding) % dim.stride;
  WindowPhase result;
  if (rest % shared != 0) return result;
  while (result.first_tap < tap_step && result.first_tap * dim.dilation % dim.stride != rest) ++result.first_tap;
  result.taps = result.first_tap < dim.kernel ? (dim.kernel - result.first_tap + tap_step - 1) / tap_step : 0;
  result.start = (phase + dim.padding - result.first_tap * dim.dilation) / dim.stride;
  return result;
}

}  // namespace

std::vector<AxisList*> Window::Lists() {
  std::vector<AxisList*> lists = {&batch,       &groups,        &channels,   &in_batch, &in_groups,
                                  &in_channels, &weight_groups, &weight_out, &weight_in};
  for (std::vector<AxisList>* several : {&space, &in_space, &taps}) {
    for (AxisList& list : *several) lists.push_back(&list);
  }
  return lists;
}

AxisList Window::Positions() const {
  AxisList all = batch;
  for (const AxisList& list : space) all.insert(all.end(), list.begin(), list.end());
  return all;
}

int64_t Window::TapCount() const {
  int64_t count = 1;
  for (const WindowDim& dim : dims) count *= dim.kernel;
  return count;
}

WindowWalk WalkOf(const Window& window, size_t index) {
  const WindowDim& dim = window.dims[index];
  WindowWalk walk;
  if (!window.transposed) {
    walk.positions = dim.output;
    walk.stride = dim.stride;
    walk.step = dim.dilation;
    walk.phase = {{-dim.padding, 0, dim.kernel}};
    return walk;
  }
  const int64_t shared = std::gcd(dim.stride, dim.dilation);
  walk.phases = std::min(dim.stride, dim.output);
  walk.positions = (dim.output + dim.stride - 1) / dim.stride;
  walk.step = -dim.dilation / shared;
  walk.tap_step = dim.stride / shared;
  for (int64_t phase = 0; phase < walk.phases; ++phase) walk.phase.push_back(TransposedPhase(dim, phase));
  return walk;
}

int64_t WindowWalk::MostTaps() const {
  int64_t most = 0;
  for (const WindowPhase& one : phase) most = std::max(most, one.taps);
  return most;
}

int64_t WindowWalk::Lowest() const {
  int64_t lowest = INT64_MAX;
  for (const WindowPhase& one : phase) {
    if (one.taps > 0) lowest = std::min({lowest, one.start, one.start + (one.taps - 1) * step});
  }
  return lowest == INT64_MAX ? 0 : lowest;
}

int64_t WindowWalk::Highest() const {
  int64_t highest = INT64_MIN;
  for (const WindowPhase& one : phase) {
    if (one.taps > 0) highest = std::max({highest, one.start, one.start + (one.taps - 1) * step});
  }
  return highest == INT64_MIN ? 0 : highest + (positions - 1) * stride;
}

}  // namespace drtriton
