#include "execute/reference_client.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
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

}  // namespace

ReferenceClient::ReferenceClient() : child_("drtriton-reference", {"cpu"}) {}

ReferenceClient::ReferenceClient(const GpuPlace& place)
    : child_("drtriton-reference", {"cuda", std::to_string(place.sharers), place.gate.string()}, {{"CUDA_VISIBLE_DEVICES", VisibleGpu(place.gpu)}}) {}

Json ReferenceClient::Ask(const Json& request) {
  Json reply;
  try {
    reply = child_.Ask(request, kLimit);
  } catch (const ChildEnded& ended) {
    throw InternalError("the reference process ended (" + request.at("cmd").get<std::string>() + "): " + ended.how);
  }
  if (!reply.contains("error")) return reply;
  const std::string kind = reply["error"].at("kind").get<std::string>(), reason = reply["error"].at("reason").get<std::string>();
  if (kind == "internal") throw InternalError("reference process: " + reason);
  throw UserError(reason);
}

void ReferenceClient::LoadProgram(const Program& program, const std::filesystem::path& tensors, uint64_t seed) {
  Ask({{"cmd", "load"}, {"program", ToJson(program)}, {"tensors", tensors.string()}, {"seed", seed}});
}

std::optional<std::string> ReferenceClient::CheckAgainstModule() {
  const Json difference = Ask({{"cmd", "check_module"}}).at("difference");
  if (difference.is_null()) return std::nullopt;
  return difference.get<std::string>();
}

PreparedProblem ReferenceClient::Prepare(const Fragment& fragment, uint64_t seed) {
  Json fills = Json::array();
  for (const LeafFill& fill : fragment.fills) fills.push_back({static_cast<int>(fill.kind), fill.a, fill.b});
  const Json reply = Ask({{"cmd", "prepare"},
                          {"fragment", ToJson(fragment.program)},
                          {"parent_inputs", fragment.parent_inputs},
                          {"parent_results", fragment.parent_results},
                          {"fills", fills},
                          {"seed", seed}});
  return {reply.at("problem").get<int>(), reply.at("sets").get<std::vector<std::string>>(), reply.at("weak").get<std::vector<std::string>>(),
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

void ReferenceClient::Release(int problem) { Ask({{"cmd", "release"}, {"problem", problem}}); }

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
