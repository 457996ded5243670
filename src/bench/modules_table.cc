// The table of a bench of modules.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <optional>

#include "bench/modules.h"

namespace drtriton {
namespace {

// A side of the comparison: its name in a report and in the table.
struct Side {
  std::string timing;
  std::string label;
};

std::vector<Side> Rivals(bool max_autotune) {
  std::vector<Side> rivals{{"eager", "eager"}, {"torch.compile", "torch.compile"}};
  if (max_autotune) rivals.push_back({"torch.compile max-autotune-no-cudagraphs", "max-autotune"});
  return rivals;
}

struct Times {
  std::optional<double> device_ms;
  std::optional<double> wall_us;
};

Times TimesOf(const Json& report, const std::string& name) {
  for (const Json& timing : report.value("timings", Json::array())) {
    if (timing.value("name", "") != name) continue;
    auto number = [&](const char* member) -> std::optional<double> {
      if (!timing.contains(member) || !timing[member].is_number()) return std::nullopt;
      return timing[member].get<double>();
    };
    return {number("device_ms"), number("wall_us")};
  }
  return {};
}

std::string Cell(const std::optional<double>& value, const char* format) {
  if (!value) return " - |";
  char text[48];
  std::snprintf(text, sizeof text, format, *value);
  return std::string(" ") + text + " |";
}

std::optional<double> Ratio(const std::optional<double>& rival, const std::optional<double>& ours) {
  if (!rival || !ours || *ours <= 0) return std::nullopt;
  return *rival / *ours;
}

using Member = std::optional<double> Times::*;

// The least time of the rivals from `first` on over ours.
std::optional<double> AgainstBest(const Json& report, const std::vector<Side>& rivals, size_t first, Member member) {
  std::optional<double> best;
  for (size_t i = first; i < rivals.size(); ++i) {
    std::optional<double> time = TimesOf(report, rivals[i].timing).*member;
    if (time && (!best || *time < *best)) best = time;
  }
  return Ratio(best, TimesOf(report, "drtriton").*member);
}

std::string Header(const std::vector<Side>& rivals) {
  std::string names = "| module |";
  for (const Side& rival : rivals) names += " " + rival.label + " ms |";
  names += " drtriton ms |";
  for (const Side& rival : rivals) names += " vs " + rival.label + " |";
  for (const Side& rival : rivals) names += " " + rival.label + " call us |";
  names += " drtriton call us |";
  std::string rule = "|";
  for (size_t i = 0; i < 3 * rivals.size() + 3; ++i) rule += "---|";
  return names + "\n" + rule + "\n";
}

std::string Row(const ModuleResult& result, const std::vector<Side>& rivals) {
  const Times ours = TimesOf(result.report, "drtriton");
  std::string row = "| " + result.run.name + " |";
  if (!ours.device_ms) {
    row += " " + result.report.value("outcome", "no report") + " |";
    for (size_t i = 0; i < 3 * rivals.size() + 1; ++i) row += " |";
    return row + "\n";
  }
  for (const Side& rival : rivals) row += Cell(TimesOf(result.report, rival.timing).device_ms, "%.4f");
  row += Cell(ours.device_ms, "%.4f");
  for (const Side& rival : rivals) row += Cell(Ratio(TimesOf(result.report, rival.timing).device_ms, ours.device_ms), "%.2fx");
  for (const Side& rival : rivals) row += Cell(TimesOf(result.report, rival.timing).wall_us, "%.0f");
  return row + Cell(ours.wall_us, "%.0f") + "\n";
}

// Geometric mean and least of some ratios.
struct Spread {
  double log_sum = 0;
  double least = INFINITY;
  int count = 0;
  void Add(const std::optional<double>& ratio) {
    if (!ratio || *ratio <= 0) return;
    log_sum += std::log(*ratio);
    least = std::min(least, *ratio);
    ++count;
  }
  std::optional<double> Mean() const { return count > 0 ? std::optional(std::exp(log_sum / count)) : std::nullopt; }
  std::optional<double> Least() const { return count > 0 ? std::optional(least) : std::nullopt; }
};

struct Group {
  int runs = 0;
  Spread eager, compile, best, wall;   // device time but for the last, which is against the best rival
};

std::string GroupTable(const std::vector<ModuleResult>& results, const std::vector<Side>& rivals) {
  std::map<std::string, Group> groups;
  for (const ModuleResult& result : results) {
    if (result.run.group.empty()) continue;
    Group& group = groups[result.run.group];
    ++group.runs;
    group.eager.Add(Ratio(TimesOf(result.report, "eager").device_ms, TimesOf(result.report, "drtriton").device_ms));
    group.compile.Add(AgainstBest(result.report, rivals, 1, &Times::device_ms));
    group.best.Add(AgainstBest(result.report, rivals, 0, &Times::device_ms));
    group.wall.Add(AgainstBest(result.report, rivals, 0, &Times::wall_us));
  }
  if (groups.empty()) return "";
  std::string table =
      "\n| geometric mean over | timed | device vs eager | device vs best torch.compile | least vs best rival | call vs best "
      "rival |\n|---|---|---|---|---|---|\n";
  for (const auto& [name, group] : groups) {
    table += "| " + name + " | " + std::to_string(group.best.count) + " of " + std::to_string(group.runs) + " |" +
             Cell(group.eager.Mean(), "%.2fx") + Cell(group.compile.Mean(), "%.2fx") + Cell(group.best.Least(), "%.2fx") +
             Cell(group.wall.Mean(), "%.2fx") + "\n";
  }
  return table;
}

}  // namespace

std::string ModulesTable(const std::vector<ModuleResult>& results, bool max_autotune) {
  const std::vector<Side> rivals = Rivals(max_autotune);
  std::string table = Header(rivals);
  for (const ModuleResult& result : results) table += Row(result, rivals);
  return table + GroupTable(results, rivals);
}

}  // namespace drtriton
