// The fast path of an emitted module: the steps of a Composition in order, then mutations, then the result with its
// structure and aliases.
#ifndef DRTRITON_EMIT_RUN_H_
#define DRTRITON_EMIT_RUN_H_

#include <string>
#include <vector>

#include "core/composition.h"

namespace drtriton {

struct RunText {
  std::string function;              // def _drt_run(device, <leaves in LeafOrder>)
  bool graph_safe = false;           // may be replayed as a CUDA graph: neither writes to inputs nor returns them
  std::vector<std::string> modules;  // to import for the classes in the result
};

// `launchers` holds the Python function of each KernelStep, in the order of the steps.  Throws InternalError when the
// steps are no order in which everything can be computed, or an alias cannot be expressed.
RunText EmitRun(const Composition& composition, const std::vector<std::string>& launchers, const std::string& torch);

}  // namespace drtriton

#endif  // DRTRITON_EMIT_RUN_H_
