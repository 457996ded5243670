// Verdict: the judgement on one proposal.
#ifndef DRTRITON_CORE_VERDICT_H_
#define DRTRITON_CORE_VERDICT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace drtriton {

enum class Outcome : uint8_t { kAccepted, kRejected, kError };
enum class Stage : uint8_t { kParse, kRules, kCompile, kRun, kNumerics, kDeterminism, kTiming, kDone };

struct Verdict {
  Outcome outcome = Outcome::kError;
  Stage stage = Stage::kParse;
  std::string code = "ok";    // one of VerdictCodes()
  std::string reason;         // one sentence
  std::optional<double> rel_err;       // worst block-relative error against float64
  std::optional<double> ref_rel_err;   // eager PyTorch's own at the same statistic
  std::optional<double> time_ms;       // median device time of the candidate
  std::optional<double> time_ci_ms;    // half width of its 95% confidence interval
  std::optional<double> wall_us;   // a call from Python, when asked for: measured in the candidate's own process
  std::optional<double> eager_ms;
  std::optional<double> speedup;       // eager_ms / time_ms, only where the intervals separate the two
  std::optional<double> kernel_share;  // share of GPU time in the candidate's own kernels
  std::vector<std::string> vendor_steps;
  std::vector<std::string> layers;     // isolation that was active
  std::vector<std::string> weak_inputs;  // what no inputs tell apart, one sentence each
  uint64_t seed = 0;
  std::string device;                  // "NVIDIA H200" or "interpreter"
  bool reduced_shapes = false;         // judged at smaller shapes than asked for
  double compile_ms = 0;
  // What the plan's launches are made of: for information, no reason to refuse.
  int launches = 0;
  std::vector<std::string> dtypes;          // element types behind the kernels' pointers, sorted
  std::vector<std::string> approximations;  // TF32 dots, approximate instructions: KernelImage::approximations of all
  bool inline_assembly = false;
  bool atomics = false;

  bool accepted() const { return outcome == Outcome::kAccepted; }
  static Verdict Rejected(Stage stage, std::string code, std::string reason);
  static Verdict Error(Stage stage, std::string code, std::string reason);
};

// The closed list of codes, each with what it means (docs/verdicts.md is printed from it).
struct VerdictCode {
  std::string code;
  Stage stage;
  std::string meaning;
};
const std::vector<VerdictCode>& VerdictCodes();

std::string Name(Outcome outcome);
std::string Name(Stage stage);
Json ToJson(const Verdict& verdict);
Verdict VerdictFromJson(const Json& json);

}  // namespace drtriton

#endif  // DRTRITON_CORE_VERDICT_H_
