// An operator's name without namespace and overload.
#ifndef DRTRITON_GRAPH_BASE_NAME_H_
#define DRTRITON_GRAPH_BASE_NAME_H_

#include <string>

namespace drtriton {

// "aten.add.Tensor" -> "add".
inline std::string BaseName(const std::string& op) {
  const size_t first = op.find('.');
  if (first == std::string::npos) return op;
  return op.substr(first + 1, op.find('.', first + 1) - first - 1);
}

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_BASE_NAME_H_
