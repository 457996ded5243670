#include "bench/source_power.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "bench/source_mutants.h"
#include "core/verdict.h"
#include "verify/pairs.h"

namespace drtriton {
namespace {

// What of a verdict is of interest here.
struct Judged {
  std::string code;
  std::vector<std::string> dtypes;
};

std::vector<Judged> Judge(const std::vector<Pair>& pairs, const SourcePowerBench& bench, const std::filesystem::path& folder) {
  if (pairs.empty()) return {};
  std::string text;
  for (const Pair& pair : pairs) text += Json{{"module", std::filesystem::absolute(pair.module).string()}, {"candidate", std::filesystem::absolute(pair.candidate).string()}}.dump() + "\n";
  WriteFileAtomically(folder / "pairs.jsonl", text);
  ProcessOptions process;
  process.command = {(ExecutableFolder() / "drtriton").string(), "verify", "--batch", (folder / "pairs.jsonl").string(), "--hybrid", "--json", (folder / "verdicts.jsonl").string()};
  process.command.insert(process.command.end(), bench.options.begin(), bench.options.end());
  CommandResult result = RunCommand(process, std::chrono::hours(3));
  if (result.end.exit_code > 2 || result.end.signal != 0 || result.end.timed_out) throw UserError("verify " + result.end.Describe() + ": " + result.end.stderr_tail);
  std::vector<Judged> judged;
  std::ifstream lines(folder / "verdicts.jsonl");
  for (std::string line; std::getline(lines, line);) {
    const Verdict verdict = VerdictFromJson(Json::parse(line));
    judged.push_back({verdict.code, verdict.dtypes});
  }
  if (judged.size() != pairs.size()) throw InternalError("verify gave " + std::to_string(judged.size()) + " verdicts for " + std::to_string(pairs.size()) + " pairs");
  return judged;
}

// Equal by the element types that the kernels read: float32's ways of multiplying say nothing to half precision, and a cast to
// the type that all tensors have changes nothing that was just loaded.
std::string RuleOfTypes(const SourceMutant& mutant, const std::vector<std::string>& dtypes) {
  const auto has = [&](const char* name) { return std::find(dtypes.begin(), dtypes.end(), name) != dtypes.end(); };
  if (mutant.kind == "precision" && !dtypes.empty() && !has("float32") && !has("float64")) return "a product of half precision";
  const bool casts_load = mutant.kind == "accumulator" && mutant.change.find("tl.load(") != std::string::npos && mutant.change.find(".to(tl.bfloat16)") != std::string::npos;
  return casts_load && dtypes == std::vector<std::string>{"bfloat16"} ? "a cast to its own type" : "";
}

std::vector<SourceMutant> Drawn(std::vector<SourceMutant> mutants, const SourcePowerBench& bench) {
  if (bench.mutants == 0 || mutants.size() <= bench.mutants) return mutants;
  std::mt19937_64 random(bench.seed);
  std::shuffle(mutants.begin(), mutants.end(), random);
  mutants.resize(bench.mutants);
  std::sort(mutants.begin(), mutants.end(), [](const SourceMutant& a, const SourceMutant& b) { return a.line < b.line; });
  return mutants;
}

}  // namespace

std::vector<SourceMutantReport> MeasureSourcePower(const SourcePowerBench& bench) {
  ScratchFolder scratch("drtriton-mutants");
  const std::vector<Pair> originals = ReadPairs(bench.pairs);
  const std::vector<Judged> own = Judge(originals, bench, scratch.path());
  std::vector<SourceMutantReport> reports;
  std::map<std::string, std::vector<std::string>> types;   // behind the pointers of each original
  std::vector<SourceMutant> mutants;   // one a report; the source is empty
  std::vector<Pair> pairs;
  const auto write = [&](const std::string& source) {
    std::filesystem::path path = scratch.path() / ("m" + std::to_string(pairs.size()) + "_" + std::to_string(reports.size()) + ".py");
    WriteFileAtomically(path, source);
    return path.string();
  };
  for (size_t i = 0; i < originals.size(); ++i) {
    if (own[i].code != "ok") {
      Warn(originals[i].candidate.string() + " itself is not accepted (" + own[i].code + ")");
      continue;
    }
    types[originals[i].candidate.string()] = own[i].dtypes;
    for (SourceMutant& mutant : Drawn(MakeSourceMutants(ReadFile(originals[i].candidate)), bench)) {
      pairs.push_back({originals[i].module, write(mutant.source)});
      reports.push_back({originals[i].candidate.string(), mutant.kind, mutant.line, mutant.change, "", ""});
      mutant.source.clear();
      mutants.push_back(std::move(mutant));
    }
  }
  const std::vector<Judged> codes = Judge(pairs, bench, scratch.path());
  const std::vector<Pair> judged = std::move(pairs);
  pairs.clear();
  std::vector<size_t> probed;
  for (size_t i = 0; i < reports.size(); ++i) {
    reports[i].code = codes[i].code;
    if (codes[i].code != "ok") continue;
    reports[i].rule = RuleOfTypes(mutants[i], types.at(reports[i].candidate));
    if (!reports[i].rule.empty() || mutants[i].probe.empty()) continue;
    pairs.push_back({judged[i].module, write(mutants[i].probe)});
    probed.push_back(i);
  }
  const std::vector<Judged> answers = Judge(pairs, bench, scratch.path());
  for (size_t i = 0; i < probed.size(); ++i) {
    if (answers[i].code == "ok") reports[probed[i]].rule = mutants[probed[i]].rule;
  }
  return reports;
}

std::string SourcePowerTable(const std::vector<SourceMutantReport>& reports) {
  struct Counts {
    size_t all = 0, rejected = 0, equal = 0;
  };
  std::map<std::string, Counts> kinds;
  std::string survivors;
  for (const SourceMutantReport& report : reports) {
    for (const std::string& kind : {report.kind, std::string("~all")}) {
      Counts& counts = kinds[kind];
      ++counts.all;
      counts.rejected += report.code != "ok";
      counts.equal += !report.rule.empty();
    }
    if (report.code == "ok" && report.rule.empty()) {
      survivors += "- " + std::filesystem::path(report.candidate).filename().string() + " line " + std::to_string(report.line) + ", " + report.kind + ": " + report.change + "\n";
    }
  }
  std::string text = "| kind | mutants | rejected | equal by a rule | share of the others rejected |\n|---|---|---|---|---|\n";
  for (const auto& [kind, counts] : kinds) {
    size_t others = counts.all - counts.equal;
    char share[32];
    std::snprintf(share, sizeof share, "%.2f%%", others == 0 ? 100.0 : 100.0 * static_cast<double>(counts.rejected) / static_cast<double>(others));
    text += "| " + (kind == "~all" ? "**all**" : kind) + " | " + std::to_string(counts.all) + " | " + std::to_string(counts.rejected) + " | " + std::to_string(counts.equal) + " | " + share + " |\n";
  }
  if (!survivors.empty()) text += "\nSurvivors:\n\n" + survivors;
  return text;
}

}  // namespace drtriton
