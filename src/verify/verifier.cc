// See verifier.h.  Candidates are executed from the farm's callback: while one runs on the device the farm's workers
// go on compiling the next.
#include "verify/verifier.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/interrupt.h"
#include "base/log.h"
#include "verify/kept_verdicts.h"

namespace drtriton {
namespace {

// Reference values of the fragments under judgement, made on first use and dropped after the last.
class Problems {
 public:
  Problems(Executor& executor, uint64_t seed) : executor_(executor), seed_(seed) {}
  ~Problems() {
    for (auto& [fragment, open] : open_) executor_.Release(open.problem);
  }

  void Expect(const Fragment* fragment) { ++waiting_[fragment]; }

  ProblemId For(const Fragment* fragment) {
    auto found = open_.find(fragment);
    if (found == open_.end()) found = open_.emplace(fragment, Open{executor_.Prepare(*fragment, seed_)}).first;
    return found->second.problem;
  }

  void Done(const Fragment* fragment) {
    if (--waiting_[fragment] > 0) return;
    if (auto found = open_.find(fragment); found != open_.end()) {
      executor_.Release(found->second.problem);
      open_.erase(found);
    }
  }

 private:
  struct Open {
    ProblemId problem;
  };
  Executor& executor_;
  uint64_t seed_;
  std::map<const Fragment*, int> waiting_;
  std::map<const Fragment*, Open> open_;
};

ExecuteOptions ExecuteOptionsOf(const JudgeOptions& options) {
  return {.timed = options.timed, .timeout_s = options.timeout_s};
}

std::vector<std::string> VendorSteps(const LaunchPlan& plan) {
  std::vector<std::string> steps;
  for (const PlanStep& step : plan.steps) {
    if (const auto* vendor = std::get_if<VendorStep>(&step)) steps.push_back(vendor->op);
  }
  return steps;
}

Verdict Failed(const CompileFailure& failure) {
  bool unable = failure.code == "params_unmatched" || failure.code == "set_up" || failure.code == "internal";
  return unable ? Verdict::Error(failure.stage, failure.code, failure.reason)
                : Verdict::Rejected(failure.stage, failure.code, failure.reason);
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
    // The interpreter runs the source, not a plan: one run stands for all.
    if (!best.verdict.accepted() || executor.device_name() == "interpreter") break;
  }
  return best;
}

Judgement JudgeCompiled(Executor& executor, Problems& problems, const CompileRequest& request,
                        const CompileResult& result, const JudgeOptions& options) {
  Judgement judgement;
  if (Interrupted() || (options.enough && options.enough())) {
    judgement.verdict = Verdict::Error(Stage::kRun, "interrupted", "judging ended before this candidate was run");
  } else if (result.failure) {
    judgement.verdict = Failed(*result.failure);
  } else if (options.compile_only) {
    judgement.verdict.outcome = Outcome::kAccepted;
    judgement.verdict.stage = Stage::kCompile;
    judgement.plan = result.plans.at(0);
  } else {
    judgement = ExecuteAlternatives(executor, problems.For(request.fragment), request, result, options);
  }
  Verdict& verdict = judgement.verdict;
  verdict.layers.insert(verdict.layers.end(), result.layers.begin(), result.layers.end());
  std::sort(verdict.layers.begin(), verdict.layers.end());
  verdict.layers.erase(std::unique(verdict.layers.begin(), verdict.layers.end()), verdict.layers.end());
  verdict.seed = options.seed;
  if (verdict.device.empty()) verdict.device = executor.device_name();
  if (judgement.plan) {
    verdict.compile_ms = judgement.plan->compile_ms;
    verdict.vendor_steps = VendorSteps(*judgement.plan);
  }
  return judgement;
}

}  // namespace

Verifier::Verifier(CompileFarm& farm, Executor& executor, Store* store)
    : farm_(farm), executor_(executor), store_(store) {}

std::vector<Judgement> Verifier::JudgeAll(const std::vector<Candidate>& candidates, const JudgeOptions& options,
                                          const std::function<void(size_t, const Judgement&)>& finished) {
  std::vector<CompileRequest> requests;
  for (const Candidate& candidate : candidates) {
    CompileRequest request;
    request.fragment = candidate.fragment;
    request.source = candidate.proposal->source;
    request.strict = options.strict;
    requests.push_back(std::move(request));
  }
  return JudgeRequests(requests, options, finished);
}

std::vector<Judgement> Verifier::JudgeRequests(const std::vector<CompileRequest>& requests,
                                               const JudgeOptions& options,
                                               const std::function<void(size_t, const Judgement&)>& finished) {
  std::vector<Judgement> judgements(requests.size());
  KeptVerdicts kept(store_, executor_.device_name(), options);
  std::vector<CompileRequest> fresh;
  std::vector<size_t> places;
  Problems problems(executor_, options.seed);
  for (size_t i = 0; i < requests.size(); ++i) {
    if (std::optional<Judgement> known = kept.Find(requests[i])) {
      judgements[i] = std::move(*known);
      if (finished) finished(i, judgements[i]);
      continue;
    }
    problems.Expect(requests[i].fragment);
    fresh.push_back(requests[i]);
    places.push_back(i);
  }
  farm_.CompileAll(fresh, [&](size_t index, const CompileResult& result) {
    Judgement& judgement = judgements[places[index]];
    judgement = JudgeCompiled(executor_, problems, fresh[index], result, options);
    problems.Done(fresh[index].fragment);
    kept.Keep(fresh[index], judgement);
    Debug(fresh[index].fragment->id + ": " + (judgement.verdict.accepted() ? "accepted" : judgement.verdict.code));
    if (finished) finished(places[index], judgement);
  });
  return judgements;
}

}  // namespace drtriton
