// drtriton policy tokenizer.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/number_check.h"
#include "cli/size_option.h"
#include "language/tokenizer.h"
#include "language/tokenizer_training.h"
#include "pairs/corpus.h"

namespace drtriton {
namespace {

struct TokenizerArguments {
  std::filesystem::path output;
  std::filesystem::path measured;   // report tokens of this model instead of making one
  int64_t programs = 4000;
  int schedules = 2;
  TokenizerTraining training;
  PairMix mix;
};

int64_t Quantile(std::vector<int64_t> sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

// Tokens of programs that the tokenizer did not see when it was made.
void Report(const Tokenizer& tokenizer, const TokenizerArguments& arguments) {
  PairMix fresh = arguments.mix;
  fresh.seed += 1;
  const std::vector<TokenCount> counts = CountTokens(tokenizer, fresh, 400);
  std::printf("%d pieces; tokens a program over %zu programs of another seed:\n\n", tokenizer.size(), counts.size());
  std::printf("| part | mean | median | 90%% | 99%% | most | bytes a token |\n|---|---|---|---|---|---|---|\n");
  const auto row = [&](const char* name, auto part) {
    std::vector<int64_t> tokens;
    int64_t total = 0, bytes = 0;
    for (const TokenCount& count : counts) {
      const auto [of_tokens, of_bytes] = part(count);
      tokens.push_back(of_tokens);
      total += of_tokens;
      bytes += of_bytes;
    }
    std::sort(tokens.begin(), tokens.end());
    std::printf("| %s | %.0f | %lld | %lld | %lld | %lld | %.2f |\n", name, static_cast<double>(total) / static_cast<double>(std::max<size_t>(counts.size(), 1)),
                static_cast<long long>(Quantile(tokens, 0.5)), static_cast<long long>(Quantile(tokens, 0.9)),
                static_cast<long long>(Quantile(tokens, 0.99)), static_cast<long long>(tokens.empty() ? 0 : tokens.back()),
                static_cast<double>(bytes) / static_cast<double>(std::max<int64_t>(total, 1)));
  };
  row("prompt", [](const TokenCount& c) { return std::pair(c.prompt, c.prompt_bytes); });
  row("plan", [](const TokenCount& c) { return std::pair(c.plan, c.plan_bytes); });
  row("code", [](const TokenCount& c) { return std::pair(c.code, c.code_bytes); });
  row("all", [](const TokenCount& c) { return std::pair(c.prompt + c.plan + c.code, c.prompt_bytes + c.plan_bytes + c.code_bytes); });
}

int MakeTokenizer(const TokenizerArguments& arguments) {
  if (!arguments.measured.empty()) return Report(Tokenizer::Load(arguments.measured), arguments), 0;
  if (arguments.output.empty()) throw UserError("policy tokenizer needs the path of the model to write (or --report)");
  RequireWritable(arguments.output);
  const Corpus corpus = MakeCorpus(arguments.mix, arguments.programs, arguments.schedules);
  const std::string bytes = TrainTokenizer(corpus.texts, arguments.training);
  const Tokenizer tokenizer(bytes, arguments.output.string());
  WriteFileAtomically(arguments.output, bytes);
  std::printf("%s: %zu bytes, from %lld programs with %lld answers\n", arguments.output.c_str(), bytes.size(),
              static_cast<long long>(corpus.programs), static_cast<long long>(corpus.samples));
  Report(tokenizer, arguments);
  return 0;
}

}  // namespace

void AddPolicyTokenizer(CLI::App& policy_command, Run& run) {
  CLI::App* command = policy_command.add_subcommand("tokenizer", "Make the tokenizer from sampled programs and the expert's answers");
  auto arguments = std::make_shared<TokenizerArguments>();
  command->add_option("MODEL", arguments->output, "Write the SentencePiece model here");
  command->add_option("--report", arguments->measured, "Only count the tokens of programs by this model");
  command->add_option("--programs", arguments->programs, "Sampled, of one to five operators")->check(AboveZero())->capture_default_str();
  command->add_option("--schedules", arguments->schedules, "Answers of one program at most")->check(AboveZero())->capture_default_str();
  command->add_option("--pieces", arguments->training.pieces, "Of the vocabulary, from 512 to 8192")->capture_default_str();
  command->add_option("--seed", arguments->mix.seed, "The same seed gives the same bytes")->capture_default_str();
  AddSizeOption(*command, arguments->mix.size);
  command->callback([arguments, &run] { run = [arguments] { return MakeTokenizer(*arguments); }; });
}

}  // namespace drtriton
