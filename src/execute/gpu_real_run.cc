// GpuExecutor's check of a foreign module against itself, really run.  The order of events is in docs/execution.md.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "execute/gpu_executor.h"

namespace drtriton {
namespace {

constexpr uint8_t kPoison = 0xff;

// Not the module's own inputs where there are others: on those a module may be the identity, or show nothing of an operator.
size_t RealRunSet(const PreparedProblem& problem) { return problem.sets.size() > 1 ? 1 : 0; }

// Whether equal runs of equal plans may give other bits: atomics, operators of libraries that choose their kernels as they
// go, and configurations that Triton chose by timing among more than were recorded.
bool MayDiffer(const std::vector<LaunchPlan>& plans) {
  return plans.size() > 1 || std::any_of(plans.begin(), plans.end(), [](const LaunchPlan& plan) {
           return plan.HasAtomics() || std::any_of(plan.steps.begin(), plan.steps.end(), [](const PlanStep& step) {
                    return std::holds_alternative<VendorStep>(step);
                  });
         });
}

void Reject(const std::string& code, const std::string& reason, Verdict* verdict) {
  verdict->outcome = Outcome::kRejected;
  verdict->stage = Stage::kRun;
  verdict->code = code;
  verdict->reason = reason;
}

}  // namespace

InterpretResult GpuExecutor::RunItself(ProblemId problem, const CompileRequest& candidate, const ExecuteOptions& options) {
  InterpretRequest request;
  request.candidate = candidate;
  request.inputs = folder_.path() / "itself.inputs.tensors";
  request.outputs = folder_.path() / "itself.tensors";
  request.timeout_s = options.timeout_s;
  request.random_seed = seed_;
  request.wall = options.wall;
  reference_.Ask({{"cmd", "write_inputs"}, {"problem", problem}, {"set", RealRunSet(problems_.at(problem))}, {"tensors", request.inputs.string()}});
  if (!real_runs_) real_runs_.emplace(place_.gpu);
  InterpretResult result = real_runs_->Run(request);
  if (result.failure && result.failure->code == "out_of_memory") {
    reference_.Ask({{"cmd", "trim"}});  // the reference may hold what it does not need
    result = real_runs_->Run(request);
  }
  std::filesystem::remove(request.inputs);
  return result;
}

void GpuExecutor::CheckItself(ProblemId problem, const CompileRequest& candidate, const CompileResult& compiled,
                              const ExecuteOptions& options, Verdict* verdict) {
  const InterpretResult itself = RunItself(problem, candidate, options);
  if (itself.failure) return TakeFailure(*itself.failure, verdict);
  const std::filesystem::path results = folder_.path() / "itself.tensors";
  std::string difference;
  try {
    if (!AgreesWithAny(problem, candidate, compiled, options, results, &difference)) {
      if (MayDiffer(compiled.plans)) difference = DifferenceBeyondBounds(problem, results);
      if (!difference.empty()) Reject("replay_differs", "the candidate itself gives other results than its recorded launches: " + difference, verdict);
    }
  } catch (const RunnerFailure& failure) {
    Reject(failure.code, failure.reason, verdict);
  } catch (const ReferenceRestarted& ended) {
    ForgetReference();
    *verdict = Verdict::Error(Stage::kRun, "set_up", "the reference process ended: " + ended.how);
    verdict->device = device_.name;
    verdict->seed = seed_;
  }
  std::filesystem::remove(results);
  if (!verdict->accepted()) return;
  verdict->wall_us = itself.wall_us;
  const bool less_isolated = std::any_of(compiled.layers.begin(), compiled.layers.end(), [&](const std::string& layer) {
    return layer != "no devices" && std::find(itself.layers.begin(), itself.layers.end(), layer) == itself.layers.end();
  });
  verdict->layers.emplace_back(less_isolated ? "real run, less isolated" : "real run");
}

void GpuExecutor::TakeFailure(const CompileFailure& failure, Verdict* verdict) {
  if (failure.code == "set_up") {   // nothing that a candidate does leads here
    Debug("no real run: " + failure.reason);
  } else if (failure.code == "out_of_memory") {
    *verdict = Verdict::Error(Stage::kRun, "out_of_memory", "run itself, beside its replay: " + failure.reason);
    verdict->device = device_.name;
    verdict->seed = seed_;
  } else if (failure.code == "timeout" || failure.code == "forbidden" || failure.code == "params_unmatched") {
    Reject(failure.code, "run itself: " + failure.reason, verdict);
  } else {
    Reject("replay_differs", "the recorded launches succeed, the candidate itself does not: " + failure.reason, verdict);
  }
}

bool GpuExecutor::AgreesWithAny(ProblemId problem, const CompileRequest& candidate, const CompileResult& compiled,
                                const ExecuteOptions& options, const std::filesystem::path& results, std::string* difference) {
  for (const LaunchPlan& plan : compiled.plans) {
    const Executable executable{candidate, &plan, compiled.folder};
    const Trial trial{problems_.at(problem), executable, options, Segments(plan)};
    Verdict ignored;
    if (!LoadPlan(trial, &ignored)) continue;
    Place(RealRunSet(trial.problem));
    RunPlaced(trial, {{"poison", kPoison}});
    reference_.Ask({{"cmd", "remember"}, {"tensors", results.string()}});
    const Json same = reference_.Ask({{"cmd", "same"}});
    if (same.at("same").get<bool>()) return true;
    if (difference->empty()) *difference = same.at("reason").get<std::string>();
  }
  return false;
}

std::string GpuExecutor::DifferenceBeyondBounds(ProblemId problem, const std::filesystem::path& results) {
  const Json compared = reference_.Ask({{"cmd", "compare_file"}, {"problem", problem}, {"set", RealRunSet(problems_.at(problem))}, {"tensors", results.string()}});
  return compared.at("right").get<bool>() ? "" : compared.at("reason").get<std::string>();
}

}  // namespace drtriton
