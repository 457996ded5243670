#include "graph/strides.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace drtriton {
namespace {

// An operand's stride along a dimension of the result; 0 where it is broadcast.
int64_t AlignedStride(const Strided& operand, const Shape& shape, size_t dim) {
  const size_t added = shape.size() - operand.shape.size();
  if (dim < added) return 0;
  const bool broadcast = operand.shape[dim - added] == 1 && shape[dim] != 1;
  return broadcast ? 0 : operand.strides[dim - added];
}

// 1: dim0 must come after dim1 (its stride is larger); -1: it must not; 0: undecided.
int CompareDims(const std::vector<Strided>& operands, const Shape& shape, size_t dim0, size_t dim1) {
  for (const Strided& operand : operands) {
    const int64_t stride0 = AlignedStride(operand, shape, dim0);
    const int64_t stride1 = AlignedStride(operand, shape, dim1);
    if (stride0 == 0 || stride1 == 0) continue;
    if (stride0 < stride1) return -1;
    if (stride0 > stride1) return 1;
    if (shape[dim0] > shape[dim1]) return 1;
  }
  return 0;
}

// Dimensions from innermost to outermost: an insertion sort that starts from row-major order, since the comparison is
// not always decided.
std::vector<size_t> OrderDims(const std::vector<Strided>& operands, const Shape& shape) {
  std::vector<size_t> order(shape.size());
  std::iota(order.rbegin(), order.rend(), size_t{0});
  for (size_t i = 1; i < order.size(); ++i) {
    size_t current = i;
    for (size_t j = i; j-- > 0;) {
      const int comparison = CompareDims(operands, shape, order[j], order[current]);
      if (comparison < 0) break;
      if (comparison > 0) {
        std::swap(order[j], order[current]);
        current = j;
      }
    }
  }
  return order;
}

Shape StridesInOrder(const Shape& shape, const std::vector<size_t>& innermost_first) {
  Shape strides(shape.size());
  int64_t stride = 1;
  for (size_t dim : innermost_first) {
    strides[dim] = stride;
    stride *= shape[dim];
  }
  return strides;
}

}  // namespace

Shape PointwiseStrides(const std::vector<Strided>& operands, const Shape& shape) {
  const auto all = [&](auto&& holds) { return std::all_of(operands.begin(), operands.end(), holds); };
  if (operands.empty()) return ContiguousStrides(shape);
  if (all([&](const Strided& o) { return o.shape == shape; })) {
    if (all([](const Strided& o) { return IsContiguous(o.shape, o.strides); })) return ContiguousStrides(shape);
    if (shape.size() == 4 && all([](const Strided& o) { return IsChannelsLast(o.shape, o.strides); })) {
      return ChannelsLastStrides(shape);
    }
    const Shape& first = operands.front().strides;
    if (all([&](const Strided& o) { return o.strides == first; }) && IsDense(shape, first)) return first;
  }
  const std::vector<size_t> order = OrderDims(operands, shape);
  const bool row_major = std::is_sorted(order.rbegin(), order.rend());
  return row_major ? ContiguousStrides(shape) : StridesInOrder(shape, order);
}

std::optional<Shape> ViewStrides(const Shape& shape, const Shape& strides, const Shape& new_shape) {
  if (shape.empty()) return Shape(new_shape.size(), 1);
  if (ElementCount(shape) == 0) {
    return shape == new_shape ? strides : ContiguousStrides(new_shape);
  }
  Shape result(new_shape.size());
  int64_t view_dim = static_cast<int64_t>(new_shape.size()) - 1;
  int64_t chunk_stride = strides.back();
  int64_t chunk_elements = 1;
  int64_t view_elements = 1;
  for (size_t dim = shape.size(); dim-- > 0;) {
    chunk_elements *= shape[dim];
    const bool chunk_ends = dim == 0 || (shape[dim - 1] != 1 && strides[dim - 1] != chunk_elements * chunk_stride);
    if (!chunk_ends) continue;
    while (view_dim >= 0 && (view_elements < chunk_elements || new_shape[static_cast<size_t>(view_dim)] == 1)) {
      result[static_cast<size_t>(view_dim)] = view_elements * chunk_stride;
      view_elements *= new_shape[static_cast<size_t>(view_dim)];
      --view_dim;
    }
    if (view_elements != chunk_elements) return std::nullopt;
    if (dim > 0) {
      chunk_stride = strides[dim - 1];
      chunk_elements = 1;
      view_elements = 1;
    }
  }
  if (view_dim != -1) return std::nullopt;
  return result;
}

bool IsDense(const Shape& shape, const Shape& strides) {
  if (shape.size() == 1) return shape[0] < 2 || strides[0] == 1;
  if (ElementCount(shape) > 0 && IsContiguous(shape, strides)) return true;
  std::vector<size_t> dims(shape.size());
  std::iota(dims.begin(), dims.end(), size_t{0});
  std::sort(dims.begin(), dims.end(), [&](size_t a, size_t b) {
    if (shape[a] < 2) return false;
    if (shape[b] < 2) return true;
    return strides[a] < strides[b];
  });
  int64_t expected = 1;
  for (size_t dim : dims) {
    if (shape[dim] < 2) return true;
    if (strides[dim] != expected) return false;
    expected *= shape[dim];
  }
  return true;
}

Shape PreservedStrides(const Shape& shape, const Shape& strides) {
  if (IsDense(shape, strides)) return strides;
  return PointwiseStrides({{shape, strides}}, shape);
}

Shape ChannelsLastStrides(const Shape& shape) {
  if (shape.size() != 4 && shape.size() != 5) return ContiguousStrides(shape);
  std::vector<size_t> order = {1};
  for (size_t dim = shape.size(); dim-- > 2;) order.push_back(dim);
  order.push_back(0);
  return StridesInOrder(shape, order);
}

bool IsChannelsLast(const Shape& shape, const Shape& strides) {
  if (shape.size() != 4 && shape.size() != 5) return false;
  int64_t expected = 1;
  std::vector<size_t> order = {1};
  for (size_t dim = shape.size(); dim-- > 2;) order.push_back(dim);
  order.push_back(0);
  for (size_t dim : order) {
    if (shape[dim] == 1) continue;
    if (strides[dim] != expected) return false;
    expected *= shape[dim];
  }
  return true;
}

}  // namespace drtriton
