#include "core/composition.h"

#include <algorithm>

namespace drtriton {

bool Composition::HasKernels() const {
  return std::any_of(steps.begin(), steps.end(),
                     [](const CompositionStep& step) { return std::holds_alternative<KernelStep>(step); });
}

}  // namespace drtriton
