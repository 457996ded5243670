#include "execute/operator_name.h"

namespace drtriton {

c10::OperatorName ToOperatorName(const std::string& op) {
  const size_t first = op.find('.');
  const size_t second = first == std::string::npos ? std::string::npos : op.find('.', first + 1);
  if (first == std::string::npos) return {op, ""};
  const std::string name = op.substr(0, first) + "::" + op.substr(first + 1, second == std::string::npos ? second : second - first - 1);
  const std::string overload = second == std::string::npos ? "" : op.substr(second + 1);
  return {name, overload == "default" ? "" : overload};
}

}  // namespace drtriton
