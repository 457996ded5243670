// Questions about how operands lie over the axes of a fragment; both families order their tiles by the answers.
#ifndef DRTRITON_TEMPLATES_LAYOUT_H_
#define DRTRITON_TEMPLATES_LAYOUT_H_

#include <cstdint>
#include <vector>

#include "templates/lowered.h"

namespace drtriton {

// All loads and stores.
std::vector<const Access*> AllAccesses(const Lowered& lowered);

// 0 when the access does not depend on the axis.
int64_t StrideOf(const Access& access, AxisId axis);
bool DependsOn(const AxisList& axes, AxisId axis);
AxisList Without(const AxisList& axes, const AxisList& removed);
AxisList Common(const AxisList& a, const AxisList& b);   // in the order of a

// `axes` from the largest stride to the smallest as `access` has them; axes that it lacks come first, in their order.
AxisList OrderedBy(const Access& access, AxisList axes);

// Into how many runs of constant stride the product of `axes` falls for this access: 1 costs one multiplication, each
// further one a division and a remainder.  0 when the access depends on none of them.
int RunCount(const Lowered& lowered, const Access& access, const AxisList& axes);

// The innermost axes of `axes` along which the access is contiguous, outermost first; empty when it is not.
AxisList ContiguousRun(const Lowered& lowered, const Access& access, const AxisList& axes);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_LAYOUT_H_
