#include "emit/python_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.h"

namespace drtriton {
namespace {

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Length of the string literal at `at` (prefix included), or 0 when none begins there.
size_t StringLength(std::string_view source, size_t at) {
  size_t i = at;
  while (i < source.size() && i - at < 2 && std::string_view("rRbBuUfF").find(source[i]) != std::string_view::npos) ++i;
  if (i >= source.size() || (source[i] != '"' && source[i] != '\'')) return 0;
  const char quote = source[i];
  const bool triple = source.substr(i, 3) == std::string(3, quote);
  i += triple ? 3 : 1;
  while (i < source.size()) {
    if (source[i] == '\\') {
      i += 2;
    } else if (triple ? source.substr(i, 3) == std::string(3, quote) : source[i] == quote) {
      return i + (triple ? 3 : 1) - at;
    } else if (!triple && source[i] == '\n') {
      return i - at;  // not Python, but not ours to judge
    } else {
      ++i;
    }
  }
  return source.size() - at;
}

template <typename Predicate>
size_t RunLength(std::string_view source, size_t at, Predicate holds) {
  size_t end = at;
  while (end < source.size() && holds(source[end])) ++end;
  return end - at;
}

Token NextToken(std::string_view source, size_t at) {
  const char c = source[at];
  auto token = [&](TokenKind kind, size_t length) { return Token{kind, source.substr(at, length)}; };
  if (const size_t length = StringLength(source, at)) return token(TokenKind::kString, length);
  if (c == '\n') return token(TokenKind::kNewline, 1);
  if (c == '#') return token(TokenKind::kComment, RunLength(source, at, [](char d) { return d != '\n'; }));
  if (c == '\\' && source.substr(at, 2) == "\\\n") return token(TokenKind::kSpace, 2);
  if (c == ' ' || c == '\t' || c == '\r' || c == '\f') {
    return token(TokenKind::kSpace, RunLength(source, at, [](char d) { return d == ' ' || d == '\t' || d == '\r' || d == '\f'; }));
  }
  if (IsLetter(c)) return token(TokenKind::kName, RunLength(source, at, [](char d) { return IsLetter(d) || IsDigit(d); }));
  if (IsDigit(c)) {
    return token(TokenKind::kNumber, RunLength(source, at, [](char d) { return IsLetter(d) || IsDigit(d) || d == '.'; }));
  }
  return token(TokenKind::kOther, 1);
}

// The next token that is neither space nor a comment, or none.
const Token* Significant(const std::vector<Token>& tokens, size_t from, int step) {
  for (size_t i = from; i < tokens.size(); i += static_cast<size_t>(step)) {
    const TokenKind kind = tokens[i].kind;
    if (kind != TokenKind::kSpace && kind != TokenKind::kComment) return &tokens[i];
    if (i == 0 && step < 0) break;
  }
  return nullptr;
}

// One logical line at the top level: everything up to the newline that is inside no bracket, with the indented lines
// behind it.
class Splitter {
 public:
  explicit Splitter(std::string_view source) : tokens_(Tokenize(source)) {}

  std::vector<TopLevel> Run() {
    while (at_ < tokens_.size()) {
      const Token& token = tokens_[at_];
      if (token.kind == TokenKind::kComment) {
        comments_ += std::string(TakeLine());
      } else if (token.kind == TokenKind::kNewline) {
        comments_.clear();  // an empty line: the comment above belongs to nothing
        ++at_;
      } else if (token.text == "@") {
        decorators_ += TakeLine();
      } else {
        TakeStatement();
      }
    }
    return std::move(statements_);
  }

 private:
  // A logical line, its newline included.
  std::string TakeLine() {
    std::string line;
    int depth = 0;
    for (; at_ < tokens_.size(); ++at_) {
      const Token& token = tokens_[at_];
      if (token.kind == TokenKind::kOther) {
        if (std::string_view("([{").find(token.text) != std::string_view::npos) ++depth;
        if (std::string_view(")]}").find(token.text) != std::string_view::npos) --depth;
      }
      line += token.text;
      if (token.kind == TokenKind::kNewline && depth <= 0) {
        ++at_;
        break;
      }
    }
    if (line.empty() || line.back() != '\n') line += '\n';
    return line;
  }

  // Whether the line at at_ belongs to the statement before: indented, empty, or a comment that an indented line follows.
  bool Continues() const {
    for (size_t i = at_; i < tokens_.size(); ++i) {
      if (tokens_[i].kind == TokenKind::kNewline || tokens_[i].kind == TokenKind::kComment) continue;
      if (tokens_[i].kind != TokenKind::kSpace) return false;
      if (i + 1 < tokens_.size() && tokens_[i + 1].kind != TokenKind::kNewline) {
        if (tokens_[i + 1].kind != TokenKind::kComment) return true;
      }
    }
    return false;
  }

  void TakeStatement() {
    TopLevel statement;
    const size_t first = at_;
    std::string text = TakeLine();
    Classify(first, statement);
    while (Continues()) text += TakeLine();
    statement.text = decorators_ + text;
    statement.comments = std::move(comments_);
    statement.decorators = std::move(decorators_);
    comments_.clear();
    decorators_.clear();
    statements_.push_back(std::move(statement));
  }

  void Classify(size_t first, TopLevel& statement) const {
    const Token& token = tokens_[first];
    const Token* second = Significant(tokens_, first + 1, 1);
    if (token.text == "import" || token.text == "from") {
      statement.kind = TopLevel::Kind::kImport;
    } else if ((token.text == "def" || token.text == "class") && second != nullptr) {
      statement.kind = token.text == "def" ? TopLevel::Kind::kFunction : TopLevel::Kind::kClass;
      statement.name = second->text;
    } else if (token.kind == TokenKind::kName && second != nullptr && (second->text == "=" || second->text == ":")) {
      statement.name = token.text;
    }
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  std::string comments_;
  std::string decorators_;
  std::vector<TopLevel> statements_;
};

std::string FloatLiteral(double value) {
  if (std::isnan(value)) return "float(\"nan\")";
  if (std::isinf(value)) return value > 0 ? "float(\"inf\")" : "float(\"-inf\")";
  char text[40];
  for (int digits = 1; digits <= 17; ++digits) {  // the shortest that reads back as the same value
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    if (std::stod(text) == value) break;
  }
  const std::string shown = text;
  return shown.find_first_of(".e") == std::string::npos ? shown + ".0" : shown;
}

}  // namespace

std::vector<Token> Tokenize(std::string_view source) {
  std::vector<Token> tokens;
  for (size_t at = 0; at < source.size();) {
    tokens.push_back(NextToken(source, at));
    at += tokens.back().text.size();
  }
  return tokens;
}

std::set<std::string> Identifiers(std::string_view source) {
  std::set<std::string> names;
  for (const Token& token : Tokenize(source)) {
    if (token.kind == TokenKind::kName) names.emplace(token.text);
  }
  return names;
}

std::string Rename(std::string_view source, const std::map<std::string, std::string>& names) {
  const std::vector<Token> tokens = Tokenize(source);
  std::string text;
  int depth = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.text == "(" || token.text == "[" || token.text == "{") ++depth;
    if (token.text == ")" || token.text == "]" || token.text == "}") --depth;
    auto found = token.kind == TokenKind::kName ? names.find(std::string(token.text)) : names.end();
    if (found != names.end()) {
      const Token* before = i == 0 ? nullptr : Significant(tokens, i - 1, -1);
      const Token* after = Significant(tokens, i + 1, 1);
      const bool attribute = before != nullptr && before->text == ".";
      const bool module = before != nullptr && (before->text == "from" || before->text == "import");
      const bool second_equals = after != nullptr && after + 1 < tokens.data() + tokens.size() && (after + 1)->text == "=";
      const bool keyword = depth > 0 && after != nullptr && after->text == "=" && !second_equals;
      if (attribute || module || keyword) found = names.end();
    }
    text += found == names.end() ? std::string(token.text) : found->second;
  }
  return text;
}

std::vector<TopLevel> SplitTopLevel(std::string_view source) { return Splitter(source).Run(); }

std::string WrappedList(const std::vector<std::string>& items, size_t column, size_t indent) {
  constexpr size_t kColumns = 117;  // the last line gets a bracket or two
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0 && column + items[i].size() + 2 > kColumns) {
      text += ",\n" + std::string(indent, ' ');
      column = indent;
    } else if (i > 0) {
      text += ", ";
    }
    text += items[i];
    column += items[i].size() + 2;
  }
  return text;
}

std::string PythonTuple(const std::vector<int64_t>& values) {
  std::string text = "(";
  for (size_t i = 0; i < values.size(); ++i) text += (i ? ", " : "") + std::to_string(values[i]);
  return text + (values.size() == 1 ? ",)" : ")");
}

std::string PythonString(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    char escaped[8];
    if (c == '"' || c == '\\') {
      quoted += std::string("\\") + c;
    } else if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) {
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
      quoted += escaped;
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

std::string TorchName(DType dtype, std::string_view torch) { return std::string(torch) + "." + std::string(Name(dtype)); }

std::string PythonLiteral(const Attr& attr, std::string_view torch) {
  const std::string prefix = std::string(torch) + ".";
  if (attr.IsNone()) return "None";
  if (attr.Is<bool>()) return attr.AsBool() ? "True" : "False";
  if (attr.Is<int64_t>()) return std::to_string(attr.AsInt());
  if (attr.Is<double>()) return FloatLiteral(attr.AsDouble());
  if (attr.Is<std::string>()) return PythonString(attr.AsString());
  if (attr.Is<DType>()) return TorchName(attr.AsDType(), torch);
  if (const auto* device = std::get_if<DeviceAttr>(&attr.variant())) return prefix + "device(" + PythonString(device->name) + ")";
  if (const auto* layout = std::get_if<LayoutAttr>(&attr.variant())) return prefix + layout->name;
  if (const auto* format = std::get_if<MemoryFormatAttr>(&attr.variant())) return prefix + format->name;
  Require(attr.Is<AttrList>(), "a tensor is no Python literal");
  std::string text = "[";
  for (size_t i = 0; i < attr.AsList().size(); ++i) text += (i ? ", " : "") + PythonLiteral(attr.AsList()[i], torch);
  return text + "]";
}

}  // namespace drtriton
