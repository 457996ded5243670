// Parts of a text, one behind the other.
#ifndef DRTRITON_BASE_JOIN_H_
#define DRTRITON_BASE_JOIN_H_

#include <string>
#include <string_view>
#include <vector>

namespace drtriton {

inline std::string Join(const std::vector<std::string>& parts, std::string_view separator = ", ") {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) text.append(i > 0 ? separator : "").append(parts[i]);
  return text;
}

}  // namespace drtriton

#endif  // DRTRITON_BASE_JOIN_H_
