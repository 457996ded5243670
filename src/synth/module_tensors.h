// A leaf as the expression that makes it: "torch.randn(BATCH, FEATURES)", with its distribution, dtype and strides.
#ifndef DRTRITON_SYNTH_MODULE_TENSORS_H_
#define DRTRITON_SYNTH_MODULE_TENSORS_H_

#include <functional>
#include <string>

#include "graph/program.h"
#include "synth/leaf_fill.h"

namespace drtriton {

// Appends a shape as the place calls for it, without parentheses: "BATCH, 7".
using AppendShape = std::function<void(std::string&, const Shape&)>;

void AppendTensor(std::string& out, const Value& value, const LeafFill& fill, const AppendShape& append_shape);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_MODULE_TENSORS_H_
