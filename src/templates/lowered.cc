// See lowered.h.
#include "templates/lowered.h"

namespace drtriton {

DType RegisterType(DType dtype) {
  return dtype == DType::kFloat16 || dtype == DType::kBFloat16 ? DType::kFloat32 : dtype;
}

int64_t Lowered::Product(const AxisList& list) const {
  int64_t product = 1;
  for (AxisId axis : list) product *= size(axis);
  return product;
}

std::vector<NodeId> Lowered::OfKind(LoweredKind kind) const {
  std::vector<NodeId> ids;
  for (size_t i = 0; i < nodes.size(); ++i) {
    if (nodes[i].kind == kind) ids.push_back(static_cast<NodeId>(i));
  }
  return ids;
}

const Value& Lowered::InputValue(int32_t index) const {
  return fragment->program.value(fragment->Inputs()[static_cast<size_t>(index)]);
}

DType Lowered::TensorType(const TensorRef& tensor) const {
  if (tensor.kind == TensorRef::Kind::kInput) return InputValue(tensor.index).dtype;
  return buffers[static_cast<size_t>(tensor.index)].dtype;
}

int64_t Lowered::TensorExtent(const TensorRef& tensor) const {
  if (tensor.kind == TensorRef::Kind::kInput) {
    const Value& value = InputValue(tensor.index);
    return StorageExtent(value.shape, value.strides);
  }
  const BufferSpec& buffer = buffers[static_cast<size_t>(tensor.index)];
  return StorageExtent(buffer.shape, buffer.strides);
}

}  // namespace drtriton
