#include "execute/cpu_executor.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"

namespace drtriton {
namespace {

// A candidate this slow on the module's own inputs, or a fragment whose sets take seconds to make, meets three sets
// instead of all.
constexpr double kSlowSeconds = 6;
constexpr double kStartSeconds = 30;   // more for the first one, which waits for the workers
constexpr size_t kFewSets = 3;         // own, signed, parameters

}  // namespace

CpuExecutor::CpuExecutor(uint64_t seed) : seed_(seed), folder_("drtriton-execute"), reference_("cpu"), farm_(FarmOptions{}) {}

ProblemId CpuExecutor::Prepare(const Fragment& fragment, uint64_t seed) {
  PreparedProblem problem = reference_.Prepare(fragment, seed);
  for (const std::string& weak : problem.weak) Debug(fragment.id + ": " + weak);
  const int id = problem.id;
  problems_[id] = std::move(problem);
  return id;
}

void CpuExecutor::Release(ProblemId problem) {
  reference_.Release(problem);
  for (size_t set = 0; set < problems_.at(problem).sets.size(); ++set) std::filesystem::remove(folder_.path() / (std::to_string(problem) + "." + std::to_string(set) + ".tensors"));
  problems_.erase(problem);
}

std::filesystem::path CpuExecutor::InputsOf(int problem, size_t set) {
  const std::filesystem::path path = folder_.path() / (std::to_string(problem) + "." + std::to_string(set) + ".tensors");
  if (!std::filesystem::exists(path)) reference_.Ask({{"cmd", "write_inputs"}, {"problem", problem}, {"set", set}, {"tensors", path.string()}});
  return path;
}

bool CpuExecutor::RunSets(const PreparedProblem& problem, const std::vector<size_t>& sets, const Executable& candidate, const ExecuteOptions& options, Verdict* verdict) {
  std::vector<InterpretRequest> requests;
  for (const size_t set : sets) {
    const auto outputs = folder_.path() / ("results." + std::to_string(set) + ".tensors");
    std::filesystem::remove(outputs);
    requests.push_back({candidate.request, InputsOf(problem.id, set), outputs, options.timeout_s});
  }
  const std::vector<InterpretResult> results = farm_.RunAll(requests);
  for (size_t i = 0; i < results.size(); ++i) {
    verdict->layers = results[i].layers;
    if (results[i].failure) {
      verdict->outcome = Outcome::kRejected;
      verdict->stage = results[i].failure->stage;
      verdict->code = results[i].failure->code;
      verdict->reason = results[i].failure->reason;
      return false;
    }
    const Json comparison = reference_.Ask({{"cmd", "compare_file"}, {"problem", problem.id}, {"set", sets[i]}, {"tensors", requests[i].outputs.string()}});
    std::filesystem::remove(requests[i].outputs);
    if (!TakeComparison(comparison, verdict)) return false;
  }
  return true;
}

Verdict CpuExecutor::Execute(ProblemId id, const Executable& candidate, const ExecuteOptions& options) {
  const PreparedProblem& problem = problems_.at(id);
  Verdict verdict;
  verdict.outcome = Outcome::kAccepted;
  verdict.stage = Stage::kDone;
  verdict.device = device_name();
  verdict.seed = seed_;
  verdict.weak_inputs = problem.weak;
  if (candidate.plan != nullptr) {
    for (const PlanStep& step : candidate.plan->steps) {
      if (const auto* vendor = std::get_if<VendorStep>(&step)) verdict.vendor_steps.push_back(vendor->op);
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  if (!RunSets(problem, {0}, candidate, options, &verdict)) return verdict;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double slow_seconds = workers_started_ ? kSlowSeconds : kSlowSeconds + kStartSeconds;
  workers_started_ = true;
  const size_t count = problem.slow || seconds > slow_seconds ? std::min(kFewSets, problem.sets.size()) : problem.sets.size();
  std::vector<size_t> further;
  for (size_t set = 1; set < count; ++set) further.push_back(set);
  RunSets(problem, further, candidate, options, &verdict);
  return verdict;
}

Verdict CpuExecutor::CompareResults(const std::filesystem::path& results) {
  Verdict verdict;
  verdict.outcome = Outcome::kAccepted;
  verdict.stage = Stage::kDone;
  verdict.device = device_name();
  verdict.seed = seed_;
  TakeComparison(reference_.CompareResults(results), &verdict);
  return verdict;
}

}  // namespace drtriton
