#include "synth/convolution_reach.h"

#include <algorithm>
#include <string_view>

namespace drtriton {
namespace {

constexpr int64_t kMostPositions = 256;  // that are looked at, from the first

bool IsReached(const ConvolutionDim& dim, int64_t at) {
  for (int64_t tap = 0; tap < dim.kernel; ++tap) {
    if (dim.transposed) {
      const int64_t from = at + dim.padding - tap * dim.dilation;
      if (from >= 0 && from % dim.stride == 0 && from / dim.stride < dim.input) return true;
    } else {
      const int64_t from = at * dim.stride - dim.padding + tap * dim.dilation;
      if (from >= 0 && from < dim.input) return true;
    }
  }
  return false;
}

// One number counts for all dimensions.
int64_t NumberAt(const Attr& argument, size_t d) {
  if (argument.IsNumber()) return argument.AsInt();
  const AttrList& list = argument.AsList();
  return list.empty() ? 0 : list[std::min(d, list.size() - 1)].AsInt();
}

// Where an operator's arguments lie in its schema.
struct Layout {
  size_t dilation = 5;
  bool transposed = false;
};

Layout LayoutOf(const Node& node, std::string_view name) {
  if (name.starts_with("conv_transpose")) return {7, true};
  const bool general = name.starts_with("convolution");
  return {5, general && node.args[6] == Attr(true)};
}

}  // namespace

double UnreachedShare(const ConvolutionDim& dim) {
  const int64_t count = std::min(dim.result, kMostPositions);
  int64_t unreached = 0;
  for (int64_t at = 0; at < count; ++at) unreached += IsReached(dim, at) ? 0 : 1;
  return count == 0 ? 0 : static_cast<double>(unreached) / static_cast<double>(count);
}

double UnreachedShare(const Program& program, const Node& node, const Shape& result) {
  const std::string_view name = std::string_view(node.op).substr(node.op.find('.') + 1);
  if (!name.starts_with("conv")) return 0;
  const Layout layout = LayoutOf(node, name);
  const Shape& input = program.values[static_cast<size_t>(node.args[0].AsValue())].shape;
  const Shape& weight = program.values[static_cast<size_t>(node.args[1].AsValue())].shape;
  const size_t spatial = weight.size() - 2;
  double reached = 1;
  for (size_t d = 0; d < spatial; ++d) {
    ConvolutionDim dim{.input = input[input.size() - spatial + d],
                       .result = result[result.size() - spatial + d],
                       .kernel = weight[2 + d],
                       .stride = NumberAt(node.args[3], d),
                       .dilation = NumberAt(node.args[layout.dilation], d),
                       .transposed = layout.transposed};
    if (node.args[4].Is<std::string>()) {
      dim.padding = node.args[4].AsString() == "same" ? dim.dilation * (dim.kernel - 1) / 2 : 0;
    } else {
      dim.padding = NumberAt(node.args[4], d);
    }
    reached *= 1 - UnreachedShare(dim);
  }
  return 1 - reached;
}

}  // namespace drtriton
