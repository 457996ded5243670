#include "execute/executor.h"

#include "base/error.h"
#include "execute/cpu_executor.h"
#include "execute/gpu_executor.h"
#include "execute/gpu_probe.h"

namespace drtriton {

std::unique_ptr<Executor> MakeExecutor(DeviceChoice choice, uint64_t seed) {
  if (choice == DeviceChoice::kCpu) return std::make_unique<CpuExecutor>(seed);
  if (const auto gpu = ProbeGpu()) return std::make_unique<GpuExecutor>(*gpu, seed);
  if (choice == DeviceChoice::kCuda) throw UserError("no usable NVIDIA GPU was found (--device cuda needs one of compute capability 8.0 or later and its driver)");
  return std::make_unique<CpuExecutor>(seed);
}

}  // namespace drtriton
