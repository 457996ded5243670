#include "verify/compiled_judge.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>

#include "base/error.h"
#include "base/interrupt.h"
#include "verify/plan_rules.h"

namespace drtriton {
namespace {

ExecuteOptions ExecuteOptionsOf(const JudgeOptions& options) {
  return {.wall = options.wall, .timed = options.timed, .timing = options.quick_timing ? TimingEffort::kQuick : TimingEffort::kThorough, .timeout_s = options.timeout_s};
}

// What the plan is made of, for information.
void Describe(const LaunchPlan& plan, Verdict* verdict) {
  std::set<std::string> dtypes, approximations;
  verdict->compile_ms = plan.compile_ms;
  verdict->vendor_steps.clear();
  for (const PlanStep& step : plan.steps) {
    if (const auto* vendor = std::get_if<VendorStep>(&step)) verdict->vendor_steps.push_back(vendor->op);
    const auto* launch = std::get_if<LaunchStep>(&step);
    if (launch == nullptr) continue;
    ++verdict->launches;
    for (const LaunchArg& arg : launch->args) {
      if (const auto* pointer = std::get_if<PointerArg>(&arg); pointer && pointer->dtype) dtypes.emplace(Name(*pointer->dtype));
      if (const auto* descriptor = std::get_if<DescriptorArg>(&arg)) dtypes.emplace(Name(descriptor->view.dtype));
    }
  }
  for (const KernelImage& kernel : plan.kernels) {
    approximations.insert(kernel.approximations.begin(), kernel.approximations.end());
    verdict->inline_assembly |= kernel.has_inline_assembly;
    verdict->atomics |= kernel.has_atomics;
  }
  verdict->dtypes.assign(dtypes.begin(), dtypes.end());
  verdict->approximations.assign(approximations.begin(), approximations.end());
}

Verdict Failed(const CompileFailure& failure) {
  bool unable = failure.code == "params_unmatched" || failure.code == "set_up" || failure.code == "internal";
  return unable ? Verdict::Error(failure.stage, failure.code, failure.reason)
                : Verdict::Rejected(failure.stage, failure.code, failure.reason);
}

std::optional<CompileFailure> BrokenRuleOfAny(const std::vector<LaunchPlan>& plans, const CompileRequest& request) {
  for (const LaunchPlan& plan : plans) {
    if (std::optional<CompileFailure> broken = BrokenRule(plan, *request.fragment, request.strict)) return broken;
  }
  return std::nullopt;
}

// All recorded alternatives (autotune configurations) must be right, since the user's machine may pick any of them; the
// fastest one's time counts.
Judgement ExecuteAlternatives(Executor& executor, ProblemId problem, const CompileRequest& request,
                              const CompileResult& result, const JudgeOptions& options) {
  Judgement best;
  for (const LaunchPlan& plan : result.plans) {
    Verdict verdict = executor.Execute(problem, {request, &plan, result.folder}, ExecuteOptionsOf(options));
    bool first = !best.plan.has_value();
    bool better = verdict.time_ms && best.verdict.time_ms && *verdict.time_ms < *best.verdict.time_ms;
    if (first || better || !verdict.accepted()) best = {std::move(verdict), plan};
    // Under the interpreter one alternative stands for all: it is slow, and does not show what sets them apart.
    if (!best.verdict.accepted() || executor.device_name() == "interpreter") break;
  }
  if (best.verdict.accepted() && request.form == CandidateForm::kModule) {
    executor.CheckItself(problem, request, result, ExecuteOptionsOf(options), &best.verdict);
  }
  return best;
}

}  // namespace

// Reference values of the fragments under judgement, made on first use and dropped after the last.
class CompiledJudge::Problems {
 public:
  Problems(Executor& executor, uint64_t seed) : executor_(executor), seed_(seed) {}
  ~Problems() {
    for (auto& [fragment, open] : open_) {
      if (!open.why) executor_.Release(open.problem);
    }
  }

  void Expect(const Fragment* fragment) { ++waiting_[fragment]; }

  // Throws UserError where there are none, for each candidate as for the first.
  ProblemId For(const Fragment* fragment) {
    auto found = open_.find(fragment);
    if (found == open_.end()) found = open_.emplace(fragment, Make(*fragment)).first;
    if (found->second.why) throw UserError(*found->second.why);
    return found->second.problem;
  }

  void Done(const Fragment* fragment) {
    if (--waiting_[fragment] > 0) return;
    if (auto found = open_.find(fragment); found != open_.end()) {
      if (!found->second.why) executor_.Release(found->second.problem);
      open_.erase(found);
    }
  }

 private:
  struct Open {
    ProblemId problem = -1;
    std::optional<std::string> why;   // there is none
  };

  Open Make(const Fragment& fragment) {
    try {
      return {executor_.Prepare(fragment, seed_), std::nullopt};
    } catch (const UserError& error) {
      if (error.status() != ExitStatus::kBadInput) throw;
      return {-1, error.what()};
    }
  }

  Executor& executor_;
  uint64_t seed_;
  std::map<const Fragment*, int> waiting_;
  std::map<const Fragment*, Open> open_;
};

CompiledJudge::CompiledJudge(Executor& executor, JudgeOptions options)
    : executor_(executor), options_(std::move(options)), problems_(std::make_unique<Problems>(executor, options_.seed)) {}
CompiledJudge::~CompiledJudge() = default;

void CompiledJudge::Expect(const Fragment* fragment) { problems_->Expect(fragment); }

void CompiledJudge::Prepare(const Fragment* fragment) {
  if (options_.compile_only || Interrupted() || (options_.enough && options_.enough())) return;
  try {
    problems_->For(fragment);
  } catch (const UserError& error) {
    if (error.status() != ExitStatus::kBadInput) throw;
  }
}

Judgement CompiledJudge::Judge(const CompileRequest& request, const CompileResult& result) {
  Judgement judgement;
  if (Interrupted() || (options_.enough && options_.enough())) {
    judgement.verdict = Verdict::Error(Stage::kRun, "interrupted", "judging ended before this candidate was run");
  } else if (result.failure) {
    judgement.verdict = Failed(*result.failure);
  } else if (std::optional<CompileFailure> broken = BrokenRuleOfAny(result.plans, request)) {
    judgement.verdict = Failed(*broken);
  } else if (options_.compile_only) {
    judgement.verdict.outcome = Outcome::kAccepted;
    judgement.verdict.stage = Stage::kCompile;
    judgement.plan = result.plans.at(0);
  } else {
    judgement = Execute(request, result);
  }
  problems_->Done(request.fragment);
  Verdict& verdict = judgement.verdict;
  verdict.layers.insert(verdict.layers.end(), result.layers.begin(), result.layers.end());
  std::sort(verdict.layers.begin(), verdict.layers.end());
  verdict.layers.erase(std::unique(verdict.layers.begin(), verdict.layers.end()), verdict.layers.end());
  verdict.seed = options_.seed;
  if (verdict.device.empty()) verdict.device = executor_.device_name();
  if (judgement.plan) Describe(*judgement.plan, &verdict);
  return judgement;
}

// A problem that cannot be prepared (its reference values need more memory than there is) is nobody's fault but ends
// nothing else.
Judgement CompiledJudge::Execute(const CompileRequest& request, const CompileResult& result) {
  try {
    return ExecuteAlternatives(executor_, problems_->For(request.fragment), request, result, options_);
  } catch (const UserError& error) {
    if (error.status() != ExitStatus::kBadInput) throw;
    return {Verdict::Error(Stage::kRun, "set_up", error.what()), std::nullopt};
  }
}

}  // namespace drtriton
