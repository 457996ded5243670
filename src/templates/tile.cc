// See tile.h.  Tested by tile_test.cc.
#include "templates/tile.h"

#include <algorithm>

#include "base/error.h"
#include "templates/blocks.h"
#include "templates/expression.h"

namespace drtriton {
namespace {

bool Contains(const AxisList& axes, AxisId axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); }

// Neighbouring axes of a tile dimension that an operand's strides let count as one.
struct Group {
  int64_t size = 1;     // elements of the group
  int64_t inner = 1;    // product of the sizes inside of it, in the tile dimension
  int64_t stride = 0;
};

std::vector<Group> Coalesce(const Lowered& lowered, const TileDim& dim, const Access& access) {
  std::vector<Group> groups;   // innermost first
  int64_t inner = 1;
  for (size_t i = dim.axes.size(); i-- > 0; inner *= lowered.size(dim.axes[i])) {
    int64_t size = lowered.size(dim.axes[i]), stride = 0;
    for (size_t j = 0; j < access.axes.size(); ++j) {
      if (access.axes[j] == dim.axes[i]) stride = access.strides[j];
    }
    if (!groups.empty() && groups.back().stride * groups.back().size == stride) {
      groups.back().size *= size;
    } else {
      groups.push_back({size, inner, stride});
    }
  }
  std::reverse(groups.begin(), groups.end());
  return groups;
}

}  // namespace

TileWriter::TileWriter(const Lowered& lowered, KernelSource& kernel, std::vector<TileDim> dims)
    : lowered_(lowered), kernel_(kernel), dims_(std::move(dims)) {}

std::string TileWriter::DimOffset(const TileDim& dim, const Access& access, const std::string& tensor_name) {
  std::vector<Group> groups = Coalesce(lowered_, dim, access);
  std::string text;
  for (size_t i = 0; i < groups.size(); ++i) {
    const Group& group = groups[i];
    if (group.stride == 0) continue;
    std::string index = dim.index;
    if (group.inner > 1) index = "(" + index + " // " + std::to_string(group.inner) + ")";
    if (i > 0) index = "(" + index + " % " + std::to_string(group.size) + ")";
    if (group.stride != 1) {
      std::string stride;
      for (const TileDim& other : dims_) {
        if (&other != &dim && !other.extent.empty() && lowered_.Product(other.axes) == group.stride) {
          stride = kernel_.Constant(other.extent, group.stride);
        }
      }
      if (stride.empty()) stride = groups.size() == 1 ? kernel_.Constant(tensor_name + "_stride_" + dim.name, group.stride)
                                                      : std::to_string(group.stride);
      index += " * " + stride;
    }
    text += (text.empty() ? "" : " + ") + index;
  }
  return text;
}

std::string TileWriter::OffsetText(const Access& access, const std::string& tensor_name) {
  std::string text;
  for (const TileDim& dim : dims_) {
    std::string part = DimOffset(dim, access, tensor_name);
    if (!part.empty()) text += (text.empty() ? "" : " + ") + part;
  }
  if (access.offset != 0) text += (text.empty() ? "" : " + ") + std::to_string(access.offset);
  return text.empty() ? "0" : text;
}

std::string TileWriter::MaskText(const AxisList& axes) const {
  std::string text;
  for (const TileDim& dim : dims_) {
    bool touched = std::any_of(dim.axes.begin(), dim.axes.end(), [&](AxisId axis) { return Contains(axes, axis); });
    const bool known = text == dim.mask || text.ends_with(" & " + dim.mask);   // dimensions may share one
    if (!touched || dim.mask.empty() || known) continue;
    text += (text.empty() ? "" : " & ") + dim.mask;
  }
  return text;
}

std::string TileWriter::Value(NodeId id) {
  auto known = values_.find(id);
  if (known != values_.end()) return known->second;
  const LoweredNode& node = lowered_.node(id);
  std::string text;
  switch (node.kind) {
    case LoweredKind::kLoad: text = LoadText(node); break;
    case LoweredKind::kConstant: text = LiteralText(node.constant, node.dtype); break;
    case LoweredKind::kIndex: text = IndexText(node); break;
    case LoweredKind::kPointwise: text = PointwiseText(node); break;
    default: throw InternalError("a reduction or matrix product was not bound: " + node.name);
  }
  values_[id] = text;
  return text;
}

void TileWriter::AddIndex(std::string& offset, const std::string& index, int64_t stride) const {
  std::string wide = NeedsWideIndex(lowered_) ? index + ".to(tl.int64)" : index;
  std::string text = stride == 1 ? wide : wide + " * " + std::to_string(stride);
  offset = offset == "0" ? text : offset + " + " + text;
}

void TileWriter::SetEviction(const TensorRef& tensor, std::string policy) {
  std::erase_if(eviction_, [&](const auto& known) { return known.first == tensor; });
  eviction_.emplace_back(tensor, std::move(policy));
}

std::string TileWriter::LoadText(const LoweredNode& node) {
  std::string pointer = kernel_.Pointer(node.access.tensor);
  std::string name = pointer.substr(0, pointer.size() - 4);
  std::string offset = OffsetText(node.access, name), mask = MaskText(node.axes);
  for (size_t i = 0; i < node.index_strides.size(); ++i) AddIndex(offset, Value(node.operands[i]), node.index_strides[i]);
  for (size_t i = node.index_strides.size(); i < node.operands.size(); ++i) {
    std::string guard = Value(node.operands[i]);
    mask += (mask.empty() ? "" : " & ") + guard;
  }
  std::string address = pointer + (offset == "0" ? "" : " + " + offset);
  std::string key = node.guards > 0 ? address + ", " + mask : address;
  auto known = loads_.find(key);
  if (known != loads_.end()) return known->second;
  std::string arguments = address;
  if (!mask.empty()) arguments += ", mask=" + mask + ", other=" + (IsFloating(node.dtype) ? "0.0" : "0");
  for (const auto& [tensor, policy] : eviction_) {
    if (tensor == node.access.tensor) arguments += ", eviction_policy=\"" + policy + "\"";
  }
  std::string convert;
  if (RegisterType(node.dtype) != node.dtype) convert = ".to(" + std::string(TritonName(RegisterType(node.dtype))) + ")";
  std::string variable = kernel_.Fresh(node.name);
  kernel_.Line(variable + " = tl.load(" + arguments + ")" + convert);
  loads_[key] = variable;
  return variable;
}

std::string TileWriter::IndexText(const LoweredNode& node) {
  Access access;   // the linear index over the node's axes is an access with row-major strides
  access.axes = node.axes;
  access.strides.resize(node.axes.size());
  int64_t stride = 1;
  for (size_t i = node.axes.size(); i-- > 0; stride *= lowered_.size(node.axes[i])) access.strides[i] = stride;
  std::string variable = kernel_.Fresh(node.name);
  std::string text = OffsetText(access, node.name);
  if (node.step != 1) text = "(" + text + ") * " + std::to_string(node.step);
  if (node.start != 0) text += " + " + std::to_string(node.start);
  kernel_.Line(variable + " = " + text);
  return variable;
}

std::string TileWriter::PointwiseText(const LoweredNode& node) {
  std::vector<std::string> operands;
  bool all_literals = true;
  for (NodeId operand : node.operands) {
    operands.push_back(Value(operand));
    all_literals = all_literals && lowered_.node(operand).kind == LoweredKind::kConstant;
  }
  // The type computed in is the operands'; a condition comes first and does not count.
  const LoweredNode& typed = lowered_.node(node.operands[node.function == "where" ? 1 : 0]);
  DType compute = RegisterType(typed.dtype);
  // Plain Python numbers have no type: the first operand of a function of literals, and float64 literals of `where`,
  // get one.
  for (size_t i = 0; i < operands.size(); ++i) {
    bool literal = lowered_.node(node.operands[i]).kind == LoweredKind::kConstant;
    const bool converts = i == 0 && (node.function == "remainder" || node.function == "fmod" || node.function == "floor_divide" || node.function == "pow" || node.function == "zeta" || node.function == "gcd" || node.function == "lcm");
    bool needs_type = (all_literals && i == 0) || converts || (node.function == "where" && i > 0) || node.function == "cast";
    if (!literal || !needs_type) continue;
    DType type = RegisterType(lowered_.node(node.operands[i]).dtype);
    bool short_form = node.function == "where" && (type == DType::kFloat32 || type == DType::kInt32);
    if (!short_form) operands[i] = "tl.full([], " + operands[i] + ", " + std::string(TritonName(type)) + ")";
  }
  std::string text = FunctionText(node.function, compute, node.dtype, operands, kernel_.helpers());
  std::string variable = kernel_.Fresh(node.name);
  kernel_.Line(variable + " = " + text);
  return variable;
}

void TileWriter::StoreValue(const LoweredStore& store) { StoreValue(store.access, Value(store.node)); }

void TileWriter::StoreValue(const Access& access, const std::string& text) {
  std::string pointer = kernel_.Pointer(access.tensor);
  std::string offset = OffsetText(access, pointer.substr(0, pointer.size() - 4)), mask = MaskText(access.axes);
  kernel_.Line("tl.store(" + pointer + (offset == "0" ? "" : " + " + offset) + ", " + text +
               (mask.empty() ? "" : ", mask=" + mask) + ")");
}

}  // namespace drtriton
