// The argument list of one kernel launch as bytes, as Triton 3.6's own launcher would build it.
#ifndef DRTRITON_EXECUTE_LAUNCH_ARGUMENTS_H_
#define DRTRITON_EXECUTE_LAUNCH_ARGUMENTS_H_

#include <cuda.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "core/launch_plan.h"
#include "execute/plan_layout.h"

namespace drtriton {

// Owns the bytes that `pointers` (what cuLaunchKernelEx takes) lead to.  Tensor maps are aligned to 64 bytes.
class LaunchArguments {
 public:
  // `buffers` has the address of each of the plan's buffers; scratch memory lies at `base` as `layout` says.  Throws
  // CudaFailure when the driver refuses a tensor map, UserError when a descriptor does not fit one.
  LaunchArguments(const LaunchPlan& plan, const std::vector<CUdeviceptr>& buffers, const PlanLayout& layout, size_t step, CUdeviceptr base);

  void** pointers() { return pointers_.data(); }
  size_t count() const { return pointers_.size(); }

 private:
  struct alignas(64) Cell {
    unsigned char bytes[sizeof(CUtensorMap)];
  };
  template <typename T>
  void Push(const T& value);
  void PushScalar(const ScalarArg& arg);
  void PushDescriptor(const DescriptorArg& arg, CUdeviceptr buffer);
  void PushShape(const DescriptorArg& arg);

  std::vector<std::unique_ptr<Cell>> cells_;
  std::vector<void*> pointers_;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_LAUNCH_ARGUMENTS_H_
