#include "bench/trust.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/process.h"

namespace drtriton {
namespace {

using std::chrono::steady_clock;

// The first candidate waits for workers, imports and, on a GPU, a CUDA context.
constexpr auto kMostForOne = std::chrono::minutes(5);

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  for (std::string part; std::getline(stream, part, separator);) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

// "# name: value" lines at the start of a file.
std::map<std::string, std::string> HeaderOf(const std::filesystem::path& path) {
  std::map<std::string, std::string> header;
  std::istringstream lines(ReadFile(path));
  for (std::string line; std::getline(lines, line) && line.starts_with("#");) {
    const size_t colon = line.find(": ");
    if (line.starts_with("# ") && colon != std::string::npos) header[line.substr(2, colon - 2)] = line.substr(colon + 2);
  }
  return header;
}

TrustCandidate ReadCandidate(const std::filesystem::path& path, const std::string& kind) {
  std::map<std::string, std::string> header = HeaderOf(path);
  TrustCandidate candidate{.kind = kind, .name = path.stem().string(), .path = path, .module = header["module"]};
  const std::vector<std::string> expected = Split(header["expect"], ' ');
  if (candidate.module.empty() || expected.size() != 3) {
    throw UserError(path.string() + " does not begin with \"# module: NAME\" and \"# expect: VERDICT STAGE CODE\"");
  }
  if (header.contains("mode")) candidate.mode = header["mode"];
  candidate.gpu_only = header["shows"] == "on a GPU";
  candidate.verdict = expected[0];
  candidate.stage = expected[1];
  candidate.codes = Split(expected[2], '|');
  return candidate;
}

struct Outcome {
  std::optional<Json> verdict;   // none: verify ended before it
  double seconds = 0;
};

bool IsRight(const TrustCandidate& candidate, const Outcome& outcome) {
  if (!outcome.verdict) return false;
  const Json& verdict = *outcome.verdict;
  const std::string code = verdict.value("code", ""), stage = verdict.value("stage", "");
  return verdict.value("verdict", "") == candidate.verdict && (candidate.stage == "any" || stage == candidate.stage) &&
         std::find(candidate.codes.begin(), candidate.codes.end(), code) != candidate.codes.end();
}

// Judges candidates of one mode; those of one module are neighbours, since they share its import.
std::vector<Outcome> Judge(const std::vector<TrustCandidate>& candidates, const std::string& mode, const TrustBench& bench) {
  const ScratchFolder scratch("drtriton-trust");
  std::string pairs;
  for (const TrustCandidate& candidate : candidates) {
    const std::filesystem::path module = std::filesystem::absolute(bench.folder / "modules" / (candidate.module + ".py"));
    pairs += Json{{"module", module.string()}, {"candidate", std::filesystem::absolute(candidate.path).string()}}.dump() + "\n";
  }
  WriteFileAtomically(scratch.path() / "pairs.jsonl", pairs);
  char limit[32];
  std::snprintf(limit, sizeof limit, "%g", bench.timeout_s);
  ProcessOptions options;
  options.command = {(ExecutableFolder() / "drtriton").string(), "verify", "--batch", (scratch.path() / "pairs.jsonl").string(), "--" + mode, "--timeout", limit, "--device", bench.gpu ? "cuda" : "cpu"};
  options.environment = {{"DRTRITON_CACHE", (scratch.path() / "cache").string()}};   // judged now, not answered from the store
  Process process(options);
  std::vector<Outcome> outcomes(candidates.size());
  for (size_t i = 0; i < candidates.size() && !Interrupted(); ++i) {
    const auto start = steady_clock::now();
    outcomes[i].verdict = process.Receive(kMostForOne);
    outcomes[i].seconds = std::chrono::duration<double>(steady_clock::now() - start).count();
    SetProgress("judged " + std::to_string(i + 1) + " of " + std::to_string(candidates.size()) + " (" + mode + ")");
    if (!outcomes[i].verdict) break;
  }
  ClearProgress();
  const ProcessEnd end = process.Wait(std::chrono::seconds(30));
  if (end.signal != 0 || end.timed_out || end.exit_code > 2) Warn("verify " + end.Describe() + "; " + end.stderr_tail);
  return outcomes;
}

struct Row {
  size_t count = 0, right = 0;
  double seconds = 0;
  std::map<std::string, size_t> verdicts;   // "stage code" -> how many
};

class Report {
 public:
  void Add(const TrustCandidate& candidate, const Outcome& outcome) {
    Row& row = rows_[candidate.kind];
    ++row.count;
    row.seconds += outcome.seconds;
    const std::string got = outcome.verdict ? outcome.verdict->value("stage", "") + " " + outcome.verdict->value("code", "") : "no verdict";
    ++row.verdicts[got];
    if (IsRight(candidate, outcome)) {
      ++row.right;
      return;
    }
    std::string codes;
    for (const std::string& code : candidate.codes) codes += (codes.empty() ? "" : "|") + code;
    wrong_ += "- " + candidate.kind + "/" + candidate.name + ": expected " + candidate.verdict + " " + candidate.stage + " " + codes + ", got " +
              (outcome.verdict ? outcome.verdict->value("verdict", "") + " " + got + ": " + outcome.verdict->value("reason", "") : got) + "\n";
  }

  TrustReport Finish() const {
    std::string table = "| kind | candidates | right | seconds | verdicts |\n|---|---|---|---|---|\n";
    size_t count = 0, right = 0;
    double seconds = 0;
    for (const auto& [kind, row] : rows_) {
      std::string verdicts;
      for (const auto& [verdict, times] : row.verdicts) verdicts += (verdicts.empty() ? "" : ", ") + verdict + " " + std::to_string(times);
      table += Line(kind, row.count, row.right, row.seconds, verdicts);
      count += row.count;
      right += row.right;
      seconds += row.seconds;
    }
    table += Line("all", count, right, seconds, "");
    if (!wrong_.empty()) table += "\nNot as expected:\n" + wrong_;
    return {table, right == count};
  }

 private:
  static std::string Line(const std::string& kind, size_t count, size_t right, double seconds, const std::string& verdicts) {
    char numbers[96];
    std::snprintf(numbers, sizeof numbers, " | %zu | %zu | %.1f | ", count, right, seconds);
    return "| " + kind + numbers + verdicts + " |\n";
  }

  std::map<std::string, Row> rows_;
  std::string wrong_;
};

bool IsChosen(const TrustCandidate& candidate, const TrustBench& bench) {
  if (candidate.gpu_only && !bench.gpu) return false;
  const auto named = [&](const std::string& name) { return name == candidate.kind || name == candidate.name; };
  return bench.only.empty() || std::any_of(bench.only.begin(), bench.only.end(), named);
}

}  // namespace

std::vector<TrustCandidate> ReadTrustCandidates(const std::filesystem::path& folder) {
  std::vector<TrustCandidate> candidates;
  for (const char* part : {"cheats", "honest"}) {
    if (!std::filesystem::is_directory(folder / part)) throw UserError("no folder " + (folder / part).string());
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / part)) {
      if (entry.path().extension() != ".py") continue;
      const std::string above = entry.path().parent_path().filename().string();
      candidates.push_back(ReadCandidate(entry.path(), above));
    }
  }
  if (candidates.empty()) throw UserError("no candidates in " + folder.string());
  std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return candidates;
}

TrustReport RunTrustBench(const TrustBench& bench) {
  std::map<std::string, std::vector<TrustCandidate>> by_mode;
  std::map<std::string, size_t> seen;
  for (const TrustCandidate& candidate : ReadTrustCandidates(bench.folder)) {
    if (IsChosen(candidate, bench) && seen[candidate.kind]++ % bench.every == 0) by_mode[candidate.mode].push_back(candidate);
  }
  if (by_mode.empty()) throw UserError("no candidate of " + bench.folder.string() + " was asked for");
  Report report;
  for (auto& [mode, candidates] : by_mode) {
    std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) { return a.module < b.module; });
    const std::vector<Outcome> outcomes = Judge(candidates, mode, bench);
    for (size_t i = 0; i < candidates.size(); ++i) report.Add(candidates[i], outcomes[i]);
  }
  return report.Finish();
}

}  // namespace drtriton
