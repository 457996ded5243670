#include "search/interpreter_cost.h"

#include <algorithm>
#include <cmath>

#include "graph/registry.h"

namespace drtriton {

namespace {

constexpr double kSecondsPerElement = 1.4e-3 / 1024;
constexpr double kSecondsPerDotFlop = 2e-3 / (2.0 * 128 * 128 * 32);
constexpr double kSecondsPerWindowStep = 2e-3;   // addresses and masks of a 64 x 32 tile, and its dot

// An implicit product takes a step for each tap of the window and 32 channels, however few of them there are.
double ConvolutionSeconds(const Program& program, const Node& node) {
  const Value& weight = program.value(node.Inputs()[1]);
  const double results = static_cast<double>(program.value(node.outputs[0]).Elements());
  const double taps = static_cast<double>(weight.Elements()) / static_cast<double>(std::max<int64_t>(1, weight.shape[0] * weight.shape[1]));
  const double channels = std::ceil(static_cast<double>(weight.shape[1]) / 32);
  return std::max(1.0, results / (64 * 64)) * taps * channels * kSecondsPerWindowStep;
}

}  // namespace

double InterpreterSeconds(const Program& program) {
  double seconds = 0;
  for (const Node& node : program.nodes) {
    if (IsView(node.op)) continue;
    const OperatorInfo* info = FindOperator(node.op);
    if (info != nullptr && info->kind == OpKind::kConvolution) {
      seconds += ConvolutionSeconds(program, node);
    } else if (IsProduct(node.op)) {
      seconds += NodeFlops(program, node) * kSecondsPerDotFlop;
    }
    int64_t elements = 0;
    for (ValueId id : node.Inputs()) elements = std::max(elements, program.value(id).Elements());
    for (ValueId id : node.outputs) {
      if (id >= 0) elements = std::max(elements, program.value(id).Elements());
    }
    // A fused chain shares its loads and masks, so an operator behind the first costs only part of a program.
    seconds += 0.3 * static_cast<double>(elements) * kSecondsPerElement;
  }
  return seconds;
}

}  // namespace drtriton
