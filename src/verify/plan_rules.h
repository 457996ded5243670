// What a LaunchPlan proves by itself, before anything runs: that results come from the candidate's kernels.
//
// The plan was recorded in a process that also ran the candidate, so nothing that this process claimed is trusted but
// the plan, which is what is run and judged.  The rules follow every buffer through the steps:
//   - a plan under strict rules has no vendor steps;
//   - a computed result is written by a launch, or by copies and casts of what a launch wrote (hybrid: or by a vendor
//     step, and at least one result by a launch); where the Program only moves data, so may the plan;
//   - that launch read, directly or through other steps, at least one input where the result depends on inputs;
//   - a launch whose results are not used counts for nothing;
//   - a result shares memory with an input or with another result just where the Program's does.
#ifndef DRTRITON_VERIFY_PLAN_RULES_H_
#define DRTRITON_VERIFY_PLAN_RULES_H_

#include <optional>

#include "compile/farm.h"
#include "core/fragment.h"
#include "core/launch_plan.h"

namespace drtriton {

// The first rule that the plan breaks; codes torch_compute, no_kernel, unused_kernel, wrong_alias, or wrong_result_count
// where the plan has not one result for each of the fragment's.
std::optional<CompileFailure> BrokenRule(const LaunchPlan& plan, const Fragment& fragment, bool strict);

}  // namespace drtriton

#endif  // DRTRITON_VERIFY_PLAN_RULES_H_
