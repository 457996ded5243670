// CpuExecutor: for machines without a GPU.  Candidates run under Triton's interpreter in workers of compile/farm.h, the
// reference process compares the files they write.  Nothing is timed, and races and memory errors do not show.
#ifndef DRTRITON_EXECUTE_CPU_EXECUTOR_H_
#define DRTRITON_EXECUTE_CPU_EXECUTOR_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "execute/executor.h"
#include "execute/reference_client.h"

namespace drtriton {

class CpuExecutor : public Executor {
 public:
  // `farm`: shared with other executors; one of its own when null.
  explicit CpuExecutor(uint64_t seed, std::shared_ptr<InterpreterFarm> farm = nullptr);

  const DeviceSpec& device() const override { return H200(); }   // kernels are still written for a GPU
  std::string device_name() const override { return "interpreter"; }
  void LoadProgram(const Program& program, const std::filesystem::path& tensors) override { reference_.LoadProgram(program, tensors, seed_); }
  std::optional<std::string> CheckAgainstModule() override { return reference_.CheckAgainstModule(); }
  ProblemId Prepare(const Fragment& fragment, uint64_t seed) override;
  void Release(ProblemId problem) override;
  std::vector<std::string> WeakInputs(ProblemId problem) const override { return problems_.at(problem).weak; }
  std::vector<MutantReport> MeasurePower(ProblemId problem, double seconds) override { return reference_.MeasurePower(problem, seconds); }
  Verdict Execute(ProblemId problem, const Executable& candidate, const ExecuteOptions& options) override;
  Verdict CompareResults(const std::filesystem::path& results) override;
  std::map<std::string, double> StageSeconds() const override;

 private:
  std::filesystem::path InputsOf(int problem, size_t set);
  // Runs the candidate on these sets and compares; false: the verdict says why not.
  bool RunSets(const PreparedProblem& problem, const std::vector<size_t>& sets, const Executable& candidate, const ExecuteOptions& options, Verdict* verdict);
  static bool Reject(const CompileFailure& failure, Verdict* verdict);   // false
  // Whether the candidate's own run gave bit by bit what the replay of its plan gave.
  static bool AgreesWithItself(const std::filesystem::path& replayed, const std::filesystem::path& itself, const InterpretResult& result, Verdict* verdict);

  uint64_t seed_;
  ScratchFolder folder_;
  ReferenceClient reference_;
  std::shared_ptr<InterpreterFarm> farm_;
  bool workers_started_ = false;
  double reference_s_ = 0, interpreting_s_ = 0, comparing_s_ = 0;
  std::map<int, PreparedProblem> problems_;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_CPU_EXECUTOR_H_
