// What the reference process does on a GPU beside libtorch's operators: mapping the runner's buffers, timing.
//
// Everything goes through the driver API on libtorch's own context and streams.  Nothing here is called without a GPU.
#ifndef DRTRITON_EXECUTE_REFERENCE_DEVICE_H_
#define DRTRITON_EXECUTE_REFERENCE_DEVICE_H_

#include <ATen/ATen.h>
#include <cuda.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace drtriton {

// The runner's allocation as seen from here.  The destructor unmaps it.
class MappedBuffers {
 public:
  // `handle` is CUipcMemHandle in hexadecimal.  Throws CudaFailure.
  explicit MappedBuffers(const std::string& handle);
  ~MappedBuffers();
  MappedBuffers(const MappedBuffers&) = delete;
  MappedBuffers& operator=(const MappedBuffers&) = delete;

  // A tensor on these bytes; `offset` in bytes from the start.
  at::Tensor View(int64_t offset, at::IntArrayRef shape, at::IntArrayRef strides, at::ScalarType type) const;

 private:
  CUdeviceptr base_ = 0;
};

// Work of libtorch's, recorded as a CUDA graph where it can be, to be timed again and again.  Work that synchronises or
// reads values on the host cannot be recorded; it is timed as it runs, host time included.
class TimedWork {
 public:
  explicit TimedWork(std::function<std::vector<at::Tensor>()> work);
  ~TimedWork();

  // Device time of each of `count` runs in milliseconds, the L2 cache flushed before each.
  std::vector<float> Time(int count);
  bool captured() const { return captured_; }

 private:
  struct Graph;
  void Capture();

  std::function<std::vector<at::Tensor>()> work_;
  std::unique_ptr<Graph> graph_;
  bool captured_ = false;
};

bool HasGpu();
void Synchronize();
// Whether the GPU still answers: after a device-side assertion or a fault nothing works in this process.
bool ContextWorks();
int64_t TotalMemoryBytes();
// Gives libtorch's unused memory back to the device.
void TrimMemory();

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_REFERENCE_DEVICE_H_
