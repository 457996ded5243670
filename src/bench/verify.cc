#include "bench/verify.h"

#include <chrono>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/process.h"
#include "compile/farm.h"
#include "core/composition.h"
#include "core/fragment.h"
#include "emit/emit.h"
#include "synth/module_text.h"
#include "templates/templates.h"
#include "verify/verifier.h"

namespace drtriton {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kUsualLimit{180'000};

double Since(SteadyClock::time_point start) { return std::chrono::duration<double>(SteadyClock::now() - start).count(); }

// The executor with the time it works, so that its share of the whole is known.
class WatchedExecutor : public Executor {
  template <typename Function>
  static auto Timed(double& total, Function function) {
    const auto start = SteadyClock::now();
    auto result = function();
    total += Since(start);
    return result;
  }

 public:
  explicit WatchedExecutor(std::unique_ptr<Executor> executor) : executor_(std::move(executor)) {}
  double preparing_s() const { return preparing_s_; }
  double executing_s() const { return executing_s_; }

  const DeviceSpec& device() const override { return executor_->device(); }
  std::string device_name() const override { return executor_->device_name(); }
  void LoadProgram(const Program& program, const std::filesystem::path& tensors) override { executor_->LoadProgram(program, tensors); }
  std::optional<std::string> CheckAgainstModule() override { return executor_->CheckAgainstModule(); }
  ProblemId Prepare(const Fragment& fragment, uint64_t seed) override {
    return Timed(preparing_s_, [&] { return executor_->Prepare(fragment, seed); });
  }
  void Release(ProblemId problem) override { executor_->Release(problem); }
  std::vector<std::string> WeakInputs(ProblemId problem) const override { return executor_->WeakInputs(problem); }
  std::vector<MutantReport> MeasurePower(ProblemId problem, double seconds) override { return executor_->MeasurePower(problem, seconds); }
  Verdict Execute(ProblemId problem, const Executable& candidate, const ExecuteOptions& options) override {
    return Timed(executing_s_, [&] { return executor_->Execute(problem, candidate, options); });
  }
  Verdict CompareResults(const std::filesystem::path& results) override { return executor_->CompareResults(results); }

 private:
  std::unique_ptr<Executor> executor_;
  double preparing_s_ = 0;
  double executing_s_ = 0;
};

// A sampled program with what the expert wrote for it.
struct Task {
  Sample sample;
  Fragment whole;
  std::vector<Proposal> proposals;
};

// Values are generated without a module, which alone knows what its indices may be.
bool ReadsIndices(const Program& program) {
  for (ValueId leaf : program.Leaves()) {
    if (!IsFloating(program.value(leaf).dtype)) return true;
  }
  return false;
}

// Programs of floats that the expert covers; `drawn` counts all.
std::deque<Task> MakeTasks(const VerifyBench& bench, const DeviceSpec& device, int& drawn) {
  TemplateProposer expert(Reach::kProgram);
  std::deque<Task> tasks;
  for (int ops = 1; ops <= 5; ++ops) {
    SamplerOptions options;
    options.ops = ops;
    options.size = bench.size;
    const Sampler sampler(options);
    const int wanted = bench.programs * ops / 5 - bench.programs * (ops - 1) / 5;
    int found = 0;
    for (uint64_t index = 0; found < wanted && index < 50ull * static_cast<uint64_t>(wanted); ++index) {
      ++drawn;
      Task task{sampler.Draw(bench.seed, index), {}, {}};
      task.whole = WholeProgram(task.sample.program);
      task.whole.parent_inputs.clear();   // no module was run: values are generated
      if (ReadsIndices(task.sample.program) || expert.WhyNot(task.whole)) continue;
      std::set<std::string> sources;
      for (Proposal& proposal : expert.Propose(task.whole, device, {.max_count = bench.candidates, .seed = bench.seed})) {
        if (sources.insert(proposal.source).second) task.proposals.push_back(std::move(proposal));
      }
      if (task.proposals.empty()) continue;
      tasks.push_back(std::move(task));
      ++found;
    }
  }
  return tasks;
}

// What judging all candidates gave.
struct Outcomes {
  int judged = 0;
  int kernels = 0;
  double seconds = 0;
  std::map<std::string, int> codes;
  std::vector<std::string> rejected;   // one sentence each
  std::vector<std::pair<const Task*, std::pair<const Proposal*, Judgement>>> accepted;   // one a program
};

Outcomes JudgeTasks(const std::deque<Task>& tasks, Verifier& verifier, const VerifyBench& bench, bool timed) {
  std::vector<Candidate> candidates;
  std::vector<const Task*> owners;
  for (const Task& task : tasks) {
    for (const Proposal& proposal : task.proposals) {
      candidates.push_back({&task.whole, &proposal});
      owners.push_back(&task);
    }
  }
  Outcomes outcomes;
  std::set<const Task*> seen;
  const auto start = SteadyClock::now();
  verifier.JudgeAll(candidates, {.strict = true, .timed = timed, .seed = bench.seed}, [&](size_t index, const Judgement& judgement) {
    ++outcomes.judged;
    ++outcomes.codes[judgement.verdict.code];
    if (judgement.plan) outcomes.kernels += static_cast<int>(judgement.plan->kernels.size());
    SetProgress("judged " + std::to_string(outcomes.judged) + " of " + std::to_string(candidates.size()));
    if (!judgement.verdict.accepted()) {
      std::string operators;
      for (const std::string& name : owners[index]->sample.operators) operators += (operators.empty() ? "" : ", ") + name;
      outcomes.rejected.push_back(judgement.verdict.code + " [" + operators + "; index " + std::to_string(owners[index]->sample.index) +
                                  "]: " + judgement.verdict.reason);
    } else if (seen.insert(owners[index]).second) {
      outcomes.accepted.push_back({owners[index], {candidates[index].proposal, judgement}});
    }
  });
  ClearProgress();
  outcomes.seconds = Since(start);
  return outcomes;
}

// Mean seconds of evaluating candidates the usual way; nullopt where none could be.
std::optional<double> UsualSeconds(const Outcomes& outcomes, const DeviceSpec& device, int count) {
  ScratchFolder scratch("drtriton-usual");
  double total = 0;
  int done = 0;
  for (size_t i = 0; i < outcomes.accepted.size() && done < count && !Interrupted(); ++i) {
    const auto& [task, chosen] = outcomes.accepted[i * outcomes.accepted.size() / static_cast<size_t>(count) % outcomes.accepted.size()];
    const std::string source = WrittenModule(task->sample.program, task->sample.leaves);
    Composition composition{task->sample.program, {KernelStep{task->whole, *chosen.first, *chosen.second.plan, chosen.second.verdict}}};
    const std::filesystem::path module = scratch.path() / "module.py", candidate = scratch.path() / "candidate.py";
    WriteFileAtomically(module, source);
    WriteFileAtomically(candidate, EmitModule(composition, {.module_source = source, .module_name = "module.py", .device = device, .untimed = false, .reduced_shapes = false, .constants = {}, .notes = {}}));
    const auto start = SteadyClock::now();
    const CommandResult result = RunCommand(PythonProcess("fresh_evaluation", {module.string(), candidate.string()}), kUsualLimit);
    if (result.end.exit_code != 0 || result.end.signal != 0) {
      Debug("usual evaluation: " + result.end.stderr_tail);
      continue;
    }
    total += Since(start);
    ++done;
  }
  if (done == 0) return std::nullopt;
  return total / done;
}

std::string Row(const std::string& name, double value, int digits) {
  char text[160];
  std::snprintf(text, sizeof text, "| %s | %.*f |\n", name.c_str(), digits, value);
  return text;
}

}  // namespace

std::string RunVerifyBench(const VerifyBench& bench) {
  WatchedExecutor executor(MakeExecutor(bench.device, bench.seed));
  CompileFarm farm(executor.device(), {});
  Verifier verifier(farm, executor, nullptr);
  int drawn = 0;
  const std::deque<Task> tasks = MakeTasks(bench, executor.device(), drawn);
  const bool gpu = executor.device_name() != "interpreter";
  const Outcomes outcomes = JudgeTasks(tasks, verifier, bench, gpu);
  std::string text = "Device: " + executor.device_name() + ", seed " + std::to_string(bench.seed) + ".\n\n| measure | value |\n|---|---|\n";
  text += Row("programs drawn", drawn, 0) + Row("programs judged", static_cast<double>(tasks.size()), 0);
  text += Row("candidates", outcomes.judged, 0) + Row("kernels", outcomes.kernels, 0) + Row("seconds", outcomes.seconds, 1);
  text += Row("candidates/s", outcomes.judged / outcomes.seconds, 2) + Row("kernels/s", outcomes.kernels / outcomes.seconds, 2);
  text += Row("share of the time: executing, %", 100 * executor.executing_s() / outcomes.seconds, 1);
  text += Row("share of the time: reference values, %", 100 * executor.preparing_s() / outcomes.seconds, 1);
  for (const auto& [code, count] : outcomes.codes) text += Row("verdict " + code, count, 0);
  if (bench.usual > 0 && gpu && !Interrupted()) {
    if (std::optional<double> usual = UsualSeconds(outcomes, executor.device(), bench.usual)) {
      text += Row("a usual evaluation, s", *usual, 2);
      text += Row("candidates judged in the time of one usual evaluation", *usual * outcomes.judged / outcomes.seconds, 0);
    }
  }
  if (!outcomes.rejected.empty()) text += "\nNot accepted:\n\n";
  for (const std::string& line : outcomes.rejected) text += "- " + line + "\n";
  return text;
}

}  // namespace drtriton
