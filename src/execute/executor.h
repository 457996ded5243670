// Executor: runs candidates on one device and measures how right and how fast they are.
//
// On a GPU two child processes share the work: a lean runner (driver API) that loads cubins and runs LaunchPlans, and a
// reference process (libtorch) that owns inputs, expected values and comparison and reads the runner's buffers through
// CUDA IPC.  The runner never holds expected values.  Without a GPU the candidate's kernels run under Triton's
// interpreter in a worker (compile/farm.h) and the reference process compares files.
#ifndef DRTRITON_EXECUTE_EXECUTOR_H_
#define DRTRITON_EXECUTE_EXECUTOR_H_

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "compile/farm.h"
#include "core/device.h"
#include "core/fragment.h"
#include "core/launch_plan.h"
#include "core/proposal.h"
#include "core/verdict.h"
#include "execute/timing.h"

namespace drtriton {

enum class DeviceChoice : uint8_t { kAuto, kCuda, kCpu };

// One candidate, compiled.
struct Executable {
  CompileRequest request;           // source and form: the interpreter runs this
  const LaunchPlan* plan = nullptr; // the GPU runs this
  std::filesystem::path folder;     // its cubins
};

struct ExecuteOptions {
  bool wall = false;        // GPU only: a foreign module's own run is timed too, as its caller sees it
  bool timed = true;        // GPU only
  TimingEffort timing = TimingEffort::kThorough;
  double timeout_s = 60;
  int determinism_runs = 8; // GPU only: runs that must agree, to the bit where the plan holds no atomics
};

using ProblemId = int32_t;

// What became of one mutant of a fragment (mutants.h).
struct MutantReport {
  std::string node;      // operator
  std::string change;
  std::string rule;      // by which it is equal; empty: none
  std::string outcome;   // "rejected", "survived", "unusable", "untried", "void"
  std::string set;       // the inputs that told it apart
};

class Executor {
 public:
  virtual ~Executor() = default;
  virtual const DeviceSpec& device() const = 0;
  virtual std::string device_name() const = 0;   // "NVIDIA H200" or "interpreter"

  // The Program under test with the values of its leaves (a .tensors file from the importer: parameters, buffers,
  // constants by value name, the module's own inputs).  Evaluates it once in the user's precision so that fragments get
  // inputs as they occur in the module.  Throws UserError when it does not fit the device's memory.
  virtual void LoadProgram(const Program& program, const std::filesystem::path& tensors) = 0;

  // Compares the loaded Program's results and mutations with those the module itself gave when the importer ran it
  // (stored in the .tensors file, docs/formats.md).  nullopt: equal; else one sentence saying what differs.
  virtual std::optional<std::string> CheckAgainstModule() = 0;

  // Makes input sets (the module's own values; signed; large; tiny; zeros; other parameter values) and expected values
  // for a fragment of the loaded Program.  A fragment at other shapes than its parent's (parent_inputs empty) gets
  // generated inputs only.  Release() frees them.
  virtual ProblemId Prepare(const Fragment& fragment, uint64_t seed) = 0;
  virtual void Release(ProblemId problem) = 0;
  // What is weak about the inputs of a problem, one sentence each: results that trivial values would satisfy, changes to
  // the program that no inputs tell apart.
  virtual std::vector<std::string> WeakInputs(ProblemId problem) const = 0;
  // Tries the mutants of a problem's fragment for about `seconds`.
  virtual std::vector<MutantReport> MeasurePower(ProblemId problem, double seconds) = 0;

  // Runs and compares one candidate; when it is right and `timed`, times it (CUDA graph, L2 flushed, interleaved with
  // the eager reference of the fragment).  Fills every field of the Verdict from stage kRun on.
  virtual Verdict Execute(ProblemId problem, const Executable& candidate, const ExecuteOptions& options) = 0;

  // A foreign module that Execute() accepted is also run itself, as its user would run it, and must give what one of its plans
  // gave: bit by bit, or within the numerics contract where equal runs may differ.  Rejects the verdict, or adds the layer
  // "real run" to it.  The interpreter does this as part of Execute().
  virtual void CheckItself(ProblemId, const CompileRequest&, const CompileResult&, const ExecuteOptions&, Verdict*) {}

  // The whole result of a module as a fresh Python process computed it (a .tensors file written by clock.py), judged by
  // the numerics contract against the loaded Program.
  virtual Verdict CompareResults(const std::filesystem::path& results) = 0;

  // Seconds that this executor spent, by what it did ("reference values", "timing", ...): for benches.
  virtual std::map<std::string, double> StageSeconds() const { return {}; }
};

// kAuto: the GPU where one and its driver are usable, else nullopt: the interpreter.  kCuda without a GPU: UserError.
std::optional<DeviceSpec> ChosenGpu(DeviceChoice choice);

// On the chosen device.
std::unique_ptr<Executor> MakeExecutor(DeviceChoice choice, uint64_t seed);

// Executors that work side by side, each for one thread: `lanes` on each GPU of this host (0: as many as its cores feed),
// all of the first one's kind.  While one makes reference values or compares, others run; only timing is done alone on a
// GPU.  They share what they have in common, so end them together.  Without a GPU: `lanes` that share interpreter workers.
std::vector<std::unique_ptr<Executor>> MakeExecutors(DeviceChoice choice, uint64_t seed, int lanes);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_EXECUTOR_H_
