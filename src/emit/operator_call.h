// One ATen operator as a Python call.
#ifndef DRTRITON_EMIT_OPERATOR_CALL_H_
#define DRTRITON_EMIT_OPERATOR_CALL_H_

#include <functional>
#include <string>

#include "graph/program.h"

namespace drtriton {

struct CallStyle {
  std::string torch = "torch";        // the name of torch in the file
  std::string device;                 // expression for the device that DeviceAttr "cuda" means
  std::function<std::string(ValueId)> value;  // expression of a tensor
};

// `x.view((2, 3))` for views that have a method, else `torch.ops.aten.name.overload(...)`.  `node.schema`, else the
// registry, says which arguments are keywords.
std::string OperatorCall(const Program& program, const Node& node, const CallStyle& style);

// The same without a Program: always `torch.ops...`.
std::string PlainOperatorCall(const Node& node, const CallStyle& style);

// How the results of the node are bound: "a", "a, _, c", "a," (a list of one).  `name` gives the variable of a result.
std::string ResultPattern(const Node& node, const std::function<std::string(ValueId)>& name);

// Whether a result of the operator may share memory with its first tensor.
bool MayShareMemory(const std::string& op);

}  // namespace drtriton

#endif  // DRTRITON_EMIT_OPERATOR_CALL_H_
