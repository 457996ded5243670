#include "bench/variants.h"

#include <map>
#include <regex>
#include <sstream>

namespace drtriton {
namespace {

// The values behind the `#` of a line, by tag.
std::map<std::string, std::string> TaggedValues(const std::string& comment) {
  static const std::regex entry(R"(\s*([a-z]\w*): ([^;]+?)\s*(;|$))");
  std::map<std::string, std::string> values;
  for (std::sregex_iterator found(comment.begin(), comment.end(), entry), end; found != end; ++found) {
    values[(*found)[1]] = (*found)[2];
  }
  return values;
}

}  // namespace

std::string VariantText(const std::string& text, const std::vector<std::string>& tags) {
  static const std::regex line_of_size(R"(([A-Z_]+) = .*?  # ([a-z]\w*: .*))");
  std::istringstream lines(text);
  std::string variant;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, line_of_size)) {
      const std::string name = match[1];
      const std::map<std::string, std::string> values = TaggedValues(match[2]);
      for (const std::string& tag : tags) {
        if (auto value = values.find(tag); value != values.end()) line = name + " = " + value->second;
      }
    }
    variant += line + "\n";
  }
  return variant;
}

std::string TextConstant(const std::string& text, const std::string& name) {
  std::smatch match;
  const std::regex line("(^|\n)" + name + " = \"([^\"\n]*)\"");
  return std::regex_search(text, match, line) ? match[2].str() : "";
}

}  // namespace drtriton
