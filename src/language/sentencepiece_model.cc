// The wire format of protocol buffers: fields of a number and a type (0: varint, 1: 8 bytes, 2: length and bytes, 5: 4 bytes).
// Field numbers are those of sentencepiece_model.proto.
#include "language/sentencepiece_model.h"

#include <cstring>

#include "base/error.h"

namespace drtriton {
namespace {

struct Field {
  uint64_t number = 0;
  uint64_t integer = 0;     // varints
  float real = 0;           // 4 bytes
  std::string_view bytes;   // length and bytes
};

class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : bytes_(bytes) {}

  bool Next(Field* field) {
    if (bytes_.empty()) return false;
    const uint64_t tag = Varint();
    *field = Field{.number = tag >> 3};
    switch (tag & 7) {
      case 0:
        field->integer = Varint();
        return true;
      case 1:
        Take(8);
        return true;
      case 2:
        field->bytes = Take(Varint());
        return true;
      case 5:
        std::memcpy(&field->real, Take(4).data(), 4);
        return true;
      default:
        throw UserError("it is no SentencePiece model");
    }
  }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const uint64_t byte = static_cast<unsigned char>(Take(1)[0]);
      value |= (byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    throw UserError("it is no SentencePiece model");
  }

  std::string_view Take(uint64_t count) {
    if (count > bytes_.size()) throw UserError("it is cut off, or no SentencePiece model");
    const std::string_view taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }

  std::string_view bytes_;
};

SentencePieceModel::Piece ParsePiece(std::string_view bytes) {
  SentencePieceModel::Piece piece;
  FieldReader reader(bytes);
  for (Field field; reader.Next(&field);) {
    if (field.number == 1) piece.text = std::string(field.bytes);
    if (field.number == 2) piece.score = field.real;
    if (field.number != 3) continue;
    if (field.integer < 1 || field.integer > 6) throw UserError("a piece is of a kind that is not known");
    piece.type = static_cast<SentencePieceModel::Type>(field.integer);
  }
  return piece;
}

void ReadTrainer(std::string_view bytes, SentencePieceModel& model) {
  FieldReader reader(bytes);
  for (Field field; reader.Next(&field);) {
    if (field.number == 3) model.bpe = field.integer == 2;
    if (field.number == 35) model.byte_fallback = field.integer != 0;
  }
}

void ReadNormalizer(std::string_view bytes, SentencePieceModel& model) {
  FieldReader reader(bytes);
  for (Field field; reader.Next(&field);) {
    if (field.number == 2) model.has_character_map = !field.bytes.empty();
    if (field.number == 3) model.adds_dummy_prefix = field.integer != 0;
    if (field.number == 4) model.removes_extra_whitespace = field.integer != 0;
    if (field.number == 5) model.escapes_whitespace = field.integer != 0;
  }
}

}  // namespace

SentencePieceModel ParseSentencePieceModel(std::string_view bytes) {
  SentencePieceModel model;
  FieldReader reader(bytes);
  for (Field field; reader.Next(&field);) {
    if (field.number == 1) model.pieces.push_back(ParsePiece(field.bytes));
    if (field.number == 2) ReadTrainer(field.bytes, model);
    if (field.number == 3) ReadNormalizer(field.bytes, model);
  }
  if (model.pieces.empty()) throw UserError("it holds no pieces");
  return model;
}

}  // namespace drtriton
