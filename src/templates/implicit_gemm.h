// Convolutions as matrix products that are never laid out: positions x (channels x taps) times (channels x taps) x out.
//
// How one is carried out is a GemmSchedule:
//   positions first    the tile is positions x channels: for channels-last results; else channels x positions
//   packed input       the input is rewritten once with its channels last, its padding and what is fused in front in
//                      place, so that the loop has no bounds to check and loads whole vectors
//   packed weight      the weight is rewritten once as [out, taps, channels], for the same reason; needs taps
//   flat               the sum runs over channels x taps as one index: for inputs of few channels (images)
// A transposed convolution has one more grid dimension, its phases (window.h): each is a dense convolution with its share
// of the taps.
#ifndef DRTRITON_TEMPLATES_IMPLICIT_GEMM_H_
#define DRTRITON_TEMPLATES_IMPLICIT_GEMM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/device.h"
#include "core/proposal.h"
#include "templates/precision.h"
#include "templates/source.h"
#include "templates/window_problem.h"

namespace drtriton {

struct GemmSchedule {
  Precision precision = Precision::kNative;
  bool positions_first = true;
  bool pack_input = false;
  bool pack_weight = false;
  bool flat = false;
  int64_t block_m = 64, block_n = 64, block_k = 32;   // positions, out channels, channels (or channels x taps)
  int num_warps = 4;
  int num_stages = 3;
  double estimated_us = 0;
};

// The operand of a convolution as strides, in elements, over the window's own dimensions.
struct ImageView {
  TensorRef tensor;
  int64_t offset = 0, image = 0, group = 0, channel = 0;
  std::vector<int64_t> space;
  std::vector<int64_t> shift;   // of the place 0, one a spatial dimension
  bool padded = false;          // every place that a window reaches exists
};

struct WeightView {
  TensorRef tensor;
  int64_t offset = 0, group = 0, out = 0, in = 0;
  std::vector<int64_t> taps;
};

// The operands where they lie; nullopt where something is in front of them or one stride does not express a dimension.
std::optional<ImageView> PlainImage(const WindowProblem& problem);
std::optional<WeightView> PlainWeight(const WindowProblem& problem);

// Schedules of one kind differ in their tile alone: "tf32, positions first, packed weight".
std::string Kind(const GemmSchedule& schedule);
std::string Describe(const GemmSchedule& schedule);

// At most `max_count`, best estimate first, kinds mixed so that a wrong estimate of one cannot crowd out the others.
// Empty where tensor cores do not fit: float64, sums or results of a few channels.
std::vector<GemmSchedule> GemmSchedules(const WindowProblem& problem, const DeviceSpec& device, int max_count);

// implicit_gemm_source.cc: the kernels of a schedule with their plans and times, as a part of a module or alone.
void AppendGemm(const WindowProblem& problem, const GemmSchedule& schedule, const DeviceSpec& device, ModuleSource& module,
                Proposal& proposal);
Proposal WriteGemm(const WindowProblem& problem, const GemmSchedule& schedule, const DeviceSpec& device);

// Microseconds of rewriting the operands.
double PackImageUs(const WindowProblem& problem, const DeviceSpec& device);
double PackWeightUs(const WindowProblem& problem, const DeviceSpec& device);
// Elements of the rewritten input along one spatial dimension.
int64_t PackedSize(const Window& window, size_t dim);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_IMPLICIT_GEMM_H_
