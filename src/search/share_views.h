// ShareViews: equal views that PyTorch makes are made once.
//
// SplitViews() gave every reader its own view so that the cutter was free; the views that no kernel took in are calls
// the caller would pay for one by one.
#ifndef DRTRITON_SEARCH_SHARE_VIEWS_H_
#define DRTRITON_SEARCH_SHARE_VIEWS_H_

#include "core/composition.h"

namespace drtriton {

// Drops view steps that repeat an earlier one and lets their readers use that one's results.
void ShareViews(Composition& composition);

}  // namespace drtriton

#endif  // DRTRITON_SEARCH_SHARE_VIEWS_H_
