// Is there a GPU, and what is it?  Asks the driver without creating a context.
#ifndef DRTRITON_EXECUTE_GPU_PROBE_H_
#define DRTRITON_EXECUTE_GPU_PROBE_H_

#include <optional>

#include "core/device.h"

namespace drtriton {

// The first GPU, or nullopt where there is none that Triton's kernels could run on (compute capability 8.0).  Figures
// that were not measured on it are scaled from the H200's by multiprocessors, clock and memory bandwidth.
std::optional<DeviceSpec> ProbeGpu();

// How many GPUs of the first one's name there are, from the first on: candidates may be judged on any of them.
int EqualGpus();

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_GPU_PROBE_H_
