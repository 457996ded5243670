// The module's graph with its fragments, as SVG.
//
// One box a step of the composition, top to bottom in the order in which they run, between a box of the module's inputs
// and one of its results; views that follow each other share a box.  A value read by the next box is an arrow down;
// one read further below runs down a lane on the left of its own and branches off to its readers.  A single column,
// so that it can be read on a phone.
#ifndef DRTRITON_REPORT_GRAPH_SVG_H_
#define DRTRITON_REPORT_GRAPH_SVG_H_

#include <string>
#include <vector>

#include "core/composition.h"
#include "report/kernel_groups.h"

namespace drtriton {

// `groups` are the composition's.  Boxes of kernel steps link to "#<the group's anchor>".
std::string GraphSvg(const Composition& composition, const std::vector<KernelGroup>& groups);

}  // namespace drtriton

#endif  // DRTRITON_REPORT_GRAPH_SVG_H_
