#include "execute/cpu_executor.h"

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/log.h"
#include "base/seconds.h"
#include "execute/tensor_file.h"

namespace drtriton {
namespace {

// A candidate this slow on the module's own inputs, or a fragment whose sets take seconds to make, meets three sets
// instead of all.
constexpr double kSlowSeconds = 6;
constexpr double kStartSeconds = 30;   // more for the first one, which waits for the workers
constexpr size_t kFewSets = 3;         // own, signed, parameters
// What fills memory that no step wrote, in two runs: NaN, and large positive numbers.
const std::vector<int> kPoisons = {0xff, 0x7b};
const std::vector<int> kOnePoison = {0xff};

// Whether two files hold equal results, element by element and bit by bit.
bool SameResults(const std::filesystem::path& one, const std::filesystem::path& other) {
  const TensorFile a(one), b(other);
  if (a.tensors().size() != b.tensors().size()) return false;
  for (size_t i = 0; i < a.tensors().size(); ++i) {
    const StoredTensor& left = a.tensors()[i];
    const StoredTensor& right = b.tensors()[i];
    // Strides are the fragment's where they matter, so equal results lie alike.
    if (left.dtype != right.dtype || left.shape != right.shape || !std::ranges::equal(left.bytes, right.bytes)) return false;
  }
  return true;
}

}  // namespace

CpuExecutor::CpuExecutor(uint64_t seed, std::shared_ptr<InterpreterFarm> farm)
    : seed_(seed), folder_("drtriton-execute"), farm_(farm ? std::move(farm) : std::make_shared<InterpreterFarm>(FarmOptions{})) {}

std::map<std::string, double> CpuExecutor::StageSeconds() const {
  return {{"reference values", reference_s_}, {"interpreting", interpreting_s_}, {"comparing", comparing_s_}};
}

ProblemId CpuExecutor::Prepare(const Fragment& fragment, uint64_t seed) {
  const auto begin = std::chrono::steady_clock::now();
  PreparedProblem problem = reference_.Prepare(fragment, seed);
  for (const std::string& weak : problem.weak) Debug(fragment.id + ": " + weak);
  const int id = problem.id;
  problems_[id] = std::move(problem);
  reference_s_ += SecondsSince(begin);
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
  if (sets.empty()) return true;
  std::vector<InterpretRequest> requests;
  for (const size_t set : sets) {
    const auto outputs = folder_.path() / ("results." + std::to_string(set) + ".tensors");
    std::filesystem::remove(outputs);
    requests.push_back({candidate.request, InputsOf(problem.id, set), outputs, options.timeout_s, candidate.plan, set == 0 ? kPoisons : kOnePoison, seed_});
  }
  // A foreign file is also run itself, beside the replay of its plan: on the module's own inputs and on the next set, since
  // on own inputs a module may be the identity.
  const bool runs_itself = sets.front() <= 1 && candidate.plan != nullptr && candidate.request.form == CandidateForm::kModule;
  if (runs_itself) {
    InterpretRequest itself = requests.front();
    itself.plan = nullptr;
    itself.outputs = folder_.path() / "results.itself.tensors";
    std::filesystem::remove(itself.outputs);
    requests.push_back(std::move(itself));
  }
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<InterpretResult> results = farm_->RunAll(requests);
  interpreting_s_ += SecondsSince(begin);
  verdict->layers = results.front().layers;
  for (size_t i = 0; i < sets.size(); ++i) {
    if (results[i].failure) return Reject(*results[i].failure, verdict);
    const auto compared = std::chrono::steady_clock::now();
    const Json comparison = reference_.Ask({{"cmd", "compare_file"}, {"problem", problem.id}, {"set", sets[i]}, {"tensors", requests[i].outputs.string()}});
    comparing_s_ += SecondsSince(compared);
    if (!TakeComparison(comparison, verdict)) return false;
  }
  return !runs_itself || AgreesWithItself(requests.front().outputs, requests.back().outputs, results.back(), verdict);
}

bool CpuExecutor::Reject(const CompileFailure& failure, Verdict* verdict) {
  verdict->outcome = Outcome::kRejected;
  verdict->stage = failure.stage;
  verdict->code = failure.code;
  verdict->reason = failure.reason;
  return false;
}

bool CpuExecutor::AgreesWithItself(const std::filesystem::path& replayed, const std::filesystem::path& itself, const InterpretResult& result, Verdict* verdict) {
  if (result.failure && result.failure->code == "unsupported") return true;   // what the interpreter cannot do shows nothing
  if (result.failure && result.failure->code == "timeout") return Reject(*result.failure, verdict);
  if (result.failure) return Reject({Stage::kRun, "replay_differs", "the launches that were recorded succeed, the candidate itself does not: " + result.failure->reason}, verdict);
  if (!SameResults(replayed, itself)) return Reject({Stage::kRun, "replay_differs", "the candidate itself gives other results than the launches that were recorded"}, verdict);
  verdict->layers.push_back("real run");
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
  const double seconds = SecondsSince(begin);
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
