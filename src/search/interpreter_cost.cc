#include "search/interpreter_cost.h"

#include <algorithm>

#include "graph/registry.h"

namespace drtriton {

double InterpreterSeconds(const Program& program) {
  constexpr double kSecondsPerElement = 1.4e-3 / 1024;
  constexpr double kSecondsPerDotFlop = 2e-3 / (2.0 * 128 * 128 * 32);
  double seconds = 0;
  for (const Node& node : program.nodes) {
    if (IsView(node.op)) continue;
    if (IsProduct(node.op)) seconds += NodeFlops(program, node) * kSecondsPerDotFlop;
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
