#include "execute/gpu_busy.h"

#include <dlfcn.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "compile/farm.h"

namespace drtriton {
namespace {

// The few declarations of nvml.h that are needed; every function returns 0 when it succeeds.
struct Utilization {
  unsigned gpu = 0;      // percent of the library's own last sample period, a sixth of a second to a second
  unsigned memory = 0;
};
using Device = void*;

template <typename Function>
Function Find(void* library, const char* name) {
  return reinterpret_cast<Function>(dlsym(library, name));
}

}  // namespace

class GpuBusyMeter::Impl {
 public:
  explicit Impl(int gpus) {
    void* library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);   // stays loaded
    if (library == nullptr) return;
    const auto start = Find<int (*)()>(library, "nvmlInit_v2");
    const auto by_index = Find<int (*)(unsigned, Device*)>(library, "nvmlDeviceGetHandleByIndex_v2");
    const auto by_uuid = Find<int (*)(const char*, Device*)>(library, "nvmlDeviceGetHandleByUUID");
    ask_ = Find<int (*)(Device, Utilization*)>(library, "nvmlDeviceGetUtilizationRates");
    if (start == nullptr || by_index == nullptr || by_uuid == nullptr || ask_ == nullptr || start() != 0) return;
    for (int gpu = 0; gpu < gpus; ++gpu) {
      const std::string name = VisibleGpu(gpu);
      const bool number = !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
      Device device = nullptr;
      if ((number ? by_index(static_cast<unsigned>(std::stoi(name)), &device) : by_uuid(name.c_str(), &device)) == 0) devices_.push_back(device);
    }
    if (!devices_.empty()) thread_ = std::jthread([this](const std::stop_token& stop) { Sample(stop); });
  }

  std::optional<double> Share() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (samples_ == 0) return std::nullopt;
    return sum_ / (100.0 * samples_);
  }

 private:
  void Sample(const std::stop_token& stop) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (!stop.stop_requested()) {
      for (Device device : devices_) {
        Utilization utilization;
        if (ask_(device, &utilization) != 0) continue;
        sum_ += utilization.gpu;
        ++samples_;
      }
      ended_.wait_for(lock, stop, std::chrono::milliseconds(200), [] { return false; });
    }
  }

  int (*ask_)(Device, Utilization*) = nullptr;
  std::vector<Device> devices_;
  mutable std::mutex mutex_;
  std::condition_variable_any ended_;
  double sum_ = 0;   // percent; guarded by mutex_, as is what follows
  int samples_ = 0;
  std::jthread thread_;   // the last member: it ends first
};

GpuBusyMeter::GpuBusyMeter(int gpus) : impl_(std::make_unique<Impl>(gpus)) {}
GpuBusyMeter::~GpuBusyMeter() = default;

std::optional<double> GpuBusyMeter::Share() const { return impl_->Share(); }

}  // namespace drtriton
