#include "execute/reference_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "graph/leaf_fill_json.h"
#include "graph/program_json.h"

namespace drtriton {
namespace {

// Nothing that the reference does takes longer, short of a driver that hangs: float64 on a CPU included.
constexpr std::chrono::milliseconds kLimit{900'000};

Stage StageOf(const std::string& code) {
  for (const VerdictCode& known : VerdictCodes()) {
    if (known.code == code) return known.stage == Stage::kCompile ? Stage::kRun : known.stage;
  }
  return Stage::kNumerics;
}

// Requests that depend on what was loaded and prepared alone.
bool NeedsNoPlan(const std::string& command) {
  static const std::set<std::string> kAlone = {"load", "check_module", "compare_results", "prepare", "power", "release", "write_inputs", "compare_file", "trim"};
  return kAlone.contains(command);
}

}  // namespace

ReferenceClient::ReferenceClient() : arguments_{"cpu"}, child_(std::make_unique<ConversingChild>("drtriton-reference", arguments_)) {}

ReferenceClient::ReferenceClient(const GpuPlace& place)
    : arguments_{"cuda", std::to_string(place.sharers), place.gate.string()}, environment_{{"CUDA_VISIBLE_DEVICES", VisibleGpu(place.gpu)}},
      child_(std::make_unique<ConversingChild>("drtriton-reference", arguments_, environment_)) {}

Json ReferenceClient::Ask(const Json& request) {
  const std::string command = request.at("cmd").get<std::string>();
  std::string how;
  try {
    if (!child_) Revive();
    return Converse(request);
  } catch (const ChildEnded& ended) {
    how = ended.how;
  }
  Debug("the reference process ended (" + command + "): " + how);
  try {
    child_.reset();
    // The next request starts another: the client may be alone in the GPU's gate now, where preparing would wait for ever.
    if (!NeedsNoPlan(command)) throw ReferenceRestarted{how};
    Revive();
    return Converse(request);
  } catch (const ChildEnded& ended) {
    child_.reset();
    throw UserError("the reference process ended twice (" + command + "): " + ended.how);
  }
}

// Another process, told what the last one knew.
void ReferenceClient::Revive() {
  child_ = std::make_unique<ConversingChild>("drtriton-reference", arguments_, environment_);
  try {
    if (!load_.is_null()) Converse(load_);
    for (auto& [id, kept] : prepared_) kept.theirs = Converse(kept.request).at("problem").get<int>();
  } catch (...) {
    child_.reset();   // it knows a part only
    throw;
  }
}

Json ReferenceClient::Converse(const Json& request) {
  Json reply;
  if (const auto problem = request.find("problem"); problem != request.end()) {
    Json theirs = request;
    theirs["problem"] = prepared_.at(problem->get<int>()).theirs;
    reply = child_->Ask(theirs, kLimit);
  } else {
    reply = child_->Ask(request, kLimit);
  }
  if (!reply.contains("error")) return reply;
  const std::string kind = reply["error"].at("kind").get<std::string>(), reason = reply["error"].at("reason").get<std::string>();
  if (kind == "sticky") throw ChildEnded{false, reason};
  if (kind == "internal") throw InternalError("reference process: " + reason);
  throw UserError(reason);
}

void ReferenceClient::LoadProgram(const Program& program, const std::filesystem::path& tensors, uint64_t seed) {
  prepared_.clear();
  load_ = Json();
  Json request = {{"cmd", "load"}, {"program", ToJson(program)}, {"tensors", tensors.string()}, {"seed", seed}};
  Ask(request);
  load_ = std::move(request);
}

std::optional<std::string> ReferenceClient::CheckAgainstModule() {
  const Json difference = Ask({{"cmd", "check_module"}}).at("difference");
  if (difference.is_null()) return std::nullopt;
  return difference.get<std::string>();
}

PreparedProblem ReferenceClient::Prepare(const Fragment& fragment, uint64_t seed) {
  Json request = {{"cmd", "prepare"},
                  {"fragment", ToJson(fragment.program)},
                  {"parent_inputs", fragment.parent_inputs},
                  {"parent_results", fragment.parent_results},
                  {"fills", ToJson(fragment.fills)},
                  {"seed", seed}};
  const Json reply = Ask(request);
  const int id = next_problem_++;
  prepared_[id] = {std::move(request), reply.at("problem").get<int>()};
  return {id, reply.at("sets").get<std::vector<std::string>>(), reply.at("weak").get<std::vector<std::string>>(),
          reply.at("slow").get<bool>(), reply.at("seconds").get<double>(), reply.at("on_cpu").get<std::vector<std::string>>()};
}

std::vector<MutantReport> ReferenceClient::MeasurePower(int problem, double seconds) {
  std::vector<MutantReport> reports;
  const Json reply = Ask({{"cmd", "power"}, {"problem", problem}, {"seconds", seconds}});
  for (const Json& mutant : reply.at("mutants")) {
    const auto text = [&](const char* member) { return mutant.at(member).get<std::string>(); };
    reports.push_back({text("node"), text("change"), text("rule"), text("outcome"), text("set")});
  }
  return reports;
}

void ReferenceClient::Release(int problem) {
  if (!prepared_.contains(problem)) return;   // another program was loaded since
  Ask({{"cmd", "release"}, {"problem", problem}});
  prepared_.erase(problem);
}

Json ReferenceClient::CompareResults(const std::filesystem::path& tensors) {
  return Ask({{"cmd", "compare_results"}, {"tensors", tensors.string()}});
}

bool TakeComparison(const Json& comparison, Verdict* verdict) {
  const auto larger = [](std::optional<double> before, double now) { return std::max(before.value_or(0), now); };
  if (comparison.at("rel_err").is_number()) verdict->rel_err = larger(verdict->rel_err, comparison["rel_err"].get<double>());
  if (comparison.at("ref_rel_err").is_number()) verdict->ref_rel_err = larger(verdict->ref_rel_err, comparison["ref_rel_err"].get<double>());
  if (comparison.at("right").get<bool>()) return true;
  verdict->outcome = Outcome::kRejected;
  verdict->code = comparison.at("code").get<std::string>();
  verdict->stage = StageOf(verdict->code);
  verdict->reason = comparison.at("reason").get<std::string>();
  return false;
}

}  // namespace drtriton
