// The CUDA driver, opened at run time: libcuda.so.1 belongs to the machine, so nothing links against it.
#ifndef DRTRITON_EXECUTE_CUDA_DRIVER_H_
#define DRTRITON_EXECUTE_CUDA_DRIVER_H_

#include <cuda.h>

#include <stdexcept>
#include <string>

namespace drtriton {

// A driver call that failed.  `code` is one of VerdictCodes(): "illegal_access", "launch_failed", "out_of_memory",
// "timeout".  After most of them the context is lost and the process has to end (`sticky`).
class CudaFailure : public std::runtime_error {
 public:
  CudaFailure(CUresult result, const std::string& doing);
  const std::string& code() const { return code_; }
  bool sticky() const { return sticky_; }

 private:
  std::string code_;
  bool sticky_;
};

// Entry points by the name that cuda.h maps them to (cuMemAlloc is cuMemAlloc_v2).
struct CudaDriver {
#define DRTRITON_CUDA_FUNCTIONS(X)                                                                                       \
  X(cuInit) X(cuDeviceGet) X(cuDeviceGetCount) X(cuDeviceGetName) X(cuDeviceGetAttribute) X(cuDeviceTotalMem)            \
  X(cuDevicePrimaryCtxRetain) X(cuCtxSetCurrent) X(cuCtxSynchronize) X(cuGetErrorString) X(cuGetErrorName)               \
  X(cuModuleLoadData) X(cuModuleUnload) X(cuModuleGetFunction) X(cuFuncSetAttribute) X(cuFuncGetAttribute)               \
  X(cuFuncSetCacheConfig) X(cuLaunchKernelEx) X(cuTensorMapEncodeTiled) X(cuMemAlloc) X(cuMemFree) X(cuMemGetInfo)       \
  X(cuIpcGetMemHandle) X(cuIpcOpenMemHandle) X(cuIpcCloseMemHandle) X(cuStreamCreate) X(cuStreamSynchronize) X(cuStreamQuery) X(cuStreamBeginCapture)                 \
  X(cuStreamEndCapture) X(cuGraphInstantiate) X(cuGraphLaunch) X(cuGraphUpload) X(cuGraphDestroy) X(cuGraphExecDestroy)  \
  X(cuEventCreate) X(cuEventRecord) X(cuEventElapsedTime) X(cuEventDestroy) X(cuMemsetD8Async) X(cuMemsetD16Async)       \
  X(cuMemsetD32Async) X(cuMemcpyDtoDAsync) X(cuMemGetAllocationGranularity) X(cuMemCreate) X(cuMemRelease)               \
  X(cuMemAddressReserve) X(cuMemAddressFree) X(cuMemMap) X(cuMemUnmap) X(cuMemSetAccess)
#define DRTRITON_DECLARE(name) decltype(&::name) name = nullptr;
  DRTRITON_CUDA_FUNCTIONS(DRTRITON_DECLARE)
#undef DRTRITON_DECLARE
};

// The opened driver, or nullptr where there is none (or one too old).  Opened once; does not create a context.
const CudaDriver* FindCudaDriver();

// Throws CudaFailure unless `result` is success.
void Check(CUresult result, const std::string& doing);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_CUDA_DRIVER_H_
