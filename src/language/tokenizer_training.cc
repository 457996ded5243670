#include "language/tokenizer_training.h"

#include <algorithm>
#include <chrono>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "base/process.h"
#include "language/key_values.h"

namespace drtriton {
namespace {

constexpr std::chrono::minutes kLimit{30};
constexpr int kMostTokenizerPieces = 8192;

// Beside <unk> and <|pad|>, which have options of their own.
constexpr const char* kControlSymbols = "<|prompt|>,<|feedback|>,<|plan|>,<|code|>,<|end|>";

// "\n", "\n____", ... with SentencePiece's mark for spaces, the longest last.
std::string LineSymbols() {
  std::string symbols, line = "\n";
  for (int i = 0; i <= kMostIndents; ++i) {
    symbols += (i > 0 ? "," : "") + line;
    for (int space = 0; space < 4; ++space) line += "\xE2\x96\x81";
  }
  return symbols;
}

// What stands between line symbols, a line each.
void AppendLines(std::string& corpus, std::string_view text) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    for (int i = 0; i < kMostIndents && line.starts_with("    "); ++i) line.remove_prefix(4);
    if (!line.empty()) corpus.append(line).append("\n");
  }
}

// Every character that code may hold is a piece of its own, also where the texts do not have it.
std::string PrintableCharacters() {
  std::string characters;
  for (char c = '!'; c <= '~'; ++c) characters += c;
  return characters + "\n";
}

std::vector<std::string> Command(const TokenizerTraining& training) {
  const auto option = [](const char* name, const std::string& value) { return "--" + std::string(name) + "=" + value; };
  return {"spm_train",
          option("input", "corpus.txt"),   // relative, because the model file records it
          option("model_prefix", "tokenizer"),
          option("model_type", "bpe"),
          option("vocab_size", std::to_string(training.pieces)),
          option("max_sentencepiece_length", std::to_string(training.longest_piece)),
          option("max_sentence_length", "100000"),
          option("shuffle_input_sentence", "false"),
          option("num_threads", "1"),
          option("byte_fallback", "true"),
          option("split_digits", "true"),
          option("split_by_unicode_script", "false"),
          option("split_by_number", "false"),
          option("allow_whitespace_only_pieces", "true"),
          option("character_coverage", "1.0"),
          option("normalization_rule_name", "identity"),
          option("add_dummy_prefix", "false"),
          option("remove_extra_whitespaces", "false"),
          option("control_symbols", kControlSymbols),
          option("user_defined_symbols", LineSymbols()),
          option("unk_id", "0"),
          option("pad_id", "1"),
          option("pad_piece", "<|pad|>"),
          option("bos_id", "-1"),
          option("eos_id", "-1"),
          option("minloglevel", "1")};
}

}  // namespace

std::string TrainTokenizer(const std::vector<std::string>& texts, const TokenizerTraining& training) {
  if (training.pieces < 512 || training.pieces > kMostTokenizerPieces) {
    throw UserError("a tokenizer has between 512 and " + std::to_string(kMostTokenizerPieces) + " pieces, not " + std::to_string(training.pieces));
  }
  ScratchFolder scratch("drtriton-tokenizer");
  std::string corpus;
  for (const std::string& text : texts) AppendLines(corpus, text);
  corpus += PrintableCharacters();
  WriteFileAtomically(scratch.path() / "corpus.txt", corpus);
  ProcessOptions options;
  options.command = Command(training);
  options.working_folder = scratch.path();
  const CommandResult result = RunCommand(options, kLimit);
  if (result.end.exit_code != 0 || result.end.signal != 0) {
    throw UserError("spm_train (Debian's package sentencepiece) made no tokenizer: it " + result.end.Describe() + ": " + AsOneLine(result.end.stderr_tail, 300));
  }
  return ReadFile(scratch.path() / "tokenizer.model");
}

}  // namespace drtriton
