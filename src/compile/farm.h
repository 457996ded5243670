// CompileFarm: candidates in, LaunchPlans out, all cores busy.
//
// Each candidate runs once in a fresh fork of a warm Python parent that never ran candidate code, has no GPU and no
// network, and sees a read-only file system.  What comes back is data, parsed by LaunchPlanFromJson.  A candidate that
// crashes, hangs or eats memory costs its own fork.
#ifndef DRTRITON_COMPILE_FARM_H_
#define DRTRITON_COMPILE_FARM_H_

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compile/sandbox.h"
#include "core/device.h"
#include "core/fragment.h"
#include "core/launch_plan.h"
#include "core/verdict.h"

namespace drtriton {

enum class CandidateForm : uint8_t {
  kLaunch,  // the source defines launch(*inputs) -> tuple (ours)
  kModule,  // the source defines ModelNew (a user's file); the fragment is the whole Program
};

struct CompileRequest {
  const Fragment* fragment = nullptr;   // shapes, dtypes and strides of the inputs and results; outlives the call
  CandidateForm form = CandidateForm::kLaunch;
  std::string source;                   // the candidate file's text
  std::filesystem::path source_path;    // kModule: where it stands (its folder is importable), may be empty
  std::filesystem::path module_path;    // kModule: the user's module, for get_init_inputs()
  uint64_t seed = 0;                    // kModule: under which the user's module was constructed
  std::map<std::string, std::string> digests;   // kModule: ImportedModule::digests
  bool strict = true;                   // refuse ATen computation instead of recording a vendor step
};

struct CompileFailure {
  Stage stage = Stage::kCompile;
  std::string code;     // one of VerdictCodes()
  std::string reason;   // one sentence
};

struct CompileResult {
  // The plan and its recorded alternatives (`triton.autotune` configurations, first the one Triton would try first);
  // empty when `failure` is set.  Cubins lie in `folder`.
  std::vector<LaunchPlan> plans;
  std::filesystem::path folder;
  std::optional<CompileFailure> failure;
  std::vector<std::string> layers;      // isolation that was active: "namespaces", "seccomp", "rlimits", ...
};

inline constexpr int kBatchNiceness = 10;

struct FarmOptions {
  int workers = 0;                 // forks at once; 0: one a core
  int forks_of_one = 4;            // of the processes that fork, which take 10 to 40 ms a fork and hold 350 MB each
  int niceness = 0;                // of compiling: in a batch (kBatchNiceness) what a GPU or a comparison waits for goes before it
  double timeout_s = 60;           // for one candidate
  int64_t memory_limit_bytes = 6ll << 30;   // of one candidate
  int max_alternatives = 16;       // autotune configurations recorded
  std::filesystem::path folder;    // where results go; a ScratchFolder of the farm's own when empty
};

class CompileFarm {
 public:
  CompileFarm(const DeviceSpec& device, FarmOptions options);
  ~CompileFarm();

  // One result a request, in order; `finished` is called in the calling thread as each is done, in any order.  Several
  // threads may call it at once: all their candidates share the workers.
  std::vector<CompileResult> CompileAll(const std::vector<CompileRequest>& requests,
                                        const std::function<void(size_t index, const CompileResult&)>& finished = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Runs a candidate's kernels under Triton's interpreter on real data, for machines without a GPU, with the same isolation.
// With `plan` the plan is replayed and nothing of the candidate runs but its kernels' text; without, its launcher runs.
struct InterpretRequest {
  CompileRequest candidate;
  std::filesystem::path inputs;    // a .tensors file: one tensor a fragment input, in order (docs/formats.md)
  std::filesystem::path outputs;   // written: one tensor a fragment result, in order, "result0", "result1", ...
  double timeout_s = 120;
  const LaunchPlan* plan = nullptr;       // outlives the call
  std::vector<int> poisons = {255};       // bytes that fill memory that no step wrote; runs must agree (`unwritten`)
  uint64_t random_seed = 0;               // of vendor steps that draw random numbers
  bool wall = false;                      // on a GPU: also time the module as its caller sees it
};
struct InterpretResult {
  std::optional<CompileFailure> failure;
  std::vector<std::string> layers;
  std::optional<double> wall_us;          // a call of forward(), in a loop that is waited for at its end
};

// The GPU of this index as CUDA_VISIBLE_DEVICES names it to a child: ours may be a part of the machine's.
std::string VisibleGpu(int index);

// Where a candidate runs on real data.
struct RunPlace {
  int gpu = -1;                         // the GPU's index among those visible to us; -1: Triton's interpreter
  std::optional<Isolation> isolation;   // AvailableIsolation() when not given
};

class InterpreterFarm {
 public:
  explicit InterpreterFarm(FarmOptions options, RunPlace place = {});
  ~InterpreterFarm();
  std::vector<InterpretResult> RunAll(const std::vector<InterpretRequest>& requests);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drtriton

#endif  // DRTRITON_COMPILE_FARM_H_
