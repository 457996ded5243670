// Tokenizer: text to token ids and back, by a SentencePiece byte-pair model.
//
// Exact: Decode(Encode(bytes)) == bytes for any bytes, valid UTF-8 or not; what no piece covers goes byte by byte.  Digits are
// apart, a line's end and the indentation behind it are one token.  Special tokens are never the result of encoding: a text
// that spells `<|code|>` is ordinary text.  Immutable: any thread may use it.
#ifndef DRTRITON_LANGUAGE_TOKENIZER_H_
#define DRTRITON_LANGUAGE_TOKENIZER_H_

#include <array>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace drtriton {

// Marks of a sample (sample.h), and what fills unused places.
struct SpecialTokens {
  int32_t pad = -1;        // <|pad|>
  int32_t prompt = -1;     // <|prompt|>: begins every sample
  int32_t feedback = -1;   // <|feedback|>: begins the slot for an earlier attempt's verdict
  int32_t plan = -1;       // <|plan|>: begins the answer
  int32_t code = -1;       // <|code|>: ends the plan, begins the source
  int32_t end = -1;        // <|end|>: ends the source
};

class Tokenizer {
 public:
  // The one that is shipped: weights/tokenizer.model beside our Python package.
  static Tokenizer LoadDefault();
  static Tokenizer Load(const std::filesystem::path& path);
  // Of a model file's bytes; `name` is how sentences call it.  Throws UserError when it is none that we can use.
  Tokenizer(std::string_view bytes, const std::string& name);
  Tokenizer(Tokenizer&&) = default;

  const std::string& sha256() const { return sha256_; }   // of the model file: names the vocabulary
  int32_t size() const { return static_cast<int32_t>(pieces_.size()); }
  const SpecialTokens& special() const { return special_; }
  bool IsSpecial(int32_t id) const { return special_flags_.at(static_cast<size_t>(id)); }

  std::vector<int32_t> Encode(std::string_view text) const;
  void AppendEncoded(std::string_view text, std::vector<int32_t>* ids) const;
  // Special tokens give nothing.  Throws InternalError for an id outside the vocabulary.
  std::string Decode(std::span<const int32_t> ids) const;
  // The bytes that a token stands for: "" for special ones.
  const std::string& Piece(int32_t id) const { return pieces_.at(static_cast<size_t>(id)); }
  // The model file's own name of a token: "<|code|>", "<0x0A>", "▁tl".
  const std::string& PieceName(int32_t id) const { return names_.at(static_cast<size_t>(id)); }

 private:
  void ReadPieces(std::string_view bytes);
  void EncodeSegment(std::string_view text, std::vector<int32_t>* ids) const;
  size_t LineSymbolAt(std::string_view text, int32_t* id) const;

  std::string sha256_;
  std::vector<std::string> pieces_, names_;   // by id
  std::vector<float> scores_;
  std::vector<bool> special_flags_;
  std::unordered_map<std::string_view, int32_t> ids_;   // of pieces that merges make
  std::vector<int32_t> whole_symbols_;                  // user-defined ones, the longest first
  std::array<int32_t, 256> bytes_ = {};
  SpecialTokens special_;
};

}  // namespace drtriton

#endif  // DRTRITON_LANGUAGE_TOKENIZER_H_
