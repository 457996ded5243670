#include "graph/schema.h"

#include <array>
#include <charconv>
#include <cstdlib>

#include "base/error.h"

namespace drtriton {
namespace {

struct TypeName {
  std::string_view text;
  ArgType type;
};
constexpr std::array<TypeName, 11> kTypeNames = {{{"Tensor", ArgType::kTensor},
                                                  {"SymInt", ArgType::kInt},
                                                  {"int", ArgType::kInt},
                                                  {"float", ArgType::kFloat},
                                                  {"bool", ArgType::kBool},
                                                  {"Scalar", ArgType::kScalar},
                                                  {"str", ArgType::kString},
                                                  {"ScalarType", ArgType::kDType},
                                                  {"Layout", ArgType::kLayout},
                                                  {"Device", ArgType::kDevice},
                                                  {"MemoryFormat", ArgType::kMemoryFormat}}};

// c10's numbers, which stand in the text of defaults.
constexpr std::array<const char*, 4> kMemoryFormats = {"contiguous_format", "preserve_format", "channels_last",
                                                       "channels_last_3d"};
constexpr std::array<DType, 8> kScalarTypes = {DType::kUInt8, DType::kInt8,    DType::kInt16,   DType::kInt32,
                                               DType::kInt64, DType::kFloat16, DType::kFloat32, DType::kFloat64};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Schema Parse() {
    Schema schema;
    schema.name = OperatorName();
    Expect('(');
    bool keyword_only = false;
    while (!Accept(')')) {
      if (Accept('*')) {
        keyword_only = true;
      } else {
        schema.arguments.push_back(Argument());
        schema.arguments.back().keyword_only = keyword_only;
      }
      Accept(',');
    }
    Expect('-');
    Expect('>');
    if (Accept('(')) {
      while (!Accept(')')) {
        schema.results.push_back(Result());
        Accept(',');
      }
    } else {
      schema.results.push_back(Result());
    }
    SkipSpace();
    if (position_ != text_.size()) Fail();
    return schema;
  }

 private:
  [[noreturn]] void Fail() const { throw UserError("not an operator schema: '" + std::string(text_) + "'"); }

  void SkipSpace() {
    while (position_ < text_.size() && text_[position_] == ' ') ++position_;
  }
  bool Peek(char c) {
    SkipSpace();
    return position_ < text_.size() && text_[position_] == c;
  }
  bool Accept(char c) {
    if (!Peek(c)) return false;
    ++position_;
    return true;
  }
  void Expect(char c) {
    if (!Accept(c)) Fail();
  }

  std::string_view Word() {
    SkipSpace();
    const size_t begin = position_;
    const auto in_word = [](char c) {
      return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    while (position_ < text_.size() && in_word(text_[position_])) ++position_;
    if (position_ == begin) Fail();
    return text_.substr(begin, position_ - begin);
  }

  std::string OperatorName() {
    std::string name(Word());
    Expect(':');
    Expect(':');
    name += "." + std::string(Word());
    return name + "." + (Accept('.') ? std::string(Word()) : std::string("default"));
  }

  // "(a)", "(a!)", "(a -> *)": returns whether it is written to.
  bool AliasAnnotation() {
    if (!Accept('(')) return false;
    bool written = false;
    while (!Accept(')')) {
      if (position_ >= text_.size()) Fail();
      written = written || text_[position_] == '!';
      ++position_;
    }
    return written;
  }

  struct Type {
    ArgType type = ArgType::kOther;
    bool is_list = false;
    int list_size = 0;
    bool is_optional = false;
    bool item_is_optional = false;
    bool written = false;
  };

  Type ParseType() {
    Type type;
    const std::string_view word = Word();
    for (const TypeName& known : kTypeNames) {
      if (known.text == word) type.type = known.type;
    }
    type.written = AliasAnnotation();
    while (true) {
      if (Accept('?')) {
        type.is_optional = true;
      } else if (Accept('[')) {
        type.item_is_optional = type.is_optional;
        type.is_optional = false;
        type.is_list = true;
        while (!Accept(']')) type.list_size = Number<int>(Word());
      } else if (Peek('(')) {
        type.written = AliasAnnotation() || type.written;
      } else {
        return type;
      }
    }
  }

  SchemaArgument Argument() {
    const Type type = ParseType();
    SchemaArgument argument;
    argument.type = type.type;
    argument.is_list = type.is_list;
    argument.list_size = type.list_size;
    argument.is_optional = type.is_optional;
    argument.item_is_optional = type.item_is_optional;
    argument.written = type.written;
    argument.name = std::string(Word());
    if (Accept('=')) argument.default_value = Default(type.type);
    return argument;
  }

  SchemaResult Result() {
    const Type type = ParseType();
    SchemaResult result{.is_tensor = type.type == ArgType::kTensor, .is_list = type.is_list};
    SkipSpace();
    if (!Peek(',') && !Peek(')') && position_ < text_.size()) result.name = std::string(Word());
    return result;
  }

  Attr Default(ArgType type) {
    if (Accept('[')) {
      AttrList items;
      while (!Accept(']')) {
        items.push_back(Default(type));
        Accept(',');
      }
      return Attr(std::move(items));
    }
    if (Peek('"') || Peek('\'')) return Attr(Quoted());
    SkipSpace();
    const size_t begin = position_;
    while (position_ < text_.size() && text_[position_] != ',' && text_[position_] != ')' && text_[position_] != ']')
      ++position_;
    return Literal(text_.substr(begin, position_ - begin), type);
  }

  std::string Quoted() {
    const char quote = text_[position_++];
    const size_t begin = position_;
    while (position_ < text_.size() && text_[position_] != quote) ++position_;
    if (position_ == text_.size()) Fail();
    return std::string(text_.substr(begin, position_++ - begin));
  }

  Attr Literal(std::string_view word, ArgType type) {
    if (word == "None") return Attr();
    if (word == "True" || word == "False") return Attr(word == "True");
    if (type == ArgType::kMemoryFormat && word.substr(0, 1) != "c") {
      return Attr(Attr::Variant(MemoryFormatAttr{kMemoryFormats.at(static_cast<size_t>(Number<int>(word)))}));
    }
    if (type == ArgType::kMemoryFormat) return Attr(Attr::Variant(MemoryFormatAttr{std::string(word)}));
    if (type == ArgType::kDType) return Attr(kScalarTypes.at(static_cast<size_t>(Number<int>(word))));
    const bool is_float = type == ArgType::kFloat || word.find_first_of(".en") != word.npos;
    return is_float ? Attr(Number<double>(word)) : Attr(Number<int64_t>(word));
  }

  template <typename T>
  T Number(std::string_view word) const {
    T value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) Fail();
    return value;
  }

  std::string_view text_;
  size_t position_ = 0;
};

bool AcceptsItem(const SchemaArgument& argument, const Attr& value) {
  switch (argument.type) {
    case ArgType::kTensor:
      return value.IsValue() || value.IsNumber();
    case ArgType::kInt:
      return value.Is<int64_t>() || value.Is<bool>();
    case ArgType::kFloat:
      return value.Is<double>() || value.Is<int64_t>();
    case ArgType::kBool:
      return value.Is<bool>();
    case ArgType::kScalar:
      return value.IsNumber();
    case ArgType::kString:
      return value.Is<std::string>();
    case ArgType::kDType:
      return value.Is<DType>();
    case ArgType::kLayout:
      return value.Is<LayoutAttr>();
    case ArgType::kDevice:
      return value.Is<DeviceAttr>();
    case ArgType::kMemoryFormat:
      return value.Is<MemoryFormatAttr>();
    case ArgType::kOther:
      return false;
  }
  return false;
}

}  // namespace

int Schema::Find(std::string_view argument) const {
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].name == argument) return static_cast<int>(i);
  }
  return -1;
}

bool Schema::Mutates() const {
  for (const SchemaArgument& argument : arguments) {
    if (argument.written) return true;
  }
  return false;
}

Schema ParseSchema(std::string_view text) { return Parser(text).Parse(); }

bool SameArgument(const SchemaArgument& argument, const Attr& a, const Attr& b) {
  if (a == b) return true;
  if (a.IsNumber() && b.IsNumber()) {
    const bool numeric = argument.type == ArgType::kScalar || argument.type == ArgType::kFloat;
    return numeric && !a.Is<bool>() && !b.Is<bool>() && a.AsDouble() == b.AsDouble();
  }
  if (!argument.is_list || a.Is<AttrList>() == b.Is<AttrList>()) return false;
  const AttrList& list = a.Is<AttrList>() ? a.AsList() : b.AsList();
  const Attr& one = a.Is<AttrList>() ? b : a;
  if (list.empty()) return false;
  for (const Attr& item : list) {
    if (!(item == one)) return false;
  }
  return true;
}

bool Accepts(const SchemaArgument& argument, const Attr& value) {
  if (value.IsNone()) return argument.is_optional;
  if (!argument.is_list) return AcceptsItem(argument, value);
  if (!value.Is<AttrList>()) return argument.type == ArgType::kInt && value.Is<int64_t>();
  for (const Attr& item : value.AsList()) {
    if (item.IsNone() ? !argument.item_is_optional : !AcceptsItem(argument, item)) return false;
  }
  return true;
}

}  // namespace drtriton
