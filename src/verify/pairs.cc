#include "verify/pairs.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace drtriton {

std::vector<Pair> ReadPairs(const std::filesystem::path& path) {
  std::vector<Pair> pairs;
  std::string text = ReadFile(path);
  size_t number = 0;
  for (size_t start = 0; start < text.size();) {
    size_t end = std::min(text.find('\n', start), text.size());
    std::string line = text.substr(start, end - start);
    start = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    bool fits = json.is_object() && json.contains("module") && json["module"].is_string() &&
                json.contains("candidate") && json["candidate"].is_string();
    if (!fits) {
      throw UserError(path.string() + " line " + std::to_string(number) +
                      ": expected an object {\"module\": path, \"candidate\": path}");
    }
    pairs.push_back({json["module"].get<std::string>(), json["candidate"].get<std::string>()});
  }
  if (pairs.empty()) throw UserError(path.string() + " holds no pairs");
  return pairs;
}

}  // namespace drtriton
