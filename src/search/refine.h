// Refine: ranks what is close where it will run, inside the whole composition.
//
// A fragment timed alone finds its inputs cold and nothing else on the GPU; inside the module its inputs are what the
// neighbours left in the L2 cache, and PyTorch's kernels have launch gaps of their own.  So compositions that differ
// from the base in one kind of region are timed side by side with it, and what helps is kept.
#ifndef DRTRITON_SEARCH_REFINE_H_
#define DRTRITON_SEARCH_REFINE_H_

#include <map>
#include <string>

#include "search/plan.h"

namespace drtriton {

// Never returns something that was measured slower than `base`.
Decisions Refine(const SearchPlan& plan, const Decisions& base, const std::map<std::string, FragmentRecord>& fragments,
                 CompositionTimer& timer, const Budget& budget);

}  // namespace drtriton

#endif  // DRTRITON_SEARCH_REFINE_H_
