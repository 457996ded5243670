// Making a tokenizer's model from texts, by SentencePiece's own trainer (`spm_train` of Debian's package `sentencepiece`).
//
// Byte pairs, byte fallback, digits apart, the text left as it is (no normalisation, no dummy prefix, white space kept).  A
// line's end with the indentation behind it, up to kMostIndents levels of four spaces, is one symbol.  Pieces do not reach
// across spaces but may begin with one.  Deterministic: equal texts and options give equal bytes.
#ifndef DRTRITON_LANGUAGE_TOKENIZER_TRAINING_H_
#define DRTRITON_LANGUAGE_TOKENIZER_TRAINING_H_

#include <string>
#include <vector>

namespace drtriton {

inline constexpr int kMostIndents = 6;

struct TokenizerTraining {
  int pieces = 4096;         // of the whole vocabulary: special tokens, bytes and line symbols included; at most 8,192
  int longest_piece = 24;    // characters
};

// The model file's bytes.  Throws UserError when there is too little text for so many pieces, or no `spm_train`.
std::string TrainTokenizer(const std::vector<std::string>& texts, const TokenizerTraining& training);

}  // namespace drtriton

#endif  // DRTRITON_LANGUAGE_TOKENIZER_TRAINING_H_
