// See lower_view.h.  Tested through lower_test.cc.
#include "templates/lower_view.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "graph/registry.h"
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

std::string_view BaseName(const std::string& op) {
  std::string_view name(op);
  if (name.starts_with("aten.")) name.remove_prefix(5);
  return name.substr(0, name.find('.'));
}

const std::set<std::string_view> kPermutations = {"permute", "transpose", "t", "swapaxes", "swapdims", "movedim", "moveaxis",
                                                  "numpy_T", "mT",        "adjoint"};
const std::set<std::string_view> kExpansions = {"expand", "expand_as", "broadcast_to", "broadcast_tensors"};
// The elements in their order, under another shape.
const std::set<std::string_view> kReshapes = {"view",      "_unsafe_view", "reshape", "view_as", "reshape_as", "flatten",
                                              "unflatten", "unsqueeze",    "squeeze", "alias",   "detach",     "contiguous",
                                              "ravel"};
const std::set<std::string_view> kWindows = {"slice", "select", "narrow", "split", "split_with_sizes", "chunk", "unbind",
                                             "tensor_split", "diagonal"};

// Where each dimension of the result comes from.
std::vector<int64_t> Order(const OpCall& call, int64_t rank) {
  std::vector<int64_t> order;
  std::string_view name = BaseName(call.node.op);
  if (name == "permute") {
    for (int64_t dim : call.arg(1).AsInts()) order.push_back(WrapDim(dim, rank));
    return order;
  }
  for (int64_t dim = 0; dim < rank; ++dim) order.push_back(dim);
  if (name == "numpy_T") {
    std::reverse(order.begin(), order.end());
  } else if (name == "movedim" || name == "moveaxis") {
    throw Refusal{"no template covers " + call.node.op};
  } else if (rank >= 2) {
    bool last_two = name == "t" || name == "mT" || name == "adjoint";
    int64_t a = last_two ? rank - 2 : WrapDim(call.arg(1).AsInt(), rank);
    int64_t b = last_two ? rank - 1 : WrapDim(call.arg(2).AsInt(), rank);
    std::swap(order[static_cast<size_t>(a)], order[static_cast<size_t>(b)]);
  }
  return order;
}

// The window as a load of its own.  When leaves are shared, dimensions that the window keeps whole stay the input's.
Term Window(Draft& draft, const Term& source, const StridedView& view) {
  if (!source.leaf) {
    Term result = source;
    result.unusable = "a slice of a computed value is read again";
    return result;
  }
  return draft.Load({source.leaf->input, view.shape, view.strides, source.leaf->offset + view.offset});
}

Term Relabel(const OpCall& call, const Term& source, const Value& result) {
  std::string_view name = BaseName(call.node.op);
  if (kPermutations.count(name) != 0) return call.draft.Permute(source, Order(call, source.rank()));
  if (kExpansions.count(name) != 0) return call.draft.Expand(source, result.shape);
  return call.draft.Reshape(source, result.shape);
}

void LowerResult(const OpCall& call, size_t output) {
  Draft& draft = call.draft;
  ValueId id = call.node.outputs[output];
  const Value& result = draft.value(id);
  // broadcast_tensors takes a list and gives one.
  Term source = draft.Get(call.arg(0).Is<AttrList>() ? call.arg(0).AsList()[output] : call.arg(0));
  std::optional<StridedView> view = ViewOf(draft.program(), call.node, output);
  bool is_window = kWindows.count(BaseName(call.node.op)) != 0;
  if (is_window && view && view->shape == draft.ShapeOf(source) && view->offset == 0) return draft.Define(id, source);
  if (is_window) {
    if (!view) throw Refusal{"no template covers this use of " + call.node.op};
    return draft.Define(id, Window(draft, source, *view));
  }
  if (!source.unusable.empty()) return draft.Define(id, source);   // a result may still be made of it
  if (source.leaf && view && draft.reading() == LeafReading::kSeparate) {
    return draft.Define(id, Window(draft, source, *view));
  }
  Term term = Relabel(call, source, result);
  if (source.leaf && view) term.leaf = LeafView{source.leaf->input, view->shape, view->strides, source.leaf->offset + view->offset};
  draft.Define(id, std::move(term));
}

}  // namespace

bool IsRelabelling(const std::string& op) {
  std::string_view name = BaseName(op);
  for (const auto* names : {&kPermutations, &kExpansions, &kReshapes, &kWindows}) {
    if (names->count(name) != 0) return true;
  }
  return false;
}

void LowerView(Draft& draft, const Node& node) {
  OpCall call(draft, node);
  for (size_t output = 0; output < node.outputs.size(); ++output) {
    if (node.outputs[output] >= 0) LowerResult(call, output);
  }
}

StoredAt FollowViews(const Program& program, ValueId id) {
  StoredAt at{id, 0};
  while (program.value(at.base).node >= 0) {
    const Value& value = program.value(at.base);
    const Node& node = program.nodes[static_cast<size_t>(value.node)];
    if (!IsRelabelling(node.op)) break;
    std::optional<StridedView> view = ViewOf(program, node, static_cast<size_t>(value.output_index));
    if (!view) break;
    at.offset += view->offset;
    at.base = view->base;
  }
  return at;
}

}  // namespace drtriton
