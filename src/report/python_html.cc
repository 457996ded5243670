#include "report/python_html.h"

#include <algorithm>
#include <cctype>
#include <set>

#include "report/html.h"

namespace drtriton {
namespace {

bool IsWordStart(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool IsWord(char c) { return IsWordStart(c) || std::isdigit(static_cast<unsigned char>(c)) != 0; }

bool IsKeyword(std::string_view word) {
  static const std::set<std::string_view> keywords = {
      "and",   "as",      "assert", "break",  "class", "continue", "def",   "del",  "elif",   "else", "except",
      "False", "finally", "for",    "from",   "if",    "import",   "in",    "is",   "lambda", "None", "not",
      "or",    "pass",    "raise",  "return", "True",  "try",      "while", "with", "yield"};
  return keywords.count(word) > 0;
}

// Behind the string literal that starts at `at`; the end of the text when it is never closed.
size_t StringEnd(std::string_view text, size_t at) {
  size_t length = text.substr(at, 3) == std::string(3, text[at]) ? 3 : 1;
  std::string_view quote = text.substr(at, length);
  for (size_t i = at + length; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text.substr(i, length) == quote)
      return i + length;
    else if (length == 1 && text[i] == '\n')
      return i;
  }
  return text.size();
}

template <typename Test>
size_t While(std::string_view text, size_t at, Test test) {
  while (at < text.size() && test(text[at])) ++at;
  return at;
}

struct Token {
  const char* style;  // CSS class, nullptr for plain text
  size_t end;
};

Token Next(std::string_view text, size_t at) {
  char c = text[at];
  if (c == '#') return {"c", std::min(text.find('\n', at), text.size())};
  if (c == '"' || c == '\'') return {"s", StringEnd(text, at)};
  if (c == '@') return {"d", While(text, at + 1, [](char next) { return IsWord(next) || next == '.'; })};
  if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
    return {"m", While(text, at, [](char next) { return IsWord(next) || next == '.'; })};
  }
  if (!IsWordStart(c)) return {nullptr, at + 1};
  size_t end = While(text, at, IsWord);
  return {IsKeyword(text.substr(at, end - at)) ? "k" : nullptr, end};
}

}  // namespace

std::string PythonHtml(std::string_view source) {
  std::string html;
  for (size_t at = 0; at < source.size();) {
    Token token = Next(source, at);
    std::string text = Escape(source.substr(at, token.end - at));
    html += token.style == nullptr ? text : "<i class=\"" + std::string(token.style) + "\">" + text + "</i>";
    at = token.end;
  }
  return html;
}

}  // namespace drtriton
