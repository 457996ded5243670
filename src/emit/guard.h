// The guard of an emitted module: the conditions under which a call may be accelerated, and the fetching of the tensors
// it needs.
#ifndef DRTRITON_EMIT_GUARD_H_
#define DRTRITON_EMIT_GUARD_H_

#include <string>
#include <vector>

#include "core/composition.h"

namespace drtriton {

// The Program's leaves as the fast path takes them: inputs in order, then parameters, buffers and constants.
std::vector<ValueId> LeafOrder(const Program& program);

// Text of `def _drt_guard(model, args, kwargs)`, which returns (device, <leaves in LeafOrder>) or a reason, and before it
// of `def _drt_quick(model, args, kwargs)`, which gives the same at a fraction of the cost or None.  `torch` is the name
// of torch in the file.
std::string EmitGuard(const Composition& composition, const std::string& torch);

// "" for a class of the user's own file, else the module to import; and the expression that names a class "module:Name".
std::string ClassModule(const std::string& class_name);
std::string ClassExpression(const std::string& class_name);

}  // namespace drtriton

#endif  // DRTRITON_EMIT_GUARD_H_
