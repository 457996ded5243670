// GpuBusyMeter: in what share of the time GPUs ran kernels, as NVIDIA's management library sees it.
#ifndef DRTRITON_EXECUTE_GPU_BUSY_H_
#define DRTRITON_EXECUTE_GPU_BUSY_H_

#include <memory>
#include <optional>

namespace drtriton {

// Samples from a thread of its own while it lives.
class GpuBusyMeter {
 public:
  explicit GpuBusyMeter(int gpus);   // the first ones of those visible to us
  ~GpuBusyMeter();

  // The mean share (0 ... 1) over all GPUs since the start; nullopt where the library is not there or tells nothing.
  std::optional<double> Share() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_GPU_BUSY_H_
