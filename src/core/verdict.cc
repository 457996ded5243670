#include "core/verdict.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/json_reader.h"

namespace drtriton {
namespace {

constexpr std::array<const char*, 3> kOutcomes = {"accepted", "rejected", "error"};
constexpr std::array<const char*, 8> kStages = {"parse", "rules", "compile", "run", "numerics", "determinism", "timing", "done"};

template <typename Enum, size_t N>
Enum FromName(const JsonReader& reader, const std::array<const char*, N>& names) {
  const std::string name = reader.String();
  for (size_t i = 0; i < N; ++i) {
    if (name == names[i]) return static_cast<Enum>(i);
  }
  reader.Fail("is \"" + name + "\", which is not known");
}

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::optional<double> OptionalNumber(const JsonReader& reader, const char* member) {
  if (!reader.Has(member) || reader.At(member).IsNull()) return std::nullopt;
  return reader.At(member).Number();
}

std::vector<std::string> Strings(const JsonReader& reader) {
  std::vector<std::string> strings;
  for (size_t i = 0; i < reader.Size(); ++i) strings.push_back(reader.At(i).String());
  return strings;
}

bool IsKnownCode(const std::string& code) {
  const std::vector<VerdictCode>& codes = VerdictCodes();
  return std::any_of(codes.begin(), codes.end(), [&](const VerdictCode& known) { return known.code == code; });
}

Verdict Make(Outcome outcome, Stage stage, std::string code, std::string reason) {
  if (!IsKnownCode(code)) throw InternalError("verdict code \"" + code + "\" is not in the closed list");
  Verdict verdict;
  verdict.outcome = outcome;
  verdict.stage = stage;
  verdict.code = std::move(code);
  verdict.reason = std::move(reason);
  return verdict;
}

}  // namespace

Verdict Verdict::Rejected(Stage stage, std::string code, std::string reason) {
  return Make(Outcome::kRejected, stage, std::move(code), std::move(reason));
}

Verdict Verdict::Error(Stage stage, std::string code, std::string reason) {
  return Make(Outcome::kError, stage, std::move(code), std::move(reason));
}

const std::vector<VerdictCode>& VerdictCodes() {
  static const std::vector<VerdictCode> codes = {
      {"ok", Stage::kDone, "The candidate passed every stage that was asked for."},

      {"syntax", Stage::kParse, "The source is not Python that can be parsed."},
      {"no_entry", Stage::kParse, "The source defines neither launch() nor ModelNew, or it cannot be called as required."},
      {"bad_file", Stage::kParse, "The candidate file is missing, empty, binary or a folder."},
      {"params_unmatched", Stage::kParse, "Parameters of the candidate cannot be matched with the module's."},

      {"torch_compute", Stage::kRules, "The launcher computes with PyTorch what a kernel should compute."},
      {"no_kernel", Stage::kRules, "No result depends on a kernel that the candidate launched."},
      {"unused_kernel", Stage::kRules, "A launched kernel's result is not used."},
      {"call_state", Stage::kRules, "What a call does depends on what was made before it: in the constructor, on import, by an earlier call."},
      {"deferred", Stage::kRules, "Work is left to a stream, thread or process that nothing waits for."},
      {"value_dependent", Stage::kRules, "The launcher reads tensor values on the host, so its launches are not fixed by shapes."},
      {"forbidden", Stage::kRules, "The candidate does what no candidate may: files, network, processes, patching."},

      {"import_error", Stage::kCompile, "Importing the candidate raised an exception."},
      {"launcher_error", Stage::kCompile, "The launcher raised an exception."},
      {"triton_error", Stage::kCompile, "Triton could not compile a kernel."},
      {"out_of_resources", Stage::kCompile, "A kernel needs more shared memory, registers or threads than the device has."},
      {"out_of_memory", Stage::kCompile, "The candidate exceeded its limit of host memory, or of GPU memory at stage run."},
      {"timeout", Stage::kCompile, "The candidate exceeded its time limit; the stage says which one."},
      {"crashed", Stage::kCompile, "The process running the candidate ended by a signal or by itself."},
      {"bad_plan", Stage::kCompile, "What was recorded is no valid launch plan."},
      {"unsupported", Stage::kCompile, "The candidate uses something legal that this version cannot judge."},

      {"wrong_result_count", Stage::kRun, "The launcher returned another number of results."},
      {"wrong_result_shape", Stage::kRun, "A result has another shape."},
      {"wrong_result_dtype", Stage::kRun, "A result has another dtype."},
      {"wrong_result_strides", Stage::kRun, "A result has other strides."},
      {"illegal_access", Stage::kRun, "A kernel read or wrote outside its buffers."},
      {"launch_failed", Stage::kRun, "The driver refused a launch."},
      {"replay_differs", Stage::kRun, "The candidate really run gives other results than its replayed launches."},

      {"wrong_values", Stage::kNumerics, "An error against float64 exceeds what the numerics contract allows."},
      {"wrong_nan", Stage::kNumerics, "NaN or infinities are at other places than in the reference."},
      {"wrong_integers", Stage::kNumerics, "Integer or boolean results differ."},
      {"wrong_batch", Stage::kNumerics, "The candidate is right at the module's own batch size and wrong at another one."},
      {"unwritten", Stage::kNumerics, "Part of a result was never written, or depends on memory that was not."},
      {"wrong_alias", Stage::kNumerics, "A result shares memory with other tensors than the module's result does."},
      {"wrong_mutation", Stage::kNumerics, "An input or buffer holds other values after the call."},
      {"weak_inputs", Stage::kNumerics, "No inputs were found that tell a right result from a trivial one."},

      {"nondeterministic", Stage::kDeterminism, "Equal runs gave different bits although the code holds no atomics."},

      {"not_faster", Stage::kTiming, "The candidate is right but not faster than what it would replace."},
      {"unstable_timing", Stage::kTiming, "Repeated timings differ too much to call a difference."},

      {"interrupted", Stage::kDone, "The user ended the work before this candidate was judged."},
      {"set_up", Stage::kDone, "Something outside of the candidate is missing: the GPU, its driver, memory for the reference."},
      {"internal", Stage::kDone, "A bug of ours; the reason says where."},
  };
  return codes;
}

std::string Name(Outcome outcome) { return kOutcomes.at(static_cast<size_t>(outcome)); }
std::string Name(Stage stage) { return kStages.at(static_cast<size_t>(stage)); }

Json ToJson(const Verdict& verdict) {
  return Json{{"verdict", Name(verdict.outcome)},
              {"stage", Name(verdict.stage)},
              {"code", verdict.code},
              {"reason", verdict.reason},
              {"rel_err", OrNull(verdict.rel_err)},
              {"ref_rel_err", OrNull(verdict.ref_rel_err)},
              {"time_ms", OrNull(verdict.time_ms)},
              {"time_ci_ms", OrNull(verdict.time_ci_ms)},
              {"wall_us", OrNull(verdict.wall_us)},
              {"eager_ms", OrNull(verdict.eager_ms)},
              {"speedup", OrNull(verdict.speedup)},
              {"kernel_share", OrNull(verdict.kernel_share)},
              {"vendor_steps", verdict.vendor_steps},
              {"layers", verdict.layers},
              {"weak_inputs", verdict.weak_inputs},
              {"seed", verdict.seed},
              {"device", verdict.device},
              {"reduced_shapes", verdict.reduced_shapes},
              {"compile_ms", verdict.compile_ms},
              {"launches", verdict.launches},
              {"dtypes", verdict.dtypes},
              {"approximations", verdict.approximations},
              {"inline_assembly", verdict.inline_assembly},
              {"atomics", verdict.atomics}};
}

Verdict VerdictFromJson(const Json& json) {
  const JsonReader reader(json, "verdict");
  Verdict verdict;
  verdict.outcome = FromName<Outcome>(reader.At("verdict"), kOutcomes);
  verdict.stage = FromName<Stage>(reader.At("stage"), kStages);
  verdict.code = reader.At("code").String();
  if (!IsKnownCode(verdict.code)) reader.At("code").Fail("is \"" + verdict.code + "\", which is not known");
  verdict.reason = reader.At("reason").String();
  verdict.rel_err = OptionalNumber(reader, "rel_err");
  verdict.ref_rel_err = OptionalNumber(reader, "ref_rel_err");
  verdict.time_ms = OptionalNumber(reader, "time_ms");
  verdict.time_ci_ms = OptionalNumber(reader, "time_ci_ms");
  verdict.wall_us = OptionalNumber(reader, "wall_us");
  verdict.eager_ms = OptionalNumber(reader, "eager_ms");
  verdict.speedup = OptionalNumber(reader, "speedup");
  verdict.kernel_share = OptionalNumber(reader, "kernel_share");
  verdict.vendor_steps = Strings(reader.At("vendor_steps"));
  verdict.layers = Strings(reader.At("layers"));
  if (reader.Has("weak_inputs")) verdict.weak_inputs = Strings(reader.At("weak_inputs"));
  const JsonReader seed = reader.At("seed");
  if (!seed.json().is_number_integer()) seed.Fail("is not an integer");
  verdict.seed = seed.json().get<uint64_t>();
  verdict.device = reader.At("device").String();
  verdict.reduced_shapes = reader.Has("reduced_shapes") && reader.At("reduced_shapes").Bool();
  verdict.compile_ms = reader.Has("compile_ms") ? reader.At("compile_ms").Number() : 0;
  if (reader.Has("launches")) verdict.launches = reader.At("launches").Int32(0, 1 << 30);
  if (reader.Has("dtypes")) verdict.dtypes = Strings(reader.At("dtypes"));
  if (reader.Has("approximations")) verdict.approximations = Strings(reader.At("approximations"));
  verdict.inline_assembly = reader.Has("inline_assembly") && reader.At("inline_assembly").Bool();
  verdict.atomics = reader.Has("atomics") && reader.At("atomics").Bool();
  return verdict;
}

}  // namespace drtriton
