// CudaRunner: loads a LaunchPlan's cubins and runs it through the CUDA driver API.  The heart of drtriton-runner.
//
// It owns one device allocation for all buffers of the plan at hand, which another process may map by CUDA IPC, and
// knows neither inputs nor expected values.  Failures are CudaFailure; after a sticky one the process must end.
// One thread.
#ifndef DRTRITON_EXECUTE_CUDA_RUNNER_H_
#define DRTRITON_EXECUTE_CUDA_RUNNER_H_

#include <cuda.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/launch_plan.h"
#include "execute/crowd.h"
#include "execute/guarded_memory.h"
#include "execute/launch_arguments.h"
#include "execute/plan_layout.h"

namespace drtriton {

// How a run differs from the plain one.
struct RunVariation {
  std::optional<uint8_t> poison;   // fill everything but the inputs with it first
  Guard guard = Guard::kNone;
  Neighbours neighbours = Neighbours::kNone;
  bool cold = false;               // flush the L2 cache first
};

class CudaRunner {
 public:
  explicit CudaRunner(int device);   // creates the context (150-320 ms)
  ~CudaRunner();
  CudaRunner(const CudaRunner&) = delete;
  CudaRunner& operator=(const CudaRunner&) = delete;

  // Makes the plan the current one: grows the allocation where it is too small, loads modules, fills all buffers and red
  // zones with `poison`.  Returns true when the allocation is a new one, so that a mapping of the old one is void.
  bool Load(const LaunchPlan& plan, const std::filesystem::path& folder, uint8_t poison);
  void Unload();
  std::array<unsigned char, sizeof(CUipcMemHandle)> ShareHandle() const;

  void Poison(uint8_t poison);
  // Runs steps [first, last), all of them the runner's own (plan_layout.h), and waits for them.  With a guard the buffers
  // are copied into guarded memory, the steps run there, and all buffers are copied back.  Returns whether the guard was
  // there: memory may not suffice for it.
  bool Run(size_t first, size_t last, const RunVariation& variation);
  // Device time in milliseconds of each of `count` replays of the steps as a CUDA graph, the L2 cache flushed before
  // each one.
  std::vector<float> Time(size_t first, size_t last, int count);

 private:
  struct Kernel {
    CUmodule module = nullptr;
    CUfunction function = nullptr;
  };
  // Where the plan's buffers are, and the launches' arguments for that place: one a step, null for copies and fills.
  struct Placed {
    std::vector<CUdeviceptr> buffers;
    std::vector<std::unique_ptr<LaunchArguments>> arguments;
  };
  bool Reserve(int64_t bytes);
  Placed Place(std::vector<CUdeviceptr> buffers) const;
  void FillRange(int64_t begin, int64_t end, uint8_t poison);
  void ClearScratch();
  void PoisonAroundInputs(uint8_t poison);
  bool EnterGuard(Guard guard);
  void LeaveGuard();
  void CopyBuffers(const std::vector<CUdeviceptr>& from, const std::vector<CUdeviceptr>& to);
  void LoadKernel(const KernelImage& image, const std::filesystem::path& folder);
  void Enqueue(size_t step);
  void Launch(size_t step);
  void Copy(const CopyStep& copy);
  void Fill(const FillStep& fill);
  CUdeviceptr Address(const TensorView& view) const;
  CUgraphExec GraphOf(size_t first, size_t last);
  void FlushCache();
  void DropGraphs();

  CUdevice device_ = 0;
  CUstream stream_ = nullptr;
  CUdeviceptr base_ = 0;
  int64_t reserved_bytes_ = 0;
  CUdeviceptr flush_ = 0;
  int64_t flush_bytes_ = 0;
  LaunchPlan plan_;
  PlanLayout layout_;
  std::vector<Kernel> kernels_;
  uint8_t poison_ = 0;   // the last one
  Placed plain_;         // in the allocation
  Placed guarded_;       // while a guarded run lasts
  const Placed* placed_ = &plain_;
  GuardedMemory guarded_memory_;
  Crowd crowd_;
  struct Graph {
    size_t first, last;
    CUgraphExec exec;
  };
  std::vector<Graph> graphs_;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_CUDA_RUNNER_H_
