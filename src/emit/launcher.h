// One fragment's launcher, from its LaunchPlan: a Python function that allocates, launches and returns the results.
#ifndef DRTRITON_EMIT_LAUNCHER_H_
#define DRTRITON_EMIT_LAUNCHER_H_

#include <functional>
#include <map>
#include <string>

#include "core/composition.h"

namespace drtriton {

struct LauncherText {
  std::string function;  // "def _f00_softmax(device, stream, x):\n ..."
  std::string launches;  // entries of _DRT_KERNELS, one a launch
};

struct LauncherContext {
  std::string function_name;                                        // of the Python function to write
  std::function<std::string(const std::string&)> kernel_name;       // @triton.jit function -> its name in the file
  std::function<std::string(const std::string&)> claim_launch;      // a free key of _DRT_KERNELS
  std::map<std::string, std::string> aliases;                       // "torch", "triton", "tl" -> names in the file
};

// Throws InternalError when the plan does not fit the fragment.
LauncherText EmitLauncher(const KernelStep& step, const LauncherContext& context);

}  // namespace drtriton

#endif  // DRTRITON_EMIT_LAUNCHER_H_
