// A SentencePiece model file, as far as byte-pair encoding needs it.
//
// We read the file ourselves instead of linking libsentencepiece: Debian has it as a shared library only, which a bundle would
// have to carry, and it exports its own copy of protobuf, as PyTorch's libraries do; both in one process is asking for trouble.
// Files are made by SentencePiece (tokenizer_training.h) and can be used with it; tokenizer_test.cc compares.
#ifndef DRTRITON_LANGUAGE_SENTENCEPIECE_MODEL_H_
#define DRTRITON_LANGUAGE_SENTENCEPIECE_MODEL_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drtriton {

struct SentencePieceModel {
  enum class Type : uint8_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
  struct Piece {
    std::string text;   // U+2581 stands for a space
    float score = 0;    // the higher, the earlier a merge
    Type type = Type::kNormal;
  };
  std::vector<Piece> pieces;   // by id
  bool bpe = false;
  bool byte_fallback = false;
  // What is done to a text before it is encoded.
  bool has_character_map = false;
  bool adds_dummy_prefix = true;
  bool removes_extra_whitespace = true;
  bool escapes_whitespace = true;
};

// Trusts nothing: throws UserError saying what is wrong with the bytes.
SentencePieceModel ParseSentencePieceModel(std::string_view bytes);

}  // namespace drtriton

#endif  // DRTRITON_LANGUAGE_SENTENCEPIECE_MODEL_H_
