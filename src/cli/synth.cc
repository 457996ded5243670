// drtriton synth: programs from the sampler, what they cover, the fixed suite.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "cli/choice_option.h"
#include "cli/command.h"
#include "cli/number_check.h"
#include "cli/size_option.h"
#include "graph/registry.h"
#include "report/coverage_html.h"
#include "synth/coverage.h"
#include "synth/generate.h"
#include "synth/sample_line.h"
#include "synth/sampler.h"
#include "synth/suite.h"
#include "synth/usage_law.h"

namespace drtriton {
namespace {

constexpr int kMostThreads = 512;

struct SynthArguments {
  SamplerOptions sampler{.ops = 0};  // 0: not given
  GenerateOptions generate;
  uint64_t suite_seed = kSuiteSeed;
  std::vector<std::string> kinds;
  std::filesystem::path out;
  std::vector<std::filesystem::path> stats;
  std::filesystem::path suite;
  bool list_operators = false;
};

// ---- Printed lists

void PrintOperators() {
  std::printf("Operators that are sampled:\n");
  for (const std::string& op : SampledOperators()) {
    const OperatorInfo* const info = FindOperator(op);
    std::printf("  %-52s %s\n", ExportedName(op).c_str(), std::string(Name(info->kind)).c_str());
  }
  std::printf("Glue, which may stand between them and does not count:\n");
  for (const OperatorInfo& info : AllOperators()) {
    if (info.glue) std::printf("  %s\n", ExportedName(info.name).c_str());
  }
}

// ---- Options that need words looked up

OpKind KindOf(const std::string& name) {
  std::string known;
  for (int i = 0; i < kOpKindCount; ++i) {
    if (Name(static_cast<OpKind>(i)) == name) return static_cast<OpKind>(i);
    known += (i > 0 ? ", " : "") + std::string(Name(static_cast<OpKind>(i)));
  }
  throw UserError("unknown kind of operator '" + name + "' (there are " + known + ")");
}

SamplerOptions CompleteOptions(const SynthArguments& arguments) {
  SamplerOptions options = arguments.sampler;
  for (const std::string& kind : arguments.kinds) options.kinds.push_back(KindOf(kind));
  if (options.law == OperatorLaw::kUsage) options.next_weight = UsageWeights(SampledOperators());
  return options;
}

void CheckNumbers(const SynthArguments& arguments) {
  if (arguments.suite.empty() && arguments.sampler.ops == 0) {
    throw UserError("--ops says how many operators a program has; it has to be 1 or more");
  }
  if (arguments.generate.count < 1) throw UserError("--count has to be 1 or more");
  if (arguments.generate.threads < 1 || arguments.generate.threads > kMostThreads) {
    throw UserError("--threads has to be between 1 and " + std::to_string(kMostThreads));
  }
}

// ---- The commands

// The lines' destination: a file that is there whole or not at all, or standard output.
class LineSink {
 public:
  explicit LineSink(const std::filesystem::path& path) {
    if (!path.empty()) file_.emplace(path);
  }

  void Add(const std::string& line) {
    buffer_ += line;
    if (buffer_.size() >= kFlushBytes) Flush();
  }

  void Finish() {
    Flush();
    if (file_) file_->Commit();
    if (!file_ && std::fflush(stdout) != 0) throw UserError("cannot write to standard output");
  }

 private:
  static constexpr size_t kFlushBytes = size_t{1} << 20;

  void Flush() {
    if (file_) {
      file_->Append(buffer_);
    } else if (std::fwrite(buffer_.data(), 1, buffer_.size(), stdout) != buffer_.size()) {
      throw UserError("cannot write to standard output");
    }
    buffer_.clear();
  }

  std::optional<FileDraft> file_;
  std::string buffer_;
};

void WriteStats(const SynthArguments& arguments, const Sampler& sampler, const Coverage& coverage) {
  const SamplerOptions& options = sampler.options();
  Json json = {{"ops", options.ops},
               {"seed", arguments.generate.seed},
               {"law", std::string(Name(options.law))},
               {"size", std::string(Name(options.size))}};
  json.update(coverage.ToJson());
  for (const std::filesystem::path& path : arguments.stats) {
    const bool html = path.extension() == ".html";
    const std::string text = html ? CoverageHtml(json) : json.dump(1) + "\n";
    if (path == "-") {
      std::fwrite(text.data(), 1, text.size(), stdout);
    } else {
      WriteFileAtomically(path, text);
    }
  }
}

std::string Percent(int64_t part, int64_t whole) { return std::to_string(100 * part / std::max<int64_t>(whole, 1)) + "%"; }

int RunSynth(const SynthArguments& arguments) {
  CheckNumbers(arguments);
  for (const std::filesystem::path& path : arguments.stats) {
    if (path != "-") RequireWritable(path);
  }
  if (!arguments.out.empty()) RequireWritable(arguments.out);
  const Sampler sampler(CompleteOptions(arguments));
  GenerateOptions options = arguments.generate;
  options.lines = arguments.stats.empty() || !arguments.out.empty();
  std::optional<LineSink> lines;
  if (options.lines) lines.emplace(arguments.out);
  std::optional<Coverage> coverage;
  if (!arguments.stats.empty()) coverage.emplace(SampledOperators());
  int64_t written = 0;
  const GenerateSummary summary = Generate(sampler, options, [&](const Generated& generated) {
    if (lines) lines->Add(generated.line);
    if (coverage) coverage->Add(generated);
    if (++written % 1024 == 0) SetProgress(std::to_string(written) + " programs, " + Percent(written, options.count));
  });
  ClearProgress();
  if (lines) lines->Finish();
  if (coverage) WriteStats(arguments, sampler, *coverage);
  if (summary.repeats > 0) Info(std::to_string(summary.repeats) + " repeats were left out");
  return 0;
}

int RunSuite(const SynthArguments& arguments) {
  CheckNumbers(arguments);
  WriteSuite(arguments.suite, CompleteOptions(arguments), arguments.suite_seed, arguments.generate.threads);
  std::printf("%s: %d programs\n", arguments.suite.string().c_str(),
              kSuitePrograms * static_cast<int>(std::size(kSuiteLevels)));
  return 0;
}

// ---- Options

void AddDrawing(CLI::App& command, SynthArguments& arguments) {
  SamplerOptions& sampler = arguments.sampler;
  command.add_option("--ops", sampler.ops, "Operators of each program; glue is not counted");
  command.add_option("--count", arguments.generate.count, "Programs")->capture_default_str();
  AddChoice<OperatorLaw>(command, "--law", sampler.law, {{"uniform", OperatorLaw::kUniform}, {"usage", OperatorLaw::kUsage}},
                         "uniform over the operator space, or as operators follow each other in real modules");
  AddSizeOption(command, sampler.size);
  command.add_option("--operators", sampler.operators, "Only these, comma separated: relu,aten.add.Tensor")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--kinds", arguments.kinds, "Only operators of these kinds: pointwise,reduction,matmul")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--depth", sampler.depth, "Operators on the longest path");
  command.add_option("--width", sampler.width, "Most operators at one distance from the inputs");
  const auto number = [&command](const char* name, auto& value, const char* help) {
    command.add_option(name, value, help)->check(AboveZero());
  };
  number("--target-us", sampler.target_us, "Programs whose roofline time on an H200 is this within a factor of 1.5, in microseconds");
  number("--target-bytes", sampler.target_bytes, "Programs that move so many bytes within a factor of 1.5, each operator alone");
  number("--most-bytes", sampler.most_bytes, "Programs that move at most so many bytes");
  number("--most-flops", sampler.most_flops, "Programs of at most so many FLOPs");
  number("--most-elements", sampler.most_elements, "No tensor of more elements");
}

void AddWriting(CLI::App& command, SynthArguments& arguments) {
  command.add_option("--out", arguments.out, "Write the lines here (standard output)");
  command.add_flag("--unique", arguments.generate.unique, "No program twice");
  AddChoice<std::optional<Split>>(
      command, "--split", arguments.generate.split,
      {{"train", Split::kTrain}, {"validation", Split::kValidation}, {"test", Split::kTest}},
      "Only this part: parts share no multiset of operators");
  const unsigned cores = std::thread::hardware_concurrency();
  arguments.generate.threads = static_cast<int>(std::clamp(cores, 1u, static_cast<unsigned>(kMostThreads)));
  command.add_option("--threads", arguments.generate.threads, "Threads (all cores); what is written does not depend on them");
  command
      .add_option("--stats", arguments.stats,
                  "Write what they cover, not the lines (unless --out): .html or JSON, - for standard output")
      ->allow_extra_args(false);
  command.add_option("--suite", arguments.suite, "Write the fixed benchmark into this folder: 100 modules each of 1, 2, 5 and 20 operators");
  command.add_flag("--list-operators", arguments.list_operators, "List the operator space and the glue");
}

}  // namespace

void AddSynth(CLI::App& app, Run& run) {
  auto arguments = std::make_shared<SynthArguments>();
  CLI::App* command = app.add_subcommand("synth", "Sample programs: modules with their graphs, a JSON line each");
  AddDrawing(*command, *arguments);
  CLI::Option* const seed =
      command->add_option("--seed", arguments->generate.seed, "The same seed gives the same bytes")->capture_default_str();
  AddWriting(*command, *arguments);
  CLI::Option* const size = command->get_option("--size");
  command->callback([arguments, seed, size, &run] {
    if (seed->count() > 0) arguments->suite_seed = arguments->generate.seed;
    if (!arguments->suite.empty() && size->count() == 0) arguments->sampler.size = SizeClass::kReal;
    run = [arguments] {
      if (arguments->list_operators) return PrintOperators(), 0;
      return arguments->suite.empty() ? RunSynth(*arguments) : RunSuite(*arguments);
    };
  });
}

}  // namespace drtriton
