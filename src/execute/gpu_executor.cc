#include "execute/gpu_executor.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/seconds.h"
#include "execute/crowd.h"
#include "execute/guarded_memory.h"

namespace drtriton {
namespace {

using std::chrono::milliseconds;

// Two patterns, so that a result that depends on memory nobody wrote changes.  The first is NaN in every float format.
constexpr uint8_t kPoison = 0xff;
constexpr uint8_t kOtherPoison = 0x7b;

constexpr milliseconds kLoadLimit{60'000};
constexpr double kFlushMs = 0.1;   // what each timed run costs beside itself

// How the runs after the first differ from it ("run" in runner_main.cc): other poison, unmapped memory behind and before
// each buffer, other work on the device, an empty cache.  A plan that takes long meets the first ones only.
const std::vector<Json>& Variations() {
  static const std::vector<Json> variations = {
      {{"poison", kOtherPoison}},
      {{"poison", kPoison}, {"guard", static_cast<int>(Guard::kBehind)}},
      {{"poison", kPoison}, {"guard", static_cast<int>(Guard::kBefore)}, {"neighbours", static_cast<int>(Neighbours::kWarps)}},
      {{"poison", kPoison}, {"neighbours", static_cast<int>(Neighbours::kMultiprocessors)}},
      {{"poison", kPoison}, {"neighbours", static_cast<int>(Neighbours::kTraffic)}},
      {{"poison", kPoison}, {"cold", true}},
      {{"poison", kPoison}, {"neighbours", static_cast<int>(Neighbours::kWarps)}, {"cold", true}}};
  return variations;
}
constexpr size_t kVariationsOfLongPlans = 3;
constexpr double kVariationsSeconds = 0.4;   // after this long only those

milliseconds LimitOf(const ExecuteOptions& options) { return milliseconds(static_cast<int64_t>(options.timeout_s * 1000)); }

std::vector<double> Doubles(const Json& list) { return list.get<std::vector<double>>(); }

void Append(std::vector<double>* all, const std::vector<double>& more) { all->insert(all->end(), more.begin(), more.end()); }

// How a measurement of each effort goes on: rounds of batches until both sides are settled or the time is up.
struct Measuring {
  int least_rounds, most_rounds;
  double most_seconds;
};
Measuring MeasuringOf(TimingEffort effort) { return effort == TimingEffort::kThorough ? Measuring{4, 40, 0.5} : Measuring{2, 12, 0.05}; }

// Rounds of eager times that further candidates of a problem start from.
constexpr size_t kKeptEagerRounds = 6;

}  // namespace

// Adds the time of its scope to one kind of work.
class GpuExecutor::Clocked {
 public:
  Clocked(GpuExecutor& executor, Work work) : seconds_(executor.seconds_[static_cast<size_t>(work)]) {}
  ~Clocked() { seconds_ += SecondsSince(begin_); }
  Clocked(const Clocked&) = delete;
  Clocked& operator=(const Clocked&) = delete;

 private:
  double& seconds_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

GpuExecutor::GpuExecutor(const DeviceSpec& device, uint64_t seed, GpuPlace place)
    : device_(device), seed_(seed), place_(std::move(place)), gate_(place_.gate), folder_("drtriton-gpu"), reference_(place_), runners_(place_.gpu) {}

std::map<std::string, double> GpuExecutor::StageSeconds() const {
  const auto of = [&](Work work) { return seconds_[static_cast<size_t>(work)]; };
  return {{"reference values", of(Work::kReference)}, {"loading plans", of(Work::kLoading)}, {"runs on input sets", of(Work::kSets)}, {"repeated runs", of(Work::kRepeating)},
          {"waiting to measure", of(Work::kWaiting)}, {"timing", of(Work::kTiming)}, {"runs of foreign modules", of(Work::kRealRun)}};
}

// Of everything but timing, for which the gate is held alone.
Json GpuExecutor::AskRunner(const Json& request, milliseconds limit) {
  const SharedGate shared(gate_);
  const auto begin = std::chrono::steady_clock::now();
  Json reply = runners_.Ask(request, limit);
  running_s_ += SecondsSince(begin);
  return reply;
}

ProblemId GpuExecutor::Prepare(const Fragment& fragment, uint64_t seed) {
  const Clocked clocked(*this, Work::kReference);
  PreparedProblem problem = reference_.Prepare(fragment, seed);
  problem.mutates = !fragment.program.mutations.empty();
  std::string on_cpu;
  for (const std::string& op : problem.on_cpu) on_cpu += (on_cpu.empty() ? "; without float64 on the GPU: " : ", ") + op;
  Debug(fragment.id + ": an input set with reference values in " + std::to_string(problem.seconds) + " s" + on_cpu);
  for (const std::string& weak : problem.weak) Debug(fragment.id + ": " + weak);
  const int id = problem.id;
  problems_[id] = std::move(problem);
  return id;
}

void GpuExecutor::Release(ProblemId problem) {
  if (eager_problem_ == problem) eager_problem_ = -1;
  reference_.Release(problem);
  problems_.erase(problem);
}

Verdict GpuExecutor::CompareResults(const std::filesystem::path& results) {
  Verdict verdict;
  verdict.outcome = Outcome::kAccepted;
  verdict.stage = Stage::kDone;
  verdict.device = device_.name;
  verdict.seed = seed_;
  TakeComparison(reference_.CompareResults(results), &verdict);
  return verdict;
}

Verdict GpuExecutor::Execute(ProblemId problem, const Executable& candidate, const ExecuteOptions& options) {
  Require(candidate.plan != nullptr, "a candidate without a plan was to run on the GPU");
  const Trial trial{problems_.at(problem), candidate, options, Segments(*candidate.plan)};
  Verdict verdict;
  verdict.outcome = Outcome::kAccepted;
  verdict.stage = Stage::kDone;
  verdict.device = device_.name;
  verdict.seed = seed_;
  verdict.weak_inputs = trial.problem.weak;
  for (const PlanStep& step : candidate.plan->steps) {
    if (const auto* vendor = std::get_if<VendorStep>(&step)) verdict.vendor_steps.push_back(vendor->op);
  }
  const Verdict untouched = verdict;
  Stage stage = Stage::kRun;
  const auto judge_and_time = [&] {
    stage = Stage::kRun;
    verdict = untouched;
    if (!Judge(trial, &verdict)) return;
    stage = Stage::kTiming;
    if (options.timed) Time(trial, &verdict);
  };
  try {
    try {
      judge_and_time();
    } catch (const ReferenceRestarted&) {
      ForgetReference();
      judge_and_time();
    }
  } catch (const ReferenceRestarted& again) {
    ForgetReference();
    const std::string reason = "the reference process ended twice beside this candidate: " + again.how;
    // Nothing else of a candidate happens in that process.
    verdict = candidate.plan->HasVendorSteps() ? Verdict::Rejected(stage, "crashed", reason) : Verdict::Error(stage, "set_up", reason);
    verdict.device = device_.name;
    verdict.seed = seed_;
  } catch (const RunnerFailure& failure) {
    verdict.outcome = Outcome::kRejected;
    verdict.stage = stage;
    verdict.code = failure.code;
    verdict.reason = failure.reason;
  } catch (const UserError& error) {   // a vendor step or the reference could not go on
    verdict.outcome = Outcome::kError;
    verdict.stage = stage;
    verdict.code = "set_up";
    verdict.reason = error.what();
  }
  return verdict;
}

void GpuExecutor::ForgetReference() {
  mapped_generation_ = -1;
  eager_problem_ = -1;
}

bool GpuExecutor::Judge(const Trial& trial, Verdict* verdict) {
  return LoadPlan(trial, verdict) && CheckSets(trial, verdict) && CheckDeterminism(trial, verdict);
}

bool GpuExecutor::LoadPlan(const Trial& trial, Verdict* verdict) {
  const Clocked clocked(*this, Work::kLoading);
  const Json fits = reference_.Ask({{"cmd", "plan"}, {"problem", trial.problem.id}, {"plan", ToJson(*trial.candidate.plan)}});
  if (fits.contains("misfit")) {
    *verdict = Verdict::Rejected(Stage::kRun, fits["misfit"].at("code").get<std::string>(), fits["misfit"].at("reason").get<std::string>());
    verdict->device = device_.name;
    verdict->seed = seed_;
    return false;
  }
  try {
    LoadIntoRunner(trial);
  } catch (const RunnerFailure& failure) {
    if (failure.code != "out_of_memory") throw;
    reference_.Ask({{"cmd", "trim"}});   // the reference may hold what it does not need
    LoadIntoRunner(trial);
  }
  return true;
}

// The reference unmaps the old buffers before the runner frees them, and maps the new ones.
void GpuExecutor::LoadIntoRunner(const Trial& trial) {
  const int64_t needed = LayOut(*trial.candidate.plan).bytes;
  const bool keeps = mapped_generation_ == runners_.generation() && needed <= buffer_bytes_;
  if (!keeps) {
    reference_.Ask({{"cmd", "detach"}});
    mapped_generation_ = -1;
  }
  const Json loaded = AskRunner({{"cmd", "load"}, {"plan", ToJson(*trial.candidate.plan)}, {"folder", trial.candidate.folder.string()}, {"poison", kPoison}}, kLoadLimit);
  if (keeps) return;
  reference_.Ask({{"cmd", "attach"}, {"handle", loaded.at("handle")}});
  mapped_generation_ = runners_.generation();
  buffer_bytes_ = needed;
}

void GpuExecutor::Place(size_t set) { reference_.Ask({{"cmd", "place"}, {"set", set}}); }

// One run on the inputs that lie there.  `variation` is as in Variations().  Returns whether every part ran with its guard.
bool GpuExecutor::RunPlaced(const Trial& trial, const Json& variation) {
  bool guarded = true, first = true;
  for (const PlanSegment& segment : trial.segments) {
    if (segment.in_runner) {
      Json request = variation;
      if (!first) request.erase("poison");
      request.update({{"cmd", "run"}, {"first", segment.first}, {"last", segment.last}});
      guarded = AskRunner(request, LimitOf(trial.options)).at("guarded").get<bool>() && guarded;
    } else {
      if (first) AskRunner({{"cmd", "run"}, {"first", 0}, {"last", 0}, {"poison", variation.at("poison")}}, kLoadLimit);
      reference_.Ask({{"cmd", "steps"}, {"first", segment.first}, {"last", segment.last}});
    }
    first = false;
  }
  return guarded;
}

// Each comparison also places what the next run reads: at the end the module's own inputs again.
bool GpuExecutor::CheckSets(const Trial& trial, Verdict* verdict) {
  const Clocked clocked(*this, Work::kSets);
  const size_t count = trial.problem.sets.size();
  Place(0);
  for (size_t set = 0; set < count; ++set) {
    RunPlaced(trial, {{"poison", kPoison}});
    const Json compared = reference_.Ask({{"cmd", "compare"}, {"set", set}, {"poison", kPoison}, {"remember", set == 0}, {"place", (set + 1) % count}});
    if (!TakeComparison(compared, verdict)) return false;
  }
  return true;
}

void GpuExecutor::RunAgain(const Trial& trial, const Json& variation, Verdict* verdict) {
  bool guarded = false;
  try {
    guarded = RunPlaced(trial, variation);
  } catch (RunnerFailure& failure) {
    if (failure.code == "illegal_access" && variation.contains("guard")) {
      failure.reason = "a kernel reads or writes outside of its buffers: it faulted where the memory around them is unmapped";
    }
    throw;
  }
  if (guarded && variation.value("guard", 0) == static_cast<int>(Guard::kBehind)) verdict->layers.push_back("guard pages");
}

// One more run on the module's own inputs: the same bits, or with atomics the same values as far as the contract goes.
bool GpuExecutor::CheckAgain(const Trial& trial, const Json& variation, Verdict* verdict) {
  // Vendor steps may draw random numbers: placing the inputs sets their seed.
  if (trial.candidate.plan->HasVendorSteps() || trial.problem.mutates) Place(0);
  RunAgain(trial, variation, verdict);
  const auto poison = variation.at("poison").get<uint8_t>();
  if (trial.candidate.plan->HasAtomics()) return TakeComparison(reference_.Ask({{"cmd", "compare"}, {"set", 0}, {"poison", poison}}), verdict);
  const Json same = reference_.Ask({{"cmd", "same"}});
  if (same.at("same").get<bool>()) return true;
  bool by_memory = false;
  if (poison != kPoison) {
    Place(0);
    RunPlaced(trial, {{"poison", kPoison}});
    by_memory = reference_.Ask({{"cmd", "same"}}).at("same").get<bool>();
  }
  verdict->outcome = Outcome::kRejected;
  verdict->stage = by_memory ? Stage::kNumerics : Stage::kDeterminism;
  verdict->code = by_memory ? "unwritten" : "nondeterministic";
  verdict->reason = by_memory ? "a result depends on memory that nobody wrote" : "between equal runs " + same.at("reason").get<std::string>();
  return false;
}

bool GpuExecutor::CheckDeterminism(const Trial& trial, Verdict* verdict) {
  const Clocked clocked(*this, Work::kRepeating);
  const double before_s = running_s_;   // waiting for others at the gate makes no plan a long one
  const auto runs = std::min(Variations().size(), static_cast<size_t>(std::max(0, trial.options.determinism_runs - 1)));
  if (runs == 0) return true;
  uint8_t poison = kPoison;
  for (size_t i = 0; i < runs; ++i) {
    if (i >= kVariationsOfLongPlans && running_s_ - before_s > kVariationsSeconds) break;
    if (!CheckAgain(trial, Variations()[i], verdict)) return false;
    poison = Variations()[i].at("poison").get<uint8_t>();
  }
  // Every run so far left the inputs and the red zones alone, or this one shows it.
  return TakeComparison(reference_.Ask({{"cmd", "compare"}, {"set", 0}, {"poison", poison}}), verdict);
}

std::vector<double> GpuExecutor::TimeSegment(const Trial& trial, const PlanSegment& segment, int count) {
  const Json request = {{"cmd", segment.in_runner ? "time" : "time_steps"}, {"first", segment.first}, {"last", segment.last}, {"count", count}};
  const Json reply = segment.in_runner ? runners_.Ask(request, LimitOf(trial.options) + kLoadLimit) : reference_.Ask(request);
  return Doubles(reply.at("times_ms"));
}

std::vector<double> GpuExecutor::TimeEager(const Trial& trial, int count) {
  return Doubles(reference_.Ask({{"cmd", "time_eager"}, {"problem", trial.problem.id}, {"count", count}}).at("times_ms"));
}

// Runs both sides until the clocks are up, unless they were busy a moment ago.  The time of the slowest part, in ms.
double GpuExecutor::WarmUp(const Trial& trial) {
  constexpr double kWarmMs = 10;
  constexpr auto kStaysWarm = milliseconds(100);
  double longest_ms = 0;
  const auto measure = [&](int count) {
    longest_ms = 0;
    for (const PlanSegment& segment : trial.segments) longest_ms = std::max(longest_ms, Median(TimeSegment(trial, segment, count)).median);
    longest_ms = std::max(longest_ms, Median(TimeEager(trial, count)).median);
  };
  measure(3);
  const bool first = last_timing_ == std::chrono::steady_clock::time_point();
  const bool rested = trial.options.timing == TimingEffort::kThorough && std::chrono::steady_clock::now() - last_timing_ > kStaysWarm;
  if (first || rested) measure(static_cast<int>(std::clamp((first ? 10 : 1) * kWarmMs / (longest_ms + kFlushMs), 3.0, 100.0)));
  return longest_ms;
}

// What can be made ready beside the work of others is: graphs are captured before the gate is taken.
void GpuExecutor::Time(const Trial& trial, Verdict* verdict) {
  {
    const Clocked clocked(*this, Work::kLoading);
    Place(0);
    reference_.Ask({{"cmd", "ready_eager"}, {"problem", trial.problem.id}});
    for (const PlanSegment& segment : trial.segments) {
      if (segment.in_runner) AskRunner({{"cmd", "time"}, {"first", segment.first}, {"last", segment.last}, {"count", 0}}, LimitOf(trial.options));
      else reference_.Ask({{"cmd", "ready_steps"}, {"first", segment.first}, {"last", segment.last}});
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  const AloneInGate alone(gate_);
  seconds_[static_cast<size_t>(Work::kWaiting)] += SecondsSince(begin);
  const Clocked clocked(*this, Work::kTiming);
  MeasureAlone(trial, verdict);
}

// Batches of the candidate and of eager alternate, so that a drifting clock meets both alike, until both medians are
// known well enough to repeat, or it takes too long.  A quick measurement takes over the eager times of the problem's
// candidates before it and adds one batch, so that a drift since then widens the interval.
void GpuExecutor::MeasureAlone(const Trial& trial, Verdict* verdict) {
  constexpr double kBatchMs = 3;
  const Measuring measuring = MeasuringOf(trial.options.timing);
  const int count = static_cast<int>(std::clamp(kBatchMs / (WarmUp(trial) + kFlushMs), 3.0, 12.0));
  std::vector<std::vector<double>> own(trial.segments.size()), candidate, eager;
  if (trial.options.timing == TimingEffort::kQuick && eager_problem_ == trial.problem.id) eager = eager_rounds_;
  const bool known = eager.size() >= static_cast<size_t>(measuring.least_rounds);
  const auto begin = std::chrono::steady_clock::now();
  MedianInterval time_ms, eager_ms;
  for (int round = 0; round < measuring.most_rounds; ++round) {
    std::vector<std::vector<double>> parts;
    for (size_t i = 0; i < trial.segments.size(); ++i) {
      parts.push_back(TimeSegment(trial, trial.segments[i], count));
      Append(&own[i], parts.back());
    }
    candidate.push_back(Summed(parts));
    if (round == 0 || !known || !IsSettled(eager_ms, trial.options.timing)) eager.push_back(TimeEager(trial, count));
    eager_ms = MedianOfRounds(eager);
    if (round + 1 < measuring.least_rounds) continue;
    if (!trial.segments.empty()) time_ms = MedianOfRounds(candidate);
    if ((IsSettled(eager_ms, trial.options.timing) && IsSettled(time_ms, trial.options.timing)) || SecondsSince(begin) > measuring.most_seconds) break;
  }
  eager_problem_ = trial.problem.id;
  if (eager.size() > kKeptEagerRounds) eager.erase(eager.begin(), eager.end() - kKeptEagerRounds);
  eager_rounds_ = std::move(eager);
  last_timing_ = std::chrono::steady_clock::now();
  verdict->eager_ms = eager_ms.median;
  if (trial.segments.empty()) return;
  verdict->time_ms = time_ms.median;
  verdict->time_ci_ms = time_ms.half_width();
  verdict->speedup = Speedup(time_ms, eager_ms);
  double own_ms = 0, all_ms = 0;
  for (size_t i = 0; i < trial.segments.size(); ++i) {
    const double median = Median(own[i]).median;
    all_ms += median;
    if (trial.segments[i].has_launches) own_ms += median;
  }
  if (all_ms > 0) verdict->kernel_share = own_ms / all_ms;
}

}  // namespace drtriton
