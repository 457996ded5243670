#include "execute/executor.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "execute/cpu_executor.h"
#include "execute/gpu_executor.h"
#include "execute/gpu_probe.h"

namespace drtriton {
namespace {

// Judging on a GPU waits for launches and for other processes most of the time, so several executors share one; each
// keeps about one core busy, and compiling needs the rest.
constexpr unsigned kCoresOfALane = 4, kMostLanes = 4;
constexpr int kLanesOfAFarm = 2;   // one makes reference values and compares while the other's kernels are interpreted

int LanesOf(int gpus) {
  const unsigned cores = std::max(1u, std::thread::hardware_concurrency());
  return static_cast<int>(std::clamp(cores / static_cast<unsigned>(gpus) / kCoresOfALane, 1u, kMostLanes));
}

// The last executor that uses a gate takes its folder away.
class GatedExecutor : public GpuExecutor {
 public:
  GatedExecutor(const DeviceSpec& device, uint64_t seed, GpuPlace place, std::shared_ptr<ScratchFolder> folder)
      : GpuExecutor(device, seed, std::move(place)), folder_(std::move(folder)) {}

 private:
  std::shared_ptr<ScratchFolder> folder_;
};

}  // namespace

std::optional<DeviceSpec> ChosenGpu(DeviceChoice choice) {
  if (choice == DeviceChoice::kCpu) return std::nullopt;
  std::optional<DeviceSpec> gpu = ProbeGpu();
  if (!gpu && choice == DeviceChoice::kCuda) throw UserError("no usable NVIDIA GPU was found (--device cuda needs one of compute capability 8.0 or later and its driver)");
  return gpu;
}

std::unique_ptr<Executor> MakeExecutor(DeviceChoice choice, uint64_t seed) {
  if (const auto gpu = ChosenGpu(choice)) return std::make_unique<GpuExecutor>(*gpu, seed);
  return std::make_unique<CpuExecutor>(seed);
}

std::vector<std::unique_ptr<Executor>> MakeExecutors(DeviceChoice choice, uint64_t seed, int lanes) {
  std::vector<std::unique_ptr<Executor>> executors;
  const auto device = ChosenGpu(choice);
  const int gpus = device ? EqualGpus() : 0;
  for (int gpu = 0; gpu < gpus; ++gpu) {
    const int sharers = lanes > 0 ? lanes : LanesOf(gpus);
    const auto gate = std::make_shared<ScratchFolder>("drtriton-gate");
    for (int lane = 0; lane < sharers; ++lane) executors.push_back(std::make_unique<GatedExecutor>(*device, seed, GpuPlace{gpu, sharers, gate->path()}, gate));
  }
  if (device && executors.empty()) executors.push_back(std::make_unique<GpuExecutor>(*device, seed));
  if (!executors.empty()) return executors;
  const auto farm = std::make_shared<InterpreterFarm>(FarmOptions{});
  for (int lane = 0; lane < (lanes > 0 ? lanes : kLanesOfAFarm); ++lane) executors.push_back(std::make_unique<CpuExecutor>(seed, farm));
  return executors;
}

}  // namespace drtriton
