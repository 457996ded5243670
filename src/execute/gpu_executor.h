// GpuExecutor: a candidate's launches run in drtriton-runner, everything that knows what is right in drtriton-reference;
// the two share the candidate's buffers and never a secret.  docs/execution.md tells the order of events.
#ifndef DRTRITON_EXECUTE_GPU_EXECUTOR_H_
#define DRTRITON_EXECUTE_GPU_EXECUTOR_H_

#include <array>
#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "compile/real_run_farm.h"
#include "execute/executor.h"
#include "execute/gpu_gate.h"
#include "execute/plan_layout.h"
#include "execute/reference_client.h"
#include "execute/runner_pool.h"
#include "execute/timing.h"

namespace drtriton {

class GpuExecutor : public Executor {
 public:
  GpuExecutor(const DeviceSpec& device, uint64_t seed, GpuPlace place = {});

  const DeviceSpec& device() const override { return device_; }
  std::string device_name() const override { return device_.name; }
  void LoadProgram(const Program& program, const std::filesystem::path& tensors) override { reference_.LoadProgram(program, tensors, seed_); }
  std::optional<std::string> CheckAgainstModule() override { return reference_.CheckAgainstModule(); }
  ProblemId Prepare(const Fragment& fragment, uint64_t seed) override;
  void Release(ProblemId problem) override;
  std::vector<std::string> WeakInputs(ProblemId problem) const override { return problems_.at(problem).weak; }
  std::vector<MutantReport> MeasurePower(ProblemId problem, double seconds) override { return reference_.MeasurePower(problem, seconds); }
  Verdict Execute(ProblemId problem, const Executable& candidate, const ExecuteOptions& options) override;
  Verdict CompareResults(const std::filesystem::path& results) override;
  void CheckItself(ProblemId problem, const CompileRequest& candidate, const CompileResult& compiled,
                   const ExecuteOptions& options, Verdict* verdict) override;
  std::map<std::string, double> StageSeconds() const override;

 private:
  // One candidate while it is judged.
  struct Trial {
    const PreparedProblem& problem;
    const Executable& candidate;
    const ExecuteOptions& options;
    std::vector<PlanSegment> segments;
  };
  // What the time goes to.
  enum class Work : uint8_t { kReference, kLoading, kSets, kRepeating, kWaiting, kTiming, kRealRun, kKinds };
  class Clocked;

  Json AskRunner(const Json& request, std::chrono::milliseconds limit);
  void ForgetReference();   // it is another process: nothing is mapped there
  bool Judge(const Trial& trial, Verdict* verdict);
  bool LoadPlan(const Trial& trial, Verdict* verdict);
  void LoadIntoRunner(const Trial& trial);
  void Place(size_t set);
  bool RunPlaced(const Trial& trial, const Json& variation);
  void RunAgain(const Trial& trial, const Json& variation, Verdict* verdict);
  bool CheckSets(const Trial& trial, Verdict* verdict);
  bool CheckDeterminism(const Trial& trial, Verdict* verdict);
  bool CheckAgain(const Trial& trial, const Json& variation, Verdict* verdict);
  double WarmUp(const Trial& trial);
  void Time(const Trial& trial, Verdict* verdict);
  void MeasureAlone(const Trial& trial, Verdict* verdict);
  std::vector<double> TimeSegment(const Trial& trial, const PlanSegment& segment, int count);
  std::vector<double> TimeEager(const Trial& trial, int count);

  // Of CheckItself (gpu_real_run.cc).  `results`: a file of what the candidate itself gave.
  InterpretResult RunItself(ProblemId problem, const CompileRequest& candidate, const ExecuteOptions& options);
  void TakeFailure(const CompileFailure& failure, Verdict* verdict);
  bool AgreesWithAny(ProblemId problem, const CompileRequest& candidate, const CompileResult& compiled,
                     const ExecuteOptions& options, const std::filesystem::path& results, std::string* difference);
  std::string DifferenceBeyondBounds(ProblemId problem, const std::filesystem::path& results);   // empty: none

  DeviceSpec device_;
  uint64_t seed_;
  GpuPlace place_;
  GpuGate gate_;
  std::array<double, static_cast<size_t>(Work::kKinds)> seconds_{};
  ScratchFolder folder_;
  std::optional<RealRunFarm> real_runs_;   // started by the first foreign module
  ReferenceClient reference_;
  RunnerPool runners_;
  double running_s_ = 0;           // in the runner, waiting at the gate left out
  int64_t buffer_bytes_ = 0;       // of the runner's allocation that the reference has mapped
  int mapped_generation_ = -1;     // of the runner it belongs to
  std::chrono::steady_clock::time_point last_timing_;   // none yet: the epoch
  std::map<int, PreparedProblem> problems_;
  // Eager times of the problem that was timed last: its next candidate adds to them.
  int eager_problem_ = -1;
  std::vector<std::vector<double>> eager_rounds_;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_GPU_EXECUTOR_H_
