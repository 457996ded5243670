#include "rewrite/rules.h"

#include <algorithm>

#include "graph/registry.h"

namespace drtriton {

const Node* OnlyFrom(const Editor& editor, const Attr& argument, std::string_view op) {
  if (!argument.IsValue()) return nullptr;
  const Node* producer = editor.Producer(argument.AsValue());
  if (producer == nullptr || producer->op != op || editor.Readers(argument.AsValue()) != 1) return nullptr;
  return producer;
}

std::vector<int64_t> ReducedDims(const Node& node, int64_t rank) {
  std::vector<int64_t> dims;
  const Schema& schema = SchemaOf(node);
  if (schema.Find("dim") >= 0 && !Argument(node, "dim").IsNone()) dims = Argument(node, "dim").AsInts();
  for (int64_t& dim : dims) dim = dim < 0 ? dim + std::max<int64_t>(rank, 1) : dim;
  if (dims.empty()) {
    for (int64_t dim = 0; dim < rank; ++dim) dims.push_back(dim);
  }
  std::sort(dims.begin(), dims.end());
  return dims;
}

std::optional<LinearReduction> AsLinearReduction(const Editor& editor, const Node& node) {
  LinearReduction reduction;
  if (node.op == "aten.mean.dim" || node.op == "aten.mean.default") {
    reduction.mean = true;
  } else if (node.op != "aten.sum.dim_IntList" && node.op != "aten.sum.default") {
    return std::nullopt;
  }
  reduction.operand = node.args.at(0).AsValue();
  const Value& operand = editor.source().value(reduction.operand);
  if (!IsFloat(editor, reduction.operand) || editor.source().value(node.outputs.at(0)).dtype != operand.dtype) return std::nullopt;
  reduction.dims = ReducedDims(node, static_cast<int64_t>(operand.shape.size()));
  if (SchemaOf(node).Find("keepdim") >= 0) reduction.keepdim = Argument(node, "keepdim").AsBool();
  for (int64_t dim : reduction.dims) reduction.count *= operand.shape.at(static_cast<size_t>(dim));
  return reduction;
}

ValueId AddReduction(Editor& editor, const LinearReduction& reduction, ValueId operand, const std::vector<int64_t>& dims) {
  if (dims.empty()) return operand;
  return editor.Add(reduction.mean ? "aten.mean.dim" : "aten.sum.dim_IntList", {ValueRef{operand}, Attr::Ints(dims), true});
}

ValueId InShapeOf(Editor& editor, ValueId id, ValueId result_in_source) {
  const Shape& shape = editor.source().value(result_in_source).shape;
  if (editor.target().value(id).shape == shape) return id;
  return editor.Add("aten.reshape.default", {ValueRef{id}, Attr::Ints(shape)});
}

bool IsFloat(const Editor& editor, ValueId id) { return IsFloating(editor.source().value(id).dtype); }

}  // namespace drtriton
