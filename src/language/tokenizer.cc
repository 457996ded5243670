// Byte-pair encoding as SentencePiece does it: user-defined symbols are cut out, the rest begins as characters; of all
// neighbours whose join is a piece, those with the best score (then the leftmost) are joined, until none are left.
#include "language/tokenizer.h"

#include <algorithm>
#include <queue>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "language/sentencepiece_model.h"

namespace drtriton {
namespace {

using Type = SentencePieceModel::Type;

constexpr std::string_view kSpaceMark = "\xE2\x96\x81";   // U+2581
constexpr size_t kMostPieces = 65536;                     // ids fit 16 bits

std::string WithSpaces(std::string_view piece) {
  std::string text;
  while (!piece.empty()) {
    const bool mark = piece.starts_with(kSpaceMark);
    text += mark ? ' ' : piece.front();
    piece.remove_prefix(mark ? kSpaceMark.size() : 1);
  }
  return text;
}

// Bytes of the character that begins the text; 1 for a byte that begins none (also over-long forms and surrogates).
size_t CharacterLength(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto follows = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0xC2 || first > 0xF4 || !follows(1)) return 1;
  if (first < 0xE0) return 2;
  if (!follows(2)) return 1;
  if (first < 0xF0) return (first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ? 1 : 3;
  const bool fits = !(first == 0xF0 && byte(1) < 0x90) && !(first == 0xF4 && byte(1) > 0x8F);
  return fits && follows(3) ? 4 : 1;
}

// A part of the text that is one token so far, in a list of neighbours.
struct Symbol {
  size_t begin = 0;
  size_t size = 0;   // 0: joined to the one before
  int previous = -1;
  int next = -1;
};

struct Join {
  float score = 0;
  int left = 0;
  int right = 0;
  size_t size = 0;   // of both when it was found: another size by now means that one of them has changed
};
struct LaterJoin {
  bool operator()(const Join& a, const Join& b) const { return a.score != b.score ? a.score < b.score : a.left > b.left; }
};

}  // namespace

Tokenizer Tokenizer::LoadDefault() { return Load(PythonFolder().parent_path() / "weights" / "tokenizer.model"); }

Tokenizer Tokenizer::Load(const std::filesystem::path& path) { return Tokenizer(ReadFile(path), path.string()); }

Tokenizer::Tokenizer(std::string_view bytes, const std::string& name) : sha256_(Sha256(bytes)) {
  try {
    ReadPieces(bytes);
  } catch (const UserError& error) {
    throw UserError("the tokenizer " + name + " cannot be used: " + error.what());
  }
}

void Tokenizer::ReadPieces(std::string_view bytes) {
  SentencePieceModel model = ParseSentencePieceModel(bytes);
  if (!model.bpe || !model.byte_fallback) throw UserError("it is no byte-pair model with byte fallback");
  if (model.has_character_map || model.adds_dummy_prefix || model.removes_extra_whitespace || !model.escapes_whitespace) {
    throw UserError("it changes the text that it encodes");
  }
  if (model.pieces.size() > kMostPieces) throw UserError("it has more than 65,536 pieces");
  bytes_.fill(-1);
  const std::pair<const char*, int32_t*> specials[] = {{"<|pad|>", &special_.pad},           {"<|prompt|>", &special_.prompt},
                                                       {"<|feedback|>", &special_.feedback}, {"<|plan|>", &special_.plan},
                                                       {"<|code|>", &special_.code},         {"<|end|>", &special_.end}};
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    SentencePieceModel::Piece& piece = model.pieces[i];
    const int32_t id = static_cast<int32_t>(i);
    const bool special = piece.type == Type::kControl || piece.type == Type::kUnknown;
    std::string text = special ? "" : WithSpaces(piece.text);
    if (piece.type == Type::kByte) {
      unsigned value = 256;
      if (std::sscanf(piece.text.c_str(), "<0x%2X>", &value) != 1 || value > 255) throw UserError("a byte's piece has an odd name");
      bytes_[value] = id;
      text = std::string(1, static_cast<char>(value));
    }
    for (const auto& [name, place] : specials) {
      if (piece.type == Type::kControl && piece.text == name) *place = id;
    }
    if (piece.type == Type::kUserDefined) whole_symbols_.push_back(id);
    pieces_.push_back(std::move(text));
    names_.push_back(std::move(piece.text));
    scores_.push_back(piece.score);
    special_flags_.push_back(special);
  }
  for (const auto& [name, place] : specials) {
    if (*place < 0) throw UserError("it has no token " + std::string(name));
  }
  if (std::find(bytes_.begin(), bytes_.end(), -1) != bytes_.end()) throw UserError("it lacks the piece of a byte");
  for (size_t i = 0; i < pieces_.size(); ++i) {
    const Type type = model.pieces[i].type;
    if (type == Type::kNormal || type == Type::kUserDefined) ids_.emplace(pieces_[i], static_cast<int32_t>(i));
  }
  std::stable_sort(whole_symbols_.begin(), whole_symbols_.end(),
                   [this](int32_t a, int32_t b) { return Piece(a).size() > Piece(b).size(); });
}

// The longest user-defined symbol that begins the text, or 0.
size_t Tokenizer::LineSymbolAt(std::string_view text, int32_t* id) const {
  for (int32_t symbol : whole_symbols_) {
    if (!text.starts_with(Piece(symbol))) continue;
    *id = symbol;
    return Piece(symbol).size();
  }
  return 0;
}

std::vector<int32_t> Tokenizer::Encode(std::string_view text) const {
  std::vector<int32_t> ids;
  AppendEncoded(text, &ids);
  return ids;
}

void Tokenizer::AppendEncoded(std::string_view text, std::vector<int32_t>* ids) const {
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    int32_t id = -1;
    const size_t length = LineSymbolAt(text.substr(at), &id);
    if (length == 0) {
      at += CharacterLength(text.substr(at));
      continue;
    }
    EncodeSegment(text.substr(begin, at - begin), ids);
    ids->push_back(id);
    at += length;
    begin = at;
  }
  EncodeSegment(text.substr(begin), ids);
}

void Tokenizer::EncodeSegment(std::string_view text, std::vector<int32_t>* ids) const {
  if (text.empty()) return;
  std::vector<Symbol> symbols;
  for (size_t at = 0; at < text.size();) {
    const size_t size = CharacterLength(text.substr(at));
    const int place = static_cast<int>(symbols.size());
    symbols.push_back({.begin = at, .size = size, .previous = place - 1, .next = place + 1});
    at += size;
  }
  symbols.back().next = -1;
  const auto symbol = [&](int place) -> Symbol& { return symbols[static_cast<size_t>(place)]; };

  std::priority_queue<Join, std::vector<Join>, LaterJoin> joins;
  const auto consider = [&](int left, int right) {
    if (left < 0 || right < 0) return;
    const size_t size = symbol(left).size + symbol(right).size;
    const auto found = ids_.find(text.substr(symbol(left).begin, size));
    if (found == ids_.end()) return;
    joins.push({.score = scores_[static_cast<size_t>(found->second)], .left = left, .right = right, .size = size});
  };
  for (int i = 1; i < static_cast<int>(symbols.size()); ++i) consider(i - 1, i);
  while (!joins.empty()) {
    const Join join = joins.top();
    joins.pop();
    Symbol& left = symbol(join.left);
    Symbol& right = symbol(join.right);
    if (left.size == 0 || right.size == 0 || left.size + right.size != join.size) continue;
    left.size = join.size;
    right.size = 0;
    left.next = right.next;
    if (right.next >= 0) symbol(right.next).previous = join.left;
    consider(left.previous, join.left);
    consider(join.left, left.next);
  }

  for (int i = 0; i >= 0; i = symbol(i).next) {
    const std::string_view piece = text.substr(symbol(i).begin, symbol(i).size);
    if (const auto found = ids_.find(piece); found != ids_.end()) {
      ids->push_back(found->second);
    } else {
      for (char c : piece) ids->push_back(bytes_[static_cast<unsigned char>(c)]);
    }
  }
}

std::string Tokenizer::Decode(std::span<const int32_t> ids) const {
  std::string text;
  for (int32_t id : ids) {
    Require(id >= 0 && id < size(), "a token id is outside the vocabulary");
    text += Piece(id);
  }
  return text;
}

}  // namespace drtriton
