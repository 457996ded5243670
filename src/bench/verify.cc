#include "bench/verify.h"

#include <algorithm>
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
#include "base/seconds.h"
#include "bench/sampled_fragment.h"
#include "compile/farm.h"
#include "core/composition.h"
#include "core/fragment.h"
#include "emit/emit.h"
#include "execute/gpu_busy.h"
#include "execute/gpu_probe.h"
#include "store/store.h"
#include "synth/module_text.h"
#include "templates/templates.h"
#include "verify/verifier.h"

namespace drtriton {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kUsualLimit{180'000};
constexpr int kAlternatives = 4;   // configurations recorded of one candidate

// A sampled program with what the expert wrote for it.
struct Task {
  Sample sample;
  Fragment whole;
  std::vector<Proposal> proposals;
};

std::string Named(const Sample& sample) {
  std::string operators;
  for (const std::string& name : sample.operators) operators += (operators.empty() ? "" : ", ") + name;
  return "[" + operators + "; index " + std::to_string(sample.index) + "]";
}

std::string Families(const Proposal& proposal) {
  std::string families;
  for (const KernelPlan& kernel : proposal.kernels) families += (families.empty() ? "" : ", ") + kernel.family;
  return families.empty() ? "views" : families;
}

// What the expert writes for the task.  A fault of its own costs the bench this program alone, and is told.
void Propose(const TemplateProposer& expert, const VerifyBench& bench, const DeviceSpec& device, Task* task, std::vector<std::string>* faults) {
  try {
    if (expert.WhyNot(task->whole)) return;
    std::set<std::string> sources;
    for (Proposal& proposal : expert.Propose(task->whole, device, {.max_count = bench.candidates, .seed = bench.seed})) {
      if (sources.insert(proposal.source).second) task->proposals.push_back(std::move(proposal));
    }
  } catch (const std::exception& error) {
    task->proposals.clear();
    faults->push_back(Named(task->sample) + ": " + error.what());
  }
}

// Programs that the expert covers; `drawn` counts all.
std::deque<Task> MakeTasks(const VerifyBench& bench, const DeviceSpec& device, int& drawn, std::vector<std::string>* faults) {
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
      task.whole = SampledFragment(task.sample);
      Propose(expert, bench, device, &task, faults);
      if (task.proposals.empty()) continue;
      tasks.push_back(std::move(task));
      ++found;
    }
  }
  return tasks;
}

// What judging all candidates gave.
struct Outcomes {
  int written = 0;                     // candidates
  int kept = 0;                        // answered from the store
  int judged = 0;                      // the others, as far as the time went
  int kernels = 0;
  int warm = 0, warm_kernels = 0;      // judged after the first verdict
  double seconds = 0, warm_seconds = 0;
  double compile_s = 0;                // of workers, summed
  std::map<std::string, int> codes;
  std::vector<std::string> rejected;   // one sentence each
  std::vector<std::pair<const Task*, std::pair<const Proposal*, Judgement>>> accepted;   // one a program
};

class Judging {
 public:
  Judging(const std::deque<Task>& tasks, const VerifyBench& bench) : bench_(bench) {
    for (const Task& task : tasks) {
      for (const Proposal& proposal : task.proposals) {
        candidates_.push_back({&task.whole, &proposal});
        owners_.push_back(&task);
      }
    }
  }

  Outcomes Run(Verifier& verifier, bool timed) {
    start_ = SteadyClock::now();
    verifier_ = &verifier;
    kept_before_ = verifier.times().kept;
    outcomes_.written = static_cast<int>(candidates_.size());
    JudgeOptions options{.strict = true, .timed = timed, .quick_timing = true, .seed = bench_.seed};
    if (bench_.seconds > 0) options.enough = [this] { return SecondsSince(start_) > bench_.seconds; };
    verifier.JudgeAll(candidates_, options, [&](size_t index, const Judgement& judgement) { Count(index, judgement); });
    ClearProgress();
    outcomes_.seconds = SecondsSince(start_);
    outcomes_.warm_seconds = first_ ? SecondsSince(*first_) : 0;
    return std::move(outcomes_);
  }

 private:
  void Count(size_t index, const Judgement& judgement) {
    const Verdict& verdict = judgement.verdict;
    if (verdict.code == "interrupted") return;
    ++outcomes_.codes[verdict.code];
    if (verifier_->times().kept - kept_before_ > outcomes_.kept) {
      ++outcomes_.kept;
      List(index, judgement);
      return;
    }
    const int kernels = judgement.plan ? static_cast<int>(judgement.plan->kernels.size()) : 0;
    ++outcomes_.judged;
    outcomes_.kernels += kernels;
    outcomes_.compile_s += verdict.compile_ms / 1000;
    if (first_) {
      ++outcomes_.warm;
      outcomes_.warm_kernels += kernels;
    } else {
      first_ = SteadyClock::now();
    }
    SetProgress("judged " + std::to_string(outcomes_.judged) + " of " + std::to_string(candidates_.size()));
    List(index, judgement);
  }

  void List(size_t index, const Judgement& judgement) {
    const Verdict& verdict = judgement.verdict;
    const Task& owner = *owners_[index];
    if (verdict.accepted()) {
      if (seen_.insert(&owner).second) outcomes_.accepted.push_back({&owner, {candidates_[index].proposal, judgement}});
      return;
    }
    outcomes_.rejected.push_back(verdict.code + " " + Named(owner.sample) + " by " + Families(*candidates_[index].proposal) + ": " + verdict.reason);
  }

  const VerifyBench& bench_;
  const Verifier* verifier_ = nullptr;
  int kept_before_ = 0;   // that the store answered
  std::vector<Candidate> candidates_;
  std::vector<const Task*> owners_;
  Outcomes outcomes_;
  std::set<const Task*> seen_;
  SteadyClock::time_point start_;
  std::optional<SteadyClock::time_point> first_;   // verdict
};

// Mean seconds of evaluating candidates the usual way; nullopt where none could be.
std::optional<double> UsualSeconds(const Outcomes& outcomes, const DeviceSpec& device, int count) {
  ScratchFolder scratch("drtriton-usual");
  double total = 0;
  int done = 0;
  for (size_t i = 0; i < outcomes.accepted.size() && done < count && !Interrupted(); ++i) {
    const auto& [task, chosen] = outcomes.accepted[i * outcomes.accepted.size() / static_cast<size_t>(count) % outcomes.accepted.size()];
    const std::string source = WrittenModule(task->sample.program, task->sample.leaves);
    Composition composition{task->sample.program, {KernelStep{WholeProgram(task->sample.program), *chosen.first, *chosen.second.plan, chosen.second.verdict}}};
    const std::filesystem::path module = scratch.path() / "module.py", candidate = scratch.path() / "candidate.py";
    WriteFileAtomically(module, source);
    WriteFileAtomically(candidate, EmitModule(composition, {.module_source = source, .module_name = "module.py", .device = device, .untimed = false, .reduced_shapes = false, .constants = {}, .notes = {}}));
    const auto start = SteadyClock::now();
    const CommandResult result = RunCommand(PythonProcess("fresh_evaluation", {module.string(), candidate.string()}), kUsualLimit);
    if (result.end.exit_code != 0 || result.end.signal != 0) {
      Warn("a usual evaluation failed: " + result.end.stderr_tail);
      continue;
    }
    total += SecondsSince(start);
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

// Sums over the executors.
std::string StageRows(const std::vector<std::unique_ptr<Executor>>& executors, const VerifierTimes& times, const Outcomes& outcomes) {
  std::map<std::string, double> stages;
  for (const auto& executor : executors) {
    for (const auto& [name, seconds] : executor->StageSeconds()) stages[name] += seconds;
  }
  const double judged = std::max(1, outcomes.judged);
  std::string text = "\nWhat the executors did, summed over them:\n\n| work | seconds | ms a candidate |\n|---|---|---|\n";
  const auto row = [&](const std::string& name, double seconds) {
    char line[160];
    std::snprintf(line, sizeof line, "| %s | %.2f | %.2f |\n", name.c_str(), seconds, 1000 * seconds / judged);
    text += line;
  };
  for (const auto& [name, seconds] : stages) row(name, seconds);
  row("all of it", times.working_s);
  row("waiting for the compiler", times.compiler_s);
  row("nothing left to do", times.idle_s);
  row("(compiler, on its own cores)", outcomes.compile_s);
  return text;
}

std::string Rates(const std::string& name, int candidates, int kernels, double seconds) {
  if (seconds <= 0) return "";
  return Row("candidates/s" + name, candidates / seconds, 2) + Row("kernels/s" + name, kernels / seconds, 2);
}

}  // namespace

std::string RunVerifyBench(const VerifyBench& bench) {
  const std::vector<std::unique_ptr<Executor>> executors = MakeExecutors(bench.device, bench.seed, bench.lanes);
  std::vector<Executor*> lanes;
  for (const auto& executor : executors) lanes.push_back(executor.get());
  const DeviceSpec device = lanes.front()->device();
  const bool gpu = lanes.front()->device_name() != "interpreter";
  CompileFarm farm(device, FarmOptions{.workers = bench.workers, .niceness = kBatchNiceness, .max_alternatives = kAlternatives});
  std::optional<Store> store;
  if (!bench.store.empty()) store.emplace(bench.store);
  Verifier verifier(farm, lanes, store ? &*store : nullptr);
  int drawn = 0;
  std::vector<std::string> faults;
  const std::deque<Task> tasks = MakeTasks(bench, device, drawn, &faults);
  std::optional<GpuBusyMeter> busy;
  if (gpu) busy.emplace(EqualGpus());
  const Outcomes outcomes = Judging(tasks, bench).Run(verifier, gpu);
  const std::optional<double> busy_share = busy ? busy->Share() : std::nullopt;
  busy.reset();
  std::string text = "Device: " + lanes.front()->device_name() + (gpu ? " x" + std::to_string(EqualGpus()) : "") + ", executors: " + std::to_string(lanes.size()) + ", seed " +
                     std::to_string(bench.seed) + ".\n\n| measure | value |\n|---|---|\n";
  text += Row("programs drawn", drawn, 0) + Row("programs judged", static_cast<double>(tasks.size()), 0) + Row("candidates written", outcomes.written, 0);
  text += Row("candidates", outcomes.judged, 0) + Row("kernels", outcomes.kernels, 0) + Row("seconds", outcomes.seconds, 1);
  text += Rates("", outcomes.judged, outcomes.kernels, outcomes.seconds) + Rates(" after the first verdict", outcomes.warm, outcomes.warm_kernels, outcomes.warm_seconds);
  if (busy_share) text += Row("GPU busy, %", 100 * *busy_share, 0);
  for (const auto& [code, count] : outcomes.codes) text += Row("verdict " + code, count, 0);
  if (store) {
    text += Row("answered from the store", outcomes.kept, 0);
    const Outcomes again = Judging(tasks, VerifyBench{.seconds = 1e-9, .seed = bench.seed}).Run(verifier, gpu);
    text += Row("the same again: answered from the store", again.kept, 0) + Row("in seconds", again.seconds, 2);
  }
  if (bench.usual > 0 && gpu && !Interrupted()) {
    if (std::optional<double> usual = UsualSeconds(outcomes, device, bench.usual)) {
      text += Row("a usual evaluation, s", *usual, 2);
      text += Row("candidates judged in the time of one usual evaluation", *usual * outcomes.judged / outcomes.seconds, 0);
    }
  }
  text += StageRows(executors, verifier.times(), outcomes);
  if (!outcomes.rejected.empty()) text += "\nNot accepted:\n\n";
  for (const std::string& line : outcomes.rejected) text += "- " + line + "\n";
  if (!faults.empty()) text += "\nThe expert itself failed:\n\n";
  for (const std::string& line : faults) text += "- " + line + "\n";
  return text;
}

}  // namespace drtriton
