#include "execute/gpu_probe.h"

#include <array>
#include <string>

#include "execute/cuda_driver.h"

namespace drtriton {
namespace {

// An H200's, as its driver reports them.
constexpr double kH200ClockKhz = 1980000;
constexpr double kH200MemoryKhzBits = 3201000.0 * 6144;

DeviceSpec Scaled(const std::array<int, 6>& facts, const char* name, int capability) {
  DeviceSpec spec = H200();
  spec.name = name;
  spec.capability = capability;
  const double compute = facts[0] / static_cast<double>(spec.multiprocessors) * (facts[3] / kH200ClockKhz);
  const double memory = static_cast<double>(facts[4]) * facts[5] / kH200MemoryKhzBits;
  spec.multiprocessors = facts[0];
  spec.shared_bytes_per_block = facts[1];
  spec.l2_bytes = facts[2];
  if (memory > 0) spec.memory_bytes_per_us *= memory;   // newer drivers report no memory clock
  spec.bf16_flops_per_us *= compute;
  spec.tf32_flops_per_us *= compute;
  spec.fp32_flops_per_us *= compute;
  return spec;
}

}  // namespace

std::optional<DeviceSpec> ProbeGpu() {
  const CudaDriver* cuda = FindCudaDriver();
  CUdevice device = 0;
  int count = 0;
  if (cuda == nullptr || cuda->cuInit(0) != CUDA_SUCCESS || cuda->cuDeviceGetCount(&count) != CUDA_SUCCESS || count == 0 ||
      cuda->cuDeviceGet(&device, 0) != CUDA_SUCCESS) {
    return std::nullopt;
  }
  char name[256] = "";
  if (cuda->cuDeviceGetName(name, sizeof(name), device) != CUDA_SUCCESS) return std::nullopt;
  const auto ask = [&](CUdevice_attribute attribute) {
    int value = 0;
    return cuda->cuDeviceGetAttribute(&value, attribute, device) == CUDA_SUCCESS ? value : 0;
  };
  const int capability = 10 * ask(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) + ask(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  if (capability < 80) return std::nullopt;
  const std::array<int, 6> facts = {ask(CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT), ask(CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
                                    ask(CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE), ask(CU_DEVICE_ATTRIBUTE_CLOCK_RATE),
                                    ask(CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE), ask(CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH)};
  DeviceSpec spec = name == H200().name ? H200() : Scaled(facts, name, capability);
  return spec;
}

int EqualGpus() {
  const CudaDriver* cuda = FindCudaDriver();
  int count = 0;
  if (cuda == nullptr || cuda->cuInit(0) != CUDA_SUCCESS || cuda->cuDeviceGetCount(&count) != CUDA_SUCCESS) return 0;
  const auto name_of = [&](int index) -> std::string {
    CUdevice device = 0;
    char name[256] = "";
    if (cuda->cuDeviceGet(&device, index) != CUDA_SUCCESS || cuda->cuDeviceGetName(name, sizeof(name), device) != CUDA_SUCCESS) return "";
    return name;
  };
  int equal = 0;
  while (equal < count && name_of(equal) == name_of(0)) ++equal;
  return equal;
}

}  // namespace drtriton
