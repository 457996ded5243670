// Token files (`.tokens`): training sequences as token ids, packed (docs/formats.md).
//
// A sequence is a prompt, then a plan, then code.  The model is asked to produce every token of plan and code, so a
// token that it has to write itself (the one that opens the code, the one that ends the text) belongs to the span that
// it begins or ends; what stands there before the model writes belongs to the prompt.  Weights of the loss differ for plan
// and code, which is why both lengths are kept.
//
// Nothing here knows the language: the ids are the tokenizer's, and the file names that tokenizer so that ids of another
// are never trained on.
#ifndef DRTRITON_POLICY_TOKEN_FILE_H_
#define DRTRITON_POLICY_TOKEN_FILE_H_

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "policy/sealed_file.h"

namespace drtriton {

// One sequence of a file.  ids.size() == prompt_length + plan_length + code_length.
struct TokenSequence {
  std::span<const uint16_t> ids;
  int64_t prompt_length = 0;
  int64_t plan_length = 0;
  int64_t code_length = 0;
};

// What the ids of a file mean.
struct TokenVocabulary {
  std::string tokenizer;  // what names the tokenizer for good: the SHA-256 of its model file
  int64_t size = 0;       // ids are below it; at most 65,536

  bool operator==(const TokenVocabulary&) const = default;
};

// A whole file, mapped.  The spans of at() live as long as it does.  Immutable: any thread may read it.
class TokenFile {
 public:
  // Trusts nothing: throws UserError naming the path and what is wrong (missing, another kind of file, cut off, damaged,
  // an id outside the vocabulary).
  explicit TokenFile(const std::filesystem::path& path);

  const TokenVocabulary& vocabulary() const { return vocabulary_; }
  int64_t size() const { return static_cast<int64_t>(starts_.size()) - 1; }
  int64_t token_count() const { return starts_.back(); }
  TokenSequence at(int64_t index) const;

 private:
  SealedFile file_;
  TokenVocabulary vocabulary_;
  std::span<const uint32_t> lengths_;  // three a sequence
  std::span<const uint16_t> ids_;
  std::vector<int64_t> starts_;        // of each sequence in ids_, then the end
};

// Collects sequences in memory (2 bytes a token) and writes them as one file.  Several files, each written whole, are how a
// long job keeps what it has: a killed job loses only the file that was being collected.
class TokenFileWriter {
 public:
  explicit TokenFileWriter(TokenVocabulary vocabulary);

  // Throws InternalError when an id is outside the vocabulary.  A span may be empty.
  void Add(std::span<const int32_t> prompt, std::span<const int32_t> plan, std::span<const int32_t> code);
  int64_t size() const { return static_cast<int64_t>(lengths_.size()) / 3; }
  int64_t token_count() const { return static_cast<int64_t>(ids_.size()); }

  // Replaces `path` atomically by what was added so far and starts anew.  Throws UserError naming the path and the reason
  // (what was added is kept then).
  void Commit(const std::filesystem::path& path);

 private:
  void AddSpan(std::span<const int32_t> ids);

  TokenVocabulary vocabulary_;
  std::vector<uint32_t> lengths_;
  std::vector<uint16_t> ids_;
};

}  // namespace drtriton

#endif  // DRTRITON_POLICY_TOKEN_FILE_H_
