// Stride rules that several operators share, as PyTorch has them.
#ifndef DRTRITON_GRAPH_STRIDES_H_
#define DRTRITON_GRAPH_STRIDES_H_

#include <optional>
#include <vector>

#include "graph/program.h"

namespace drtriton {

struct Strided {  // refers to both
  const Shape& shape;
  const Shape& strides;
};

// Strides of the result of a pointwise operator over these operands, whose shapes broadcast to `shape`.  Follows
// aten/src/ATen/TensorIterator.cpp: a result of dense operands that agree keeps their layout, else its dimensions are
// ordered by the operands' strides.
Shape PointwiseStrides(const std::vector<Strided>& operands, const Shape& shape);

// Strides of a view of other shape on the same memory; nullopt where a copy is needed (at::detail::computeStride).
std::optional<Shape> ViewStrides(const Shape& shape, const Shape& strides, const Shape& new_shape);

// Whether the elements fill their storage without gaps or overlap, in any order of dimensions.
bool IsDense(const Shape& shape, const Shape& strides);

// Strides of `empty_like` under preserve_format: the same for dense tensors, else contiguous in the order of strides.
Shape PreservedStrides(const Shape& shape, const Shape& strides);

// NHWC (rank 4) or NDHWC (rank 5); contiguous for other ranks.
Shape ChannelsLastStrides(const Shape& shape);
bool IsChannelsLast(const Shape& shape, const Shape& strides);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_STRIDES_H_
