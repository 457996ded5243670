#include "language/key_values.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace drtriton {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'; }

}  // namespace

void AppendKeyValue(std::string& out, std::string_view key, std::string_view value) {
  const bool fits = !value.empty() && !IsSpace(value.front()) && !IsSpace(value.back()) && value.find('\n') == value.npos;
  Require(fits, "a value does not fit its line");
  out.append(key).append(": ").append(value).append("\n");
}

std::vector<KeyValue> ParseKeyValues(std::string_view text, std::string_view what) {
  std::vector<KeyValue> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const size_t colon = line.find(": ");
    if (end == text.npos || colon == line.npos || colon == 0 || colon + 2 == line.size()) {
      throw UserError("line " + std::to_string(lines.size() + 1) + " of the " + std::string(what) + ": 'key: value' expected, not '" +
                      AsOneLine(line, 80) + "'");
    }
    lines.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 2))});
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string AsOneLine(std::string_view text, size_t most_bytes) {
  std::string line;
  for (char c : text) {
    if (!IsSpace(c)) {
      line += c;
    } else if (!line.empty() && line.back() != ' ') {
      line += ' ';
    }
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  if (line.size() <= most_bytes) return line;
  size_t end = std::max<size_t>(most_bytes, 3) - 3;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;   // not within a character
  return line.substr(0, end) + "...";
}

int64_t ParseWhole(std::string_view text, std::string_view what) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || std::to_string(number) != text) {
    throw UserError(std::string(what) + ": a whole number expected, not '" + AsOneLine(text, 80) + "'");
  }
  return number;
}

}  // namespace drtriton
