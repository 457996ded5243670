#include "bench/examples.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/process.h"

namespace drtriton {
namespace {

std::vector<std::filesystem::path> Modules(const ExamplesBench& bench) {
  if (!std::filesystem::is_directory(bench.folder)) throw UserError("no folder " + bench.folder.string());
  std::vector<std::filesystem::path> modules;
  for (const auto& entry : std::filesystem::directory_iterator(bench.folder)) {
    std::string stem = entry.path().stem().string();
    if (entry.path().extension() != ".py" || stem.ends_with("_triton")) continue;
    if (!bench.only.empty() && std::find(bench.only.begin(), bench.only.end(), stem) == bench.only.end()) continue;
    modules.push_back(entry.path());
  }
  if (modules.empty()) throw UserError("no module to measure in " + bench.folder.string());
  std::sort(modules.begin(), modules.end());
  return modules;
}

// Converts one module and leaves its JSON report in the results folder.
void Measure(const std::filesystem::path& module, const ExamplesBench& bench) {
  std::string stem = module.stem().string();
  ProcessOptions process;
  process.command = {(ExecutableFolder() / "drtriton").string(),
                     "convert",
                     module.string(),
                     "--keep",
                     "--output",
                     (bench.results / (stem + "_triton.py")).string(),
                     "--report",
                     (bench.results / (stem + ".html")).string(),
                     "--json",
                     (bench.results / (stem + ".json")).string()};
  process.command.insert(process.command.end(), bench.options.begin(), bench.options.end());
  CommandResult result = RunCommand(process, std::chrono::minutes(20));
  if (result.end.exit_code > 1 || result.end.signal != 0 || result.end.timed_out) {
    Warn(stem + ": convert " + result.end.Describe() + "; " + result.end.stderr_tail);
  }
}

struct Row {
  std::optional<double> device_ms;
  std::optional<double> wall_us;
};

Row RowOf(const Json& report, const std::string& name) {
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
  if (!value) return "-";
  char text[48];
  std::snprintf(text, sizeof text, format, *value);
  return text;
}

std::optional<double> Ratio(const std::optional<double>& rival, const std::optional<double>& ours) {
  if (!rival || !ours || *ours <= 0) return std::nullopt;
  return *rival / *ours;
}

std::string TableRow(const std::string& stem, const Json& report) {
  Row eager = RowOf(report, "eager");
  Row compile = RowOf(report, "torch.compile");
  Row ours = RowOf(report, "drtriton");
  if (!ours.device_ms) return "| " + stem + " | " + report.value("outcome", "no report") + " | | | | | | | |\n";
  return "| " + stem + " | " + Cell(eager.device_ms, "%.4f") + " | " + Cell(compile.device_ms, "%.4f") + " | " +
         Cell(ours.device_ms, "%.4f") + " | " + Cell(Ratio(eager.device_ms, ours.device_ms), "%.2fx") + " | " +
         Cell(Ratio(compile.device_ms, ours.device_ms), "%.2fx") + " | " + Cell(eager.wall_us, "%.0f") + " | " +
         Cell(compile.wall_us, "%.0f") + " | " + Cell(ours.wall_us, "%.0f") + " |\n";
}

}  // namespace

std::string RunExamplesBench(const ExamplesBench& bench) {
  std::vector<std::filesystem::path> modules = Modules(bench);
  std::filesystem::create_directories(bench.results);
  std::string table =
      "| example | eager ms | torch.compile ms | drtriton ms | vs eager | vs compile | eager call us | compile call us | "
      "drtriton call us |\n|---|---|---|---|---|---|---|---|---|\n";
  for (const std::filesystem::path& module : modules) {
    std::string stem = module.stem().string();
    std::filesystem::path result = bench.results / (stem + ".json");
    if (!std::filesystem::exists(result) && !Interrupted()) {
      Info("measuring " + stem);
      Measure(module, bench);
    }
    Json report = std::filesystem::exists(result) ? Json::parse(ReadFile(result), nullptr, false) : Json::object();
    table += TableRow(stem, report.is_object() ? report : Json::object());
  }
  return table;
}

}  // namespace drtriton
