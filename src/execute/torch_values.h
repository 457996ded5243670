// Between our types and libtorch's: dtypes, attributes, stored tensors.  Includes torch headers: keep it out of others.
#ifndef DRTRITON_EXECUTE_TORCH_VALUES_H_
#define DRTRITON_EXECUTE_TORCH_VALUES_H_

#include <ATen/ATen.h>
#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>

#include <functional>
#include <string>

#include "execute/tensor_file.h"
#include "graph/attr.h"
#include "graph/program.h"

namespace drtriton {

at::ScalarType ToTorch(DType dtype);
DType FromTorch(at::ScalarType type);   // throws InternalError for a type that no Program has

// float64 for floating types, complex128 for complex ones, else unchanged.
at::ScalarType Widened(at::ScalarType type);

// How attributes become arguments of an operator call.
struct AttributeContext {
  std::function<at::Tensor(ValueId)> tensor;   // what a ValueRef stands for
  at::Device device = at::kCPU;                // what every DeviceAttr stands for
  bool widen = false;                          // floating dtypes become float64
};

// The IValue that a boxed call wants for a schema argument.  Throws UserError naming the argument when it does not fit.
c10::IValue ToIValue(const Attr& attr, const c10::Argument& argument, const AttributeContext& context);

// A tensor of the file's bytes, without a copy, on the CPU.  The file must outlive it.
at::Tensor Wrap(const StoredTensor& stored);

// A one-dimensional contiguous tensor with the storage that a tensor of these strides would have (what a buffer of a
// plan holds): elements that the view skips are zero.  `tensor` has `strides.size()` dimensions and any strides.
at::Tensor ToStorage(const at::Tensor& tensor, const Shape& strides);

// The tensor with these strides (a copy unless it has them).
at::Tensor WithStrides(const at::Tensor& tensor, const Shape& strides);

// For TensorFile: `storage` is a contiguous CPU tensor, which must outlive the result.
StoredTensor ToStored(std::string name, const at::Tensor& storage, const Shape& shape, const Shape& strides);

// The largest finite number of a floating or complex dtype.
double LargestFinite(DType dtype);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_TORCH_VALUES_H_
