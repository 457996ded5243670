// "aten.linear.default" in the forms that libtorch and people use.
#ifndef DRTRITON_EXECUTE_OPERATOR_NAME_H_
#define DRTRITON_EXECUTE_OPERATOR_NAME_H_

#include <ATen/core/operator_name.h>

#include <string>

#include "graph/base_name.h"

namespace drtriton {

// "aten.add.Tensor" -> {"aten::add", "Tensor"}; the overload "default" is libtorch's empty one.
c10::OperatorName ToOperatorName(const std::string& op);
}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_OPERATOR_NAME_H_
