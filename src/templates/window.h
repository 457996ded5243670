// Window: how a convolution or a pooling operator walks over its operand.
//
// Along each spatial dimension a result position and a tap of the window give one index of the operand:
//   convolution, pooling      index = position * stride + tap * dilation - padding
//   transposed convolution    position = index * stride + tap * dilation - padding, where that has a solution
//   adaptive pooling          index = floor(position * input / output) + tap, below ceil((position + 1) * input / output)
// An index outside of the operand counts as zero for sums and does not count for maxima.
//
// A transposed convolution falls into `stride` phases: positions t * stride + phase meet the same taps.  Each phase is a
// dense convolution of stride 1 with a share of the taps, so nothing is multiplied by the zeros that upsampling would put
// in.  WindowPhase is that convolution; an ordinary window is the case of one phase.
#ifndef DRTRITON_TEMPLATES_WINDOW_H_
#define DRTRITON_TEMPLATES_WINDOW_H_

#include <cstdint>
#include <vector>

#include "templates/axes.h"

namespace drtriton {

struct WindowDim {
  int64_t input = 1, output = 1;   // sizes
  int64_t kernel = 1;              // taps; of an adaptive window the most that any position has
  int64_t stride = 1, padding = 0, dilation = 1;
};

struct Window {
  std::vector<WindowDim> dims;   // spatial, outermost first; one to three
  bool transposed = false;
  bool adaptive = false;
  bool count_padding = true;     // average: indices in the padding count for the divisor
  int64_t divisor = 0;           // average: instead of the count, when not 0

  // Axes of the result: its channels are groups x channels.  Pooling has groups alone.
  AxisList batch, groups, channels;
  std::vector<AxisList> space;
  // Axes of the operand: its channels are in_groups x in_channels.
  AxisList in_batch, in_groups, in_channels;
  std::vector<AxisList> in_space;
  // Axes of a convolution's weight.
  AxisList weight_groups, weight_out, weight_in;
  std::vector<AxisList> taps;

  std::vector<AxisList*> Lists();   // all of the above
  // batch and space, the positions of the result, row-major.
  AxisList Positions() const;
  int64_t TapCount() const;
};

// Phase `phase` along one dimension: position t * phases + phase, t = 0 .. positions - 1, reads the index
//   t * stride + start + j * step  by tap  first_tap + j * tap_step,  j = 0 .. taps - 1
struct WindowPhase {
  int64_t start = 0;
  int64_t first_tap = 0;
  int64_t taps = 0;   // 0: nothing reaches this phase
};

// What all phases of a dimension share.
struct WindowWalk {
  int64_t phases = 1;      // the stride of a transposed convolution, no more than there are results
  int64_t positions = 1;   // of a phase; of the last phases one may lie outside of the result
  int64_t stride = 1;
  int64_t step = 1;
  int64_t tap_step = 1;
  std::vector<WindowPhase> phase;

  int64_t MostTaps() const;
  // The smallest and the largest index that any position reads.
  int64_t Lowest() const;
  int64_t Highest() const;
};

// Not for adaptive windows.
WindowWalk WalkOf(const Window& window, size_t dim);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_WINDOW_H_
