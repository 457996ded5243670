// The module's graph with its fragments, as SVG.
//
// One box a step of the composition, top to bottom in the order in which they run; what a box reads from the box above
// it needs no line, everything else is an arc on the left.  A single column, so that it can be read on a phone.
#ifndef DRTRITON_REPORT_GRAPH_SVG_H_
#define DRTRITON_REPORT_GRAPH_SVG_H_

#include <string>

#include "core/composition.h"

namespace drtriton {

// Boxes of kernel steps link to "#<fragment id>".
std::string GraphSvg(const Composition& composition);

}  // namespace drtriton

#endif  // DRTRITON_REPORT_GRAPH_SVG_H_
