#include "execute/cuda_driver.h"

#include <dlfcn.h>

namespace drtriton {
namespace {

std::string CodeOf(CUresult result) {
  switch (result) {
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC: return "illegal_access";
    case CUDA_ERROR_OUT_OF_MEMORY: return "out_of_memory";
    case CUDA_ERROR_LAUNCH_TIMEOUT: return "timeout";
    default: return "launch_failed";
  }
}

bool IsSticky(CUresult result) {
  switch (result) {
    case CUDA_ERROR_OUT_OF_MEMORY:
    case CUDA_ERROR_INVALID_VALUE:
    case CUDA_ERROR_INVALID_IMAGE:
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
    case CUDA_ERROR_NOT_FOUND:
    case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES: return false;
    default: return true;
  }
}

std::string Describe(CUresult result, const std::string& doing) {
  const CudaDriver* driver = FindCudaDriver();
  const char* text = nullptr;
  if (driver != nullptr) driver->cuGetErrorString(result, &text);
  return doing + ": " + (text != nullptr ? text : "CUDA error " + std::to_string(result));
}

// cuda.h maps cuMemAlloc to cuMemAlloc_v2 and so on; the two-step macro sees the mapped name.
#define DRTRITON_TEXT_OF(name) #name
#define DRTRITON_SYMBOL(name) DRTRITON_TEXT_OF(name)

CudaDriver* Open() {
  void* library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return nullptr;
  static CudaDriver driver;
  bool complete = true;
#define DRTRITON_RESOLVE(name)                                                                        \
  driver.name = reinterpret_cast<decltype(driver.name)>(dlsym(library, DRTRITON_SYMBOL(name)));        \
  complete = complete && driver.name != nullptr;
  DRTRITON_CUDA_FUNCTIONS(DRTRITON_RESOLVE)
#undef DRTRITON_RESOLVE
  return complete ? &driver : nullptr;
}

}  // namespace

CudaFailure::CudaFailure(CUresult result, const std::string& doing)
    : std::runtime_error(Describe(result, doing)), code_(CodeOf(result)), sticky_(IsSticky(result)) {}

const CudaDriver* FindCudaDriver() {
  static const CudaDriver* const driver = Open();
  return driver;
}

void Check(CUresult result, const std::string& doing) {
  if (result != CUDA_SUCCESS) throw CudaFailure(result, doing);
}

}  // namespace drtriton
