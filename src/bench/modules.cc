#include "bench/modules.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/process.h"
#include "bench/variants.h"

namespace drtriton {
namespace {

// One module: its conversion, and what torch.compile takes in its thorough mode.
constexpr std::chrono::minutes kRunLimit(20);

std::vector<std::filesystem::path> ModuleFiles(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) throw UserError("no folder " + folder.string());
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".py" && !entry.path().stem().string().ends_with("_triton")) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool Has(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

std::string GroupOf(const std::string& text, const ModuleVariant& variant) {
  std::string group = TextConstant(text, "GROUP");
  if (group == "GEMM-bound") group = (Has(variant.tags, "bf16") ? "bf16 " : "fp32 ") + group;
  return group.empty() || !Has(variant.tags, "few") ? group : group + ", small batch";
}

ModuleRun MakeRun(const std::filesystem::path& file, const ModuleVariant& variant, const ModulesBench& bench) {
  const std::string text = ReadFile(file);
  ModuleRun run{file.stem().string() + variant.suffix, file, GroupOf(text, variant)};
  if (variant.tags.empty()) return run;
  run.module = bench.results / "modules" / (run.name + ".py");
  std::filesystem::create_directories(run.module.parent_path());
  WriteFileAtomically(run.module, VariantText(text, variant.tags));
  return run;
}

// Converts one module and leaves its JSON report in the results folder.
void Measure(const ModuleRun& run, const ModulesBench& bench) {
  auto result_file = [&](const char* ending) { return (bench.results / (run.name + ending)).string(); };
  ProcessOptions process;
  process.command = {(ExecutableFolder() / "drtriton").string(), "convert", run.module.string(), "--keep",
                     "--output", result_file("_triton.py"), "--report", result_file(".html"),
                     "--json", result_file(".json")};
  process.command.insert(process.command.end(), bench.options.begin(), bench.options.end());
  if (bench.max_autotune) process.command.push_back("--max-autotune");
  CommandResult result = RunCommand(process, kRunLimit);
  if (result.end.exit_code > 1 || result.end.signal != 0 || result.end.timed_out) {
    Warn(run.name + ": convert " + result.end.Describe() + "; " + result.end.stderr_tail);
  }
}

}  // namespace

std::vector<ModuleVariant> DtypeAndBatchVariants() {
  return {{"", {}}, {"_few", {"few"}}, {"_bf16", {"bf16"}}, {"_bf16_few", {"bf16", "few"}}};
}

std::vector<ModuleVariant> SmallVariants() { return {{"_small", {"small"}}, {"_bf16_small", {"bf16", "small"}}}; }

std::vector<ModuleRun> ListRuns(const ModulesBench& bench) {
  std::vector<ModuleRun> runs;
  for (const std::filesystem::path& file : ModuleFiles(bench.folder)) {
    for (const ModuleVariant& variant : bench.variants) {
      const std::string stem = file.stem().string();
      if (!bench.only.empty() && !Has(bench.only, stem) && !Has(bench.only, stem + variant.suffix)) continue;
      runs.push_back(MakeRun(file, variant, bench));
    }
  }
  if (runs.empty()) throw UserError("no module to measure in " + bench.folder.string());
  return runs;
}

std::string RunModulesBench(const ModulesBench& bench) {
  std::vector<ModuleRun> runs = ListRuns(bench);
  std::filesystem::create_directories(bench.results);
  std::vector<ModuleResult> results;
  for (const ModuleRun& run : runs) {
    std::filesystem::path file = bench.results / (run.name + ".json");
    if (!std::filesystem::exists(file) && !Interrupted()) {
      Info("measuring " + run.name);
      Measure(run, bench);
    }
    Json report = std::filesystem::exists(file) ? Json::parse(ReadFile(file), nullptr, false) : Json::object();
    results.push_back({run, report.is_object() ? report : Json::object()});
  }
  return ModulesTable(results, bench.max_autotune);
}

}  // namespace drtriton
