#include "graph/python_expression.h"

#include <array>
#include <charconv>
#include <limits>

#include "base/error.h"

namespace drtriton {
namespace {

constexpr int kDeepest = 64;  // nesting of brackets

bool IsWordStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

struct BinaryOperator {
  std::string_view text;
  int precedence;  // larger binds tighter
};
// Longer ones first, so that "<<" is not read as "<".
constexpr std::array<BinaryOperator, 19> kBinaryOperators = {{{"**", 9},
                                                              {"//", 8},
                                                              {"<<", 6},
                                                              {">>", 6},
                                                              {"==", 2},
                                                              {"!=", 2},
                                                              {"<=", 2},
                                                              {">=", 2},
                                                              {"*", 8},
                                                              {"/", 8},
                                                              {"@", 8},
                                                              {"%", 8},
                                                              {"+", 7},
                                                              {"-", 7},
                                                              {"&", 5},
                                                              {"^", 4},
                                                              {"|", 3},
                                                              {"<", 2},
                                                              {">", 2}}};
constexpr int kUnaryPrecedence = 9;  // -x % y is (-x) % y, but -x ** y is -(x ** y)

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  PyExpr Whole() {
    PyExpr expr = TupleOrOne();
    SkipSpace();
    if (at_ != text_.size()) Fail("something is left over");
    return expr;
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    throw UserError("cannot read the expression '" + std::string(text_) + "' at column " + std::to_string(at_ + 1) +
                    ": " + what);
  }
  void SkipSpace() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool Peek(std::string_view token) {
    SkipSpace();
    return text_.substr(at_).starts_with(token);
  }
  bool Accept(std::string_view token) {
    if (!Peek(token)) return false;
    at_ += token.size();
    return true;
  }
  void Expect(std::string_view token) {
    if (!Accept(token)) Fail("'" + std::string(token) + "' expected");
  }
  bool AtEnd() {
    SkipSpace();
    return at_ == text_.size() || text_[at_] == ')' || text_[at_] == ']' || text_[at_] == '}';
  }

  // "a, b" without brackets is a tuple.
  PyExpr TupleOrOne() {
    PyExpr first = Expression(0);
    if (!Peek(",")) return first;
    PyExpr tuple{.kind = PyExpr::Kind::kTuple};
    tuple.items.push_back(std::move(first));
    while (Accept(",") && !AtEnd()) tuple.items.push_back(Expression(0));
    return tuple;
  }

  PyExpr Expression(int least) {
    if (++depth_ > kDeepest) Fail("it is nested too deeply");
    PyExpr left = Unary();
    while (const BinaryOperator* op = NextOperator(least)) {
      at_ += op->text.size();
      const bool right_associative = op->text == "**";
      PyExpr binary{.kind = PyExpr::Kind::kBinary, .text = std::string(op->text)};
      binary.items.push_back(std::move(left));
      binary.items.push_back(Expression(right_associative ? op->precedence : op->precedence + 1));
      left = std::move(binary);
    }
    --depth_;
    return left;
  }

  const BinaryOperator* NextOperator(int least) {
    SkipSpace();
    for (const BinaryOperator& op : kBinaryOperators) {
      if (text_.substr(at_).starts_with(op.text)) return op.precedence >= least ? &op : nullptr;
    }
    return nullptr;
  }

  PyExpr Unary() {
    for (std::string_view op : {"-", "+", "~"}) {
      if (!Accept(op)) continue;
      PyExpr operand = Expression(kUnaryPrecedence);
      if (op == "-" && operand.kind == PyExpr::Kind::kLiteral && operand.literal.IsNumber())
        return Negated(std::move(operand));
      PyExpr unary{.kind = PyExpr::Kind::kUnary, .text = std::string(op)};
      unary.items.push_back(std::move(operand));
      return unary;
    }
    return Postfix();
  }

  static PyExpr Negated(PyExpr literal) {
    const Attr& value = literal.literal;
    literal.literal = value.Is<double>() ? Attr(-value.AsDouble()) : Attr(-value.AsInt());
    return literal;
  }

  PyExpr Postfix() {
    PyExpr expr = Atom();
    while (true) {
      if (Accept(".")) {
        PyExpr attribute{.kind = PyExpr::Kind::kAttribute, .text = Word()};
        attribute.items.push_back(std::move(expr));
        expr = std::move(attribute);
      } else if (Accept("(")) {
        expr = Call(std::move(expr));
      } else {
        return expr;
      }
    }
  }

  PyExpr Call(PyExpr callee) {
    PyExpr call{.kind = PyExpr::Kind::kCall};
    call.items.push_back(std::move(callee));
    while (!Accept(")")) {
      PyExpr value = Expression(0);
      if (value.kind == PyExpr::Kind::kName && Peek("=") && !Peek("==")) {
        Expect("=");
        call.keywords.push_back({value.text, Expression(0)});
      } else {
        call.items.push_back(std::move(value));
      }
      if (!Peek(")")) Expect(",");
    }
    if (DottedName(call.items[0]) == "float" && call.items.size() == 2) return NamedFloat(call.items[1]);
    return call;
  }

  PyExpr NamedFloat(const PyExpr& name) {
    PyExpr literal{.kind = PyExpr::Kind::kLiteral};
    const std::string text = name.literal.Is<std::string>() ? name.literal.AsString() : "";
    const double infinity = std::numeric_limits<double>::infinity();
    if (text != "inf" && text != "-inf" && text != "nan") Fail("float() of something else than inf, -inf and nan");
    literal.literal = Attr(text == "nan"   ? std::numeric_limits<double>::quiet_NaN()
                           : text == "inf" ? infinity
                                           : -infinity);
    return literal;
  }

  PyExpr Atom() {
    SkipSpace();
    if (at_ == text_.size()) Fail("it ends too early");
    const char c = text_[at_];
    if (c == '\'' || c == '"') return String();
    if (IsDigit(c) || c == '.') return Number();
    if (IsWordStart(c)) return NameOrConstant();
    if (Accept("(")) return Bracket(PyExpr::Kind::kTuple, ")");
    if (Accept("[")) return Bracket(PyExpr::Kind::kList, "]");
    if (Accept("{")) return Dict();
    Fail("unexpected character");
  }

  PyExpr Bracket(PyExpr::Kind kind, std::string_view close) {
    PyExpr expr{.kind = kind};
    bool comma = false;
    while (!Accept(close)) {
      expr.items.push_back(Expression(0));
      comma = Accept(",");
      if (!comma && !Peek(close)) Fail("',' expected");
    }
    const bool parenthesised = kind == PyExpr::Kind::kTuple && expr.items.size() == 1 && !comma;
    if (!parenthesised) return expr;
    PyExpr only = std::move(expr.items[0]);
    return only;
  }

  PyExpr Dict() {
    PyExpr dict{.kind = PyExpr::Kind::kDict};
    while (!Accept("}")) {
      const PyExpr key = Atom();
      if (!key.literal.Is<std::string>()) Fail("a key has to be a string");
      dict.keys.push_back(key.literal.AsString());
      Expect(":");
      dict.items.push_back(Expression(0));
      if (!Peek("}")) Expect(",");
    }
    return dict;
  }

  PyExpr String() {
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        value += text_[at_] == 'n' ? '\n' : text_[at_];
      } else {
        value += text_[at_];
      }
      ++at_;
    }
    if (at_ == text_.size()) Fail("a string does not end");
    ++at_;
    return PyExpr{.kind = PyExpr::Kind::kLiteral, .literal = Attr(value)};
  }

  PyExpr Number() {
    size_t end = at_;
    const auto continues = [&](size_t i) {
      const char c = text_[i];
      const bool sign = (c == '-' || c == '+') && text_[i - 1] == 'e';
      return IsDigit(c) || c == '.' || c == 'e' || sign;
    };
    while (end < text_.size() && continues(end)) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    PyExpr expr{.kind = PyExpr::Kind::kLiteral};
    const bool is_float = word.find_first_of(".e") != word.npos;
    expr.literal = is_float ? Attr(Parse<double>(word)) : Attr(Parse<int64_t>(word));
    at_ = end;
    return expr;
  }

  template <typename T>
  T Parse(std::string_view word) const {
    T value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc() || end != word.data() + word.size()) Fail("not a number");
    return value;
  }

  std::string Word() {
    SkipSpace();
    const size_t begin = at_;
    while (at_ < text_.size() && (IsWordStart(text_[at_]) || (at_ > begin && IsDigit(text_[at_])))) ++at_;
    if (at_ == begin) Fail("a name is expected");
    return std::string(text_.substr(begin, at_ - begin));
  }

  PyExpr NameOrConstant() {
    const std::string word = Word();
    if (word == "None") return PyExpr{.kind = PyExpr::Kind::kLiteral};
    if (word == "True" || word == "False")
      return PyExpr{.kind = PyExpr::Kind::kLiteral, .literal = Attr(word == "True")};
    return PyExpr{.kind = PyExpr::Kind::kName, .text = word};
  }

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

PyExpr ParsePyExpr(std::string_view text) { return Parser(text).Whole(); }

std::string DottedName(const PyExpr& expr) {
  if (expr.kind == PyExpr::Kind::kName) return expr.text;
  if (expr.kind != PyExpr::Kind::kAttribute) return "";
  const std::string base = DottedName(expr.items[0]);
  return base.empty() ? "" : base + "." + expr.text;
}

}  // namespace drtriton
