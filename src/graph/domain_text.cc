#include "graph/domain_text.h"

namespace drtriton {

std::string_view TrimSpaces(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> SplitDomain(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  int depth = 0;
  bool quoted = false;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\'') quoted = !quoted;
    if (quoted) continue;
    depth += text[i] == '[' ? 1 : text[i] == ']' ? -1 : 0;
    if (depth > 0 || text.substr(i, separator.size()) != separator) continue;
    parts.push_back(TrimSpaces(text.substr(begin, i - begin)));
    begin = i + separator.size();
    i += separator.size() - 1;
  }
  parts.push_back(TrimSpaces(text.substr(begin)));
  return parts;
}

}  // namespace drtriton
