#include "cli/verification.h"

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "core/fragment.h"
#include "import/importer.h"
#include "search/interpreter_cost.h"

namespace drtriton {
namespace {

struct Pair {
  std::filesystem::path module;
  std::filesystem::path candidate;
};

// Holds what pairs share: the device, the workers, the store, and the module imported last (a batch usually judges many
// candidates of one module).
class Verification {
 public:
  explicit Verification(const VerifyArguments& arguments)
      : arguments_(arguments),
        executor_(MakeExecutor(arguments.device, arguments.seed)),
        farm_(executor_->device(), FarmOptions{.timeout_s = arguments.timeout_s}),
        store_(Store::OpenDefault()),
        verifier_(farm_, *executor_, &store_),
        scratch_("drtriton-verify") {}

  Verdict Judge(const Pair& pair) {
    CompileRequest request;
    request.form = CandidateForm::kModule;
    request.strict = arguments_.strict;
    request.source_path = std::filesystem::absolute(pair.candidate);
    request.module_path = std::filesystem::absolute(pair.module);
    request.source = ReadCandidate(pair.candidate);
    if (std::optional<Verdict> unable = Load(pair.module)) return *unable;
    request.fragment = &whole_;
    request.seed = arguments_.seed;
    request.digests = digests_;
    JudgeOptions options{.strict = arguments_.strict, .seed = arguments_.seed, .timeout_s = arguments_.timeout_s};
    options.timed = executor_->device_name() != "interpreter";
    return verifier_.JudgeRequests({request}, options, {}).at(0).verdict;
  }

 private:
  static std::string ReadCandidate(const std::filesystem::path& path) {
    std::string source = ReadFile(path);
    if (source.empty()) throw UserError("the candidate " + path.string() + " is empty");
    if (source.find('\0') != std::string::npos) throw UserError("the candidate " + path.string() + " is a binary file");
    return source;
  }

  // Imports and loads the module unless it is the one at hand.  A Verdict when it cannot be judged here.
  std::optional<Verdict> Load(const std::filesystem::path& module) {
    if (module == loaded_) return std::nullopt;
    loaded_.clear();
    bool gpu = executor_->device_name() != "interpreter";
    ImportOptions options{
        .device = gpu ? "cuda" : "cpu", .training = arguments_.training, .seed = arguments_.seed, .digests = true};
    ImportedModule imported = importer_.Import(module, options, scratch_.path());
    if (!gpu && (imported.reduced || InterpreterSeconds(imported.program) > arguments_.timeout_s / 2)) {
      return Verdict::Error(Stage::kRun, "set_up",
                            module.string() + " is too large for Triton's interpreter at its own sizes; judge it on a GPU");
    }
    executor_->LoadProgram(imported.program, imported.tensors);
    if (std::optional<std::string> difference = executor_->CheckAgainstModule()) {
      return Verdict::Error(Stage::kRun, "unsupported",
                            "the imported program does not give the module's own values: " + *difference);
    }
    whole_ = WholeProgram(imported.program);
    digests_ = std::move(imported.digests);
    loaded_ = module;
    return std::nullopt;
  }

  const VerifyArguments& arguments_;
  std::unique_ptr<Executor> executor_;
  Importer importer_;
  CompileFarm farm_;
  Store store_;
  Verifier verifier_;
  ScratchFolder scratch_;
  std::filesystem::path loaded_;
  Fragment whole_;
  std::map<std::string, std::string> digests_;   // of its module's parameters and buffers
};

std::vector<Pair> ReadPairs(const std::filesystem::path& path) {
  std::vector<Pair> pairs;
  std::string text = ReadFile(path);
  size_t number = 0;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    std::string line = text.substr(start, end - start);
    start = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    bool fits = json.is_object() && json.contains("module") && json["module"].is_string() &&
                json.contains("candidate") && json["candidate"].is_string();
    if (!fits) {
      throw UserError(path.string() + " line " + std::to_string(number) +
                      ": expected an object {\"module\": path, \"candidate\": path}");
    }
    pairs.push_back({json["module"].get<std::string>(), json["candidate"].get<std::string>()});
  }
  if (pairs.empty()) throw UserError(path.string() + " holds no pairs");
  return pairs;
}

std::string Sentence(const Verdict& verdict) {
  std::string text = Name(verdict.outcome);
  if (verdict.accepted()) {
    char numbers[160] = "";
    if (verdict.time_ms && verdict.eager_ms) {
      std::snprintf(numbers, sizeof numbers, ": %.4f ms, eager PyTorch %.4f ms", *verdict.time_ms, *verdict.eager_ms);
    }
    return text + numbers;
  }
  return text + " at stage " + Name(verdict.stage) + " (" + verdict.code + "): " + verdict.reason;
}

int VerifyBatch(const VerifyArguments& arguments) {
  std::vector<Pair> pairs = ReadPairs(arguments.batch);
  std::filesystem::path base = arguments.batch.parent_path();
  Verification verification(arguments);
  std::string lines;
  bool all_judged = true;
  for (size_t i = 0; i < pairs.size(); ++i) {
    Verdict verdict;
    if (Interrupted()) {
      verdict = Verdict::Error(Stage::kParse, "interrupted", "judging was interrupted");
    } else {
      try {
        verdict = verification.Judge(pairs[i]);
      } catch (const UserError& error) {
        verdict = Verdict::Error(Stage::kParse, "bad_file", error.what());
      }
    }
    all_judged &= verdict.outcome != Outcome::kError;
    std::string line = ToJson(verdict).dump() + "\n";
    if (arguments.json.empty() || arguments.json == "-") {
      std::fwrite(line.data(), 1, line.size(), stdout);
      std::fflush(stdout);
    }
    lines += line;
    SetProgress("judged " + std::to_string(i + 1) + " of " + std::to_string(pairs.size()));
  }
  ClearProgress();
  if (!arguments.json.empty() && arguments.json != "-") WriteFileAtomically(arguments.json, lines);
  return static_cast<int>(all_judged ? ExitStatus::kOk : ExitStatus::kBadInput);
}

}  // namespace

int Verify(const VerifyArguments& arguments) {
  if (!arguments.json.empty() && arguments.json != "-") RequireWritable(arguments.json);
  if (!arguments.batch.empty()) return VerifyBatch(arguments);
  Verdict verdict = Verification(arguments).Judge({arguments.module, arguments.candidate});
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
