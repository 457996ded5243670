#include "bench/power.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "bench/sampled_fragment.h"
#include "core/fragment.h"
#include "graph/program_json.h"
#include "import/importer.h"

namespace drtriton {
namespace {

std::vector<std::filesystem::path> ModuleFiles(const std::vector<std::filesystem::path>& given) {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path& path : given) {
    if (!std::filesystem::is_directory(path)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::filesystem::path> inside;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      if (entry.path().extension() == ".py" && !entry.path().stem().string().ends_with("_triton")) inside.push_back(entry.path());
    }
    std::sort(inside.begin(), inside.end());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

class Measuring {
 public:
  explicit Measuring(const PowerBench& bench)
      : bench_(bench), executor_(MakeExecutor(bench.device, bench.seed)), scratch_("drtriton-power") {}

  PowerRow Module(const std::filesystem::path& path, const std::string& name) {
    return Guarded(name, [&] {
      ImportOptions options{.device = executor_->device_name() == "interpreter" ? "cpu" : "cuda", .seed = bench_.seed};
      ImportedModule imported = importer_.Import(path, options, scratch_.path());
      if (imported.reduced) {
        executor_->LoadProgram(imported.reduced_program, imported.reduced_tensors);
        return Mutants(WholeProgram(imported.reduced_program));
      }
      executor_->LoadProgram(imported.program, imported.tensors);
      return Mutants(WholeProgram(imported.program));
    });
  }

  PowerRow Sampled(const Sample& sample, const std::string& name) {
    return Guarded(name, [&] { return Mutants(SampledFragment(sample)); });
  }

  PowerRow Line(const Json& line, const std::string& name) {
    if (line.contains("module")) return Module(line.at("module").get<std::string>(), name);
    if (line.contains("graph")) {
      return Guarded(name, [&] {
        Fragment fragment = WholeProgram(ProgramFromJson(line.at("graph")));
        fragment.parent_inputs.clear();  // inputs are drawn
        return Mutants(fragment);
      });
    }
    const std::filesystem::path path = scratch_.path() / "module.py";
    WriteFileAtomically(path, line.at("source").get<std::string>());
    return Module(path, name);
  }

 private:
  template <typename Work>
  PowerRow Guarded(const std::string& name, const Work& work) {
    PowerRow row{name, "", {}};
    try {
      row.mutants = work();
    } catch (const UserError& error) {
      row.failure = error.what();
    } catch (const Json::exception& error) {
      row.failure = error.what();
    }
    return row;
  }

  std::vector<MutantReport> Mutants(const Fragment& fragment) {
    ProblemId problem = executor_->Prepare(fragment, bench_.seed);
    std::vector<MutantReport> reports = executor_->MeasurePower(problem, bench_.seconds);
    executor_->Release(problem);
    std::erase_if(reports, [](const MutantReport& report) { return report.outcome != "rejected" && report.outcome != "survived"; });
    return reports;
  }

  const PowerBench& bench_;
  Importer importer_;
  std::unique_ptr<Executor> executor_;
  ScratchFolder scratch_;
};

struct Counts {
  size_t all = 0, rejected = 0, equal = 0, equal_rejected = 0;
  size_t unequal() const { return all - equal; }
  size_t unequal_rejected() const { return rejected - equal_rejected; }
};

Counts CountsOf(const PowerRow& row) {
  Counts counts;
  for (const MutantReport& mutant : row.mutants) {
    bool rejected = mutant.outcome == "rejected", equal = !mutant.rule.empty();
    ++counts.all;
    counts.rejected += rejected;
    counts.equal += equal;
    counts.equal_rejected += equal && rejected;
  }
  return counts;
}

std::string Share(size_t part, size_t whole) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f%%", whole == 0 ? 100.0 : 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

std::string RowText(const std::string& name, const Counts& counts) {
  return "| " + name + " | " + std::to_string(counts.all) + " | " + std::to_string(counts.rejected) + " | " + Share(counts.rejected, counts.all) +
         " | " + std::to_string(counts.equal) + " | " + Share(counts.unequal_rejected(), counts.unequal()) + " |\n";
}

void MeasureSampled(const PowerBench& bench, Measuring* measuring, std::vector<PowerRow>* rows) {
  constexpr size_t kOperators[] = {1, 2, 3, 5};
  for (size_t part = 0; part < std::size(kOperators); ++part) {
    const size_t count = bench.sampled * (part + 1) / std::size(kOperators) - bench.sampled * part / std::size(kOperators), ops = kOperators[part];
    if (count == 0) continue;
    const Sampler sampler(SamplerOptions{.ops = static_cast<int>(ops), .size = bench.size});
    for (uint64_t index = 0; index < count && !Interrupted(); ++index) {
      const std::string name = "K" + std::to_string(ops) + ":" + std::to_string(index);
      SetProgress("power: " + name);
      rows->push_back(measuring->Sampled(sampler.Draw(bench.seed + ops, index), name));
    }
  }
}

}  // namespace

std::vector<PowerRow> MeasurePower(const PowerBench& bench) {
  std::vector<std::filesystem::path> files = ModuleFiles(bench.modules);
  if (files.empty() && bench.programs.empty() && bench.sampled == 0) throw UserError("nothing to measure: name module files, folders, --programs F.jsonl or --sampled N");
  Measuring measuring(bench);
  std::vector<PowerRow> rows;
  for (const std::filesystem::path& file : files) {
    if (Interrupted()) return rows;
    SetProgress("power: " + file.filename().string());
    rows.push_back(measuring.Module(file, file.stem().string()));
  }
  MeasureSampled(bench, &measuring, &rows);
  std::ifstream lines(bench.programs);
  if (!bench.programs.empty() && !lines) throw UserError("cannot read " + bench.programs.string());
  size_t number = 0;
  for (std::string line; std::getline(lines, line) && (bench.count == 0 || number < bench.count) && !Interrupted();) {
    std::string name = bench.programs.stem().string() + ":" + std::to_string(++number);
    SetProgress("power: " + name);
    Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) throw UserError(bench.programs.string() + " line " + std::to_string(number) + " is no JSON object");
    rows.push_back(measuring.Line(json, name));
  }
  ClearProgress();
  return rows;
}

std::string PowerTable(const std::vector<PowerRow>& rows) {
  std::string text = "| module | mutants | rejected | share | equal by a rule | share of the others |\n|---|---|---|---|---|---|\n";
  Counts total;
  std::string failures, survivors;
  std::map<std::string, size_t> rules;
  for (const PowerRow& row : rows) {
    if (!row.failure.empty()) {
      failures += "- " + row.name + ": " + row.failure + "\n";
      continue;
    }
    Counts counts = CountsOf(row);
    text += RowText(row.name, counts);
    total.all += counts.all;
    total.rejected += counts.rejected;
    total.equal += counts.equal;
    total.equal_rejected += counts.equal_rejected;
    for (const MutantReport& mutant : row.mutants) {
      if (!mutant.rule.empty()) ++rules[mutant.rule + (mutant.outcome == "rejected" ? " (and yet rejected)" : "")];
      else if (mutant.outcome == "survived") survivors += "- " + row.name + ": " + mutant.change + " (" + mutant.node + ")\n";
    }
  }
  text += RowText("**all**", total);
  if (!rules.empty()) text += "\nEqual by a rule:\n\n";
  for (const auto& [rule, count] : rules) text += "- " + rule + ": " + std::to_string(count) + "\n";
  if (!survivors.empty()) text += "\nSurvivors:\n\n" + survivors;
  if (!failures.empty()) text += "\nNot measured:\n\n" + failures;
  return text;
}

Json ToJson(const std::vector<PowerRow>& rows) {
  Json list = Json::array();
  for (const PowerRow& row : rows) {
    Json mutants = Json::array();
    for (const MutantReport& mutant : row.mutants) {
      mutants.push_back({{"node", mutant.node}, {"change", mutant.change}, {"rule", mutant.rule}, {"outcome", mutant.outcome}, {"set", mutant.set}});
    }
    list.push_back({{"module", row.name}, {"failure", row.failure}, {"mutants", mutants}});
  }
  return list;
}

}  // namespace drtriton
