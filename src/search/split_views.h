// SplitViews: gives every reader of a view a view of its own.
//
// Runs before cutting.  A view costs nothing where a kernel can read the base through strides, so a view belongs to
// whoever reads it; after this pass each view node has exactly one reader (a node, the result tree or a mutation) and
// the cutter may put the two into one fragment without turning the view into a result that somebody else needs.
// Values keep their meaning; node and value numbers change.
#ifndef DRTRITON_SEARCH_SPLIT_VIEWS_H_
#define DRTRITON_SEARCH_SPLIT_VIEWS_H_

#include "graph/program.h"

namespace drtriton {

// Also drops nodes that nothing reads.
Program SplitViews(const Program& program);

}  // namespace drtriton

#endif  // DRTRITON_SEARCH_SPLIT_VIEWS_H_
