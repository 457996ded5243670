// A leaf as the expression that makes it: "torch.randn(BATCH, FEATURES)", with its distribution, dtype and strides.
#ifndef DRTRITON_SYNTH_MODULE_TENSORS_H_
#define DRTRITON_SYNTH_MODULE_TENSORS_H_

#include <functional>
#include <string>

#include "graph/program.h"
#include "graph/leaf_fill.h"

namespace drtriton {

// Appends a dimension of the value as the place calls for it: "BATCH", "features" or "7".
using AppendDimension = std::function<void(std::string&, size_t dim)>;

void AppendTensor(std::string& out, const Value& value, const LeafFill& fill, const AppendDimension& append_dimension);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_MODULE_TENSORS_H_
