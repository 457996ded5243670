// Python source as text: tokens, the statements at its top level, identifiers renamed.  Enough for files of kernels; it
// does not parse expressions.
#ifndef DRTRITON_EMIT_PYTHON_TEXT_H_
#define DRTRITON_EMIT_PYTHON_TEXT_H_

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "graph/attr.h"
#include "graph/dtype.h"
#include "graph/program.h"

namespace drtriton {

enum class TokenKind : uint8_t { kName, kNumber, kString, kComment, kNewline, kSpace, kOther };

struct Token {
  TokenKind kind = TokenKind::kOther;
  std::string_view text;  // into the tokenized source
};

// Every byte of `source` is in exactly one token, in order.  An unterminated string ends at the end of the source.  A
// backslash before a newline is space.
std::vector<Token> Tokenize(std::string_view source);

// Every identifier in `source`, also those behind a point; keywords included.
std::set<std::string> Identifiers(std::string_view source);

// Replaces identifiers that are not attributes (behind a point), names of keyword arguments in a call or modules that are
// imported.
std::string Rename(std::string_view source, const std::map<std::string, std::string>& names);

// A statement that begins in the first column, with its decorators and the comments directly above it.
struct TopLevel {
  enum class Kind { kImport, kFunction, kClass, kOther };
  Kind kind = Kind::kOther;
  std::string name;      // of a function or class; the target of a plain assignment; else empty
  std::string text;      // ends with one newline
  std::string comments;  // the comment lines above; not in `text`
  std::string decorators;  // "@triton.jit\n"; also in `text`
};
std::vector<TopLevel> SplitTopLevel(std::string_view source);

// A Python literal: `float("inf")`, `torch.float32`, lists of literals.  A ValueRef is an error (InternalError).
std::string PythonLiteral(const Attr& attr, std::string_view torch = "torch");
// "a, b, c", broken into lines of at most 120 columns.  The first begins in `column`, the others are indented by `indent`.
std::string WrappedList(const std::vector<std::string>& items, size_t column, size_t indent);
std::string PythonTuple(const std::vector<int64_t>& values);  // "(4, 3)", "(4,)", "()"
std::string PythonString(std::string_view text);              // quoted and escaped, ASCII only
std::string TorchName(DType dtype, std::string_view torch = "torch");  // "torch.float32"

}  // namespace drtriton

#endif  // DRTRITON_EMIT_PYTHON_TEXT_H_
