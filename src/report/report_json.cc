#include <nlohmann/json.hpp>

#include "report/report.h"

namespace drtriton {
namespace {

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json KernelStepJson(const KernelStep& step, const DeviceSpec& device) {
  KernelFacts facts = FactsOf(step, device);
  Json operators = Json::array();
  for (const Node& node : step.fragment.program.nodes) operators.push_back(node.op);
  Json json;
  json["step"] = "kernel";
  json["fragment"] = step.fragment.id;
  json["kind"] = step.kind;
  json["nodes"] = step.fragment.nodes;
  json["operators"] = operators;
  json["proposal"] = ToJson(step.proposal);
  json["verdict"] = ToJson(step.verdict);
  json["flops"] = facts.flops;
  json["bytes"] = facts.bytes;
  json["time_ms"] = OrNull(facts.time_ms);
  json["bytes_per_us"] = OrNull(facts.bytes_per_us);
  json["flops_per_us"] = OrNull(facts.flops_per_us);
  json["roofline_share"] = OrNull(facts.roofline_share);
  return json;
}

Json StepJson(const CompositionStep& step, const ConversionReport& report) {
  if (const auto* kernel = std::get_if<KernelStep>(&step)) return KernelStepJson(*kernel, report.device);
  const auto& torch = std::get<TorchStep>(step);
  const std::string& op = report.composition.program.nodes[torch.node].op;
  return Json{{"step", "torch"}, {"nodes", {torch.node}}, {"operators", {op}}, {"why", torch.why}};
}

Json TimingJson(const Timing& timing) {
  Json json{{"name", timing.name},
            {"device_ms", OrNull(timing.device_ms)},
            {"device_ci_ms", OrNull(timing.device_ci_ms)},
            {"wall_us", OrNull(timing.wall_us)}};
  if (!timing.failure.empty()) json["failure"] = timing.failure;
  return json;
}

Json RegionJson(const RegionSummary& region) {
  return {{"name", region.name},
          {"nodes", region.nodes},
          {"options", region.options},
          {"chosen", region.chosen},
          {"why", region.why}};
}

template <typename T>
Json Object(const std::vector<std::pair<std::string, T>>& members) {
  Json json = Json::object();
  for (const auto& [name, value] : members) json[name] = value;
  return json;
}

}  // namespace

Json ReportJson(const ConversionReport& report) {
  Json json;
  json["format"] = "drtriton.report/1";
  json["module"] = report.module_path;
  json["output"] = report.written ? Json(report.output_path) : Json(nullptr);
  json["written"] = report.written;
  json["outcome"] = report.outcome;
  json["device"] = report.device_name;
  json["mode"] = report.mode;
  json["strict"] = report.strict;
  json["reduced_shapes"] = report.reduced_shapes;
  json["interrupted"] = report.interrupted;
  json["seed"] = report.seed;
  json["seconds"] = report.seconds;
  json["stages"] = Object(report.stages);
  json["versions"] = Object(report.versions);
  json["final_check"] = report.final_check ? ToJson(*report.final_check) : Json(nullptr);
  json["timings"] = Json::array();
  for (const Timing& timing : report.timings) json["timings"].push_back(TimingJson(timing));
  json["regions"] = Json::array();
  for (const RegionSummary& region : report.regions) json["regions"].push_back(RegionJson(region));
  json["steps"] = Json::array();
  for (const CompositionStep& step : report.composition.steps) json["steps"].push_back(StepJson(step, report));
  json["tried"] = Json::array();
  for (const TriedCandidate& tried : report.tried) {
    json["tried"].push_back({{"kind", tried.kind},
                             {"fragment", tried.fragment},
                             {"proposal", ToJson(tried.proposal)},
                             {"verdict", ToJson(tried.verdict)}});
  }
  return json;
}

}  // namespace drtriton
