#include "cli/verification.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/pair_pipeline.h"

namespace drtriton {
namespace {

std::string Sentence(const Verdict& verdict) {
  std::string text = Name(verdict.outcome);
  if (verdict.accepted()) {
    char numbers[160] = "";
    if (verdict.time_ms && verdict.eager_ms) {
      std::snprintf(numbers, sizeof numbers, ": %.4f ms, eager PyTorch %.4f ms", *verdict.time_ms, *verdict.eager_ms);
    }
    if (verdict.wall_us) {
      char wall[64];
      std::snprintf(wall, sizeof wall, ", %.1f us a call from Python", *verdict.wall_us);
      return text + numbers + wall;
    }
    return text + numbers;
  }
  return text + " at stage " + Name(verdict.stage) + " (" + verdict.code + "): " + verdict.reason;
}

int VerifyBatch(const VerifyArguments& arguments) {
  std::vector<Pair> pairs = ReadPairs(arguments.batch);
  PairPipeline pipeline(arguments);
  std::string lines;
  bool all_judged = true;
  pipeline.Run(pairs, [&](size_t index, const Verdict& verdict) {
    all_judged &= verdict.outcome != Outcome::kError;
    std::string line = ToJson(verdict).dump() + "\n";
    if (arguments.json.empty() || arguments.json == "-") {
      std::fwrite(line.data(), 1, line.size(), stdout);
      std::fflush(stdout);
    }
    lines += line;
    SetProgress("judged " + std::to_string(index + 1) + " of " + std::to_string(pairs.size()));
  });
  ClearProgress();
  if (!arguments.json.empty() && arguments.json != "-") WriteFileAtomically(arguments.json, lines);
  return static_cast<int>(all_judged ? ExitStatus::kOk : ExitStatus::kBadInput);
}

Verdict VerifyOne(const VerifyArguments& arguments) {
  Verdict only;
  PairPipeline(arguments).Run({{arguments.module, arguments.candidate}},
                              [&](size_t, const Verdict& verdict) { only = verdict; });
  if (only.code == "bad_file") throw UserError(only.reason);
  return only;
}

}  // namespace

int Verify(const VerifyArguments& arguments) {
  if (!arguments.json.empty() && arguments.json != "-") RequireWritable(arguments.json);
  if (!arguments.batch.empty()) return VerifyBatch(arguments);
  Verdict verdict = VerifyOne(arguments);
  std::string json = ToJson(verdict).dump() + "\n";
  if (arguments.json == "-") {
    std::printf("%s", json.c_str());
  } else {
    if (!arguments.json.empty()) WriteFileAtomically(arguments.json, json);
    std::printf("%s\n", Sentence(verdict).c_str());
  }
  return static_cast<int>(verdict.outcome);
}

}  // namespace drtriton
