#include "core/launch_plan.h"

#include <algorithm>

namespace drtriton {

bool LaunchPlan::HasVendorSteps() const {
  return std::any_of(steps.begin(), steps.end(),
                     [](const PlanStep& step) { return std::holds_alternative<VendorStep>(step); });
}

bool LaunchPlan::HasAtomics() const {
  return std::any_of(kernels.begin(), kernels.end(), [](const KernelImage& kernel) { return kernel.has_atomics; });
}

}  // namespace drtriton
