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
                                              "ravel",     "positive",     "lift_fresh"};
const std::set<std::string_view> kWindows = {"slice", "select", "narrow", "split", "split_with_sizes", "chunk", "unbind",
                                             "tensor_split", "diagonal", "unfold"};

// movedim: the sources at their destinations, the others in their order.
std::vector<int64_t> MovedOrder(const OpCall& call, int64_t rank) {
  auto list = [&](size_t i) { return call.arg(i).Is<int64_t>() ? std::vector<int64_t>{call.arg(i).AsInt()} : call.arg(i).AsInts(); };
  std::vector<int64_t> from = list(1), to = list(2), order(static_cast<size_t>(rank), -1);
  std::set<int64_t> moved;
  for (size_t i = 0; i < from.size(); ++i) {
    moved.insert(WrapDim(from[i], rank));
    order[static_cast<size_t>(WrapDim(to[i], rank))] = WrapDim(from[i], rank);
  }
  int64_t next = 0;
  for (int64_t& dim : order) {
    if (dim >= 0) continue;
    while (moved.count(next) != 0) ++next;
    dim = next++;
  }
  return order;
}

// Where each dimension of the result comes from.
std::vector<int64_t> Order(const OpCall& call, int64_t rank) {
  std::vector<int64_t> order;
  std::string_view name = BaseName(call.node.op);
  if (name == "permute") {
    for (int64_t dim : call.arg(1).AsInts()) order.push_back(WrapDim(dim, rank));
    return order;
  }
  if (rank > 0 && (name == "movedim" || name == "moveaxis")) return MovedOrder(call, rank);
  for (int64_t dim = 0; dim < rank; ++dim) order.push_back(dim);
  if (name == "numpy_T") {
    std::reverse(order.begin(), order.end());
  } else if (rank >= 2) {
    bool last_two = name == "t" || name == "mT" || name == "adjoint";
    int64_t a = last_two ? rank - 2 : WrapDim(call.arg(1).AsInt(), rank);
    int64_t b = last_two ? rank - 1 : WrapDim(call.arg(2).AsInt(), rank);
    std::swap(order[static_cast<size_t>(a)], order[static_cast<size_t>(b)]);
  }
  return order;
}

// The window as a load of its own.  When leaves are shared, dimensions that the window keeps whole stay the input's.
Term LeafWindow(Draft& draft, const Term& source, const StridedView& view) {
  return draft.Load({source.leaf->input, view.shape, view.strides, source.leaf->offset + view.offset});
}

// Which part of a dimension a slice and its like take: `length` elements from `start` on, `step` apart.
struct Part {
  int64_t dim = 0, start = 0, step = 1, length = 1;
  bool drops = false;   // the dimension (select, unbind)
};

Part PartOf(const OpCall& call, const Term& source, const Value& result, size_t output) {
  std::string_view name = BaseName(call.node.op);
  const bool lists = name == "split" || name == "split_with_sizes" || name == "chunk";
  Part part;
  part.drops = name == "select" || name == "unbind";
  part.dim = WrapDim(lists ? call.Int(2, 0) : call.Int(1, 0), source.rank());
  const int64_t size = call.draft.Size(source, part.dim);
  if (!part.drops) part.length = result.shape[static_cast<size_t>(part.dim)];
  if (name == "select") part.start = WrapDim(call.Int(2, 0), size);
  if (name == "unbind") part.start = static_cast<int64_t>(output);
  if (name == "narrow") part.start = WrapDim(call.Int(2, 0), size);
  if (name == "slice") {
    part.start = std::clamp<int64_t>(WrapDim(call.Int(2, 0), size), 0, size);
    part.step = call.Int(4, 1);
  }
  if (lists) {
    for (size_t i = 0; i < output; ++i) {   // parts before this one, those that nobody uses too
      int64_t length = name == "split"   ? call.Int(1, 1)
                       : name == "chunk" ? (size + call.Int(1, 1) - 1) / call.Int(1, 1)
                                         : call.arg(1).AsInts()[i];
      part.start += length;
    }
  }
  return part;
}

// A window onto a computed value: its elements computed anew at the window's positions.
Term ComputedWindow(const OpCall& call, const Term& source, const Value& result, size_t output) {
  Draft& draft = call.draft;
  std::string_view name = BaseName(call.node.op);
  std::vector<AxisList> dims = source.dims;
  if (name == "diagonal") {
    int64_t offset = call.Int(1, 0), first = WrapDim(call.Int(2, 0), source.rank()), second = WrapDim(call.Int(3, 1), source.rank());
    AxisList along = draft.FreshDims({result.shape.back()}).front();
    for (int64_t dim : {std::max(first, second), std::min(first, second)}) dims.erase(dims.begin() + dim);
    dims.push_back(along);
    Term down = draft.IndexOver(dims, dims.size() - 1, std::max<int64_t>(-offset, 0), 1);
    Term across = draft.IndexOver(dims, dims.size() - 1, std::max<int64_t>(offset, 0), 1);
    return draft.Take(source, {{first, {down, std::nullopt}}, {second, {across, std::nullopt}}}, dims);
  }
  if (name == "unfold") {
    int64_t dim = WrapDim(call.Int(1, 0), source.rank()), step = call.Int(3, 1);
    std::vector<AxisList> fresh = draft.FreshDims({result.shape[static_cast<size_t>(dim)], result.shape.back()});
    dims[static_cast<size_t>(dim)] = fresh[0];
    dims.push_back(fresh[1]);
    Term window = draft.IndexOver(dims, static_cast<size_t>(dim), 0, step), inside = draft.IndexOver(dims, dims.size() - 1, 0, 1);
    return draft.Take(source, {{dim, {draft.Pointwise("add", DType::kInt64, {window, inside}), std::nullopt}}}, dims);
  }
  Part part = PartOf(call, source, result, output);
  const size_t dim = static_cast<size_t>(part.dim);
  dims[dim] = draft.FreshDims({part.length}).front();
  Term window = draft.Take(source, {{part.dim, {draft.IndexOver(dims, dim, part.start, part.step), std::nullopt}}}, dims);
  if (part.drops) window.dims.erase(window.dims.begin() + part.dim);
  return window;
}

// The same where it can be; else a value that only a result may be made of, as a view of the whole value's buffer.
Term TryComputedWindow(const OpCall& call, const Term& source, const Value& result, size_t output) {
  try {
    return ComputedWindow(call, source, result, output);
  } catch (const Refusal& refusal) {
    Term unusable = source;
    unusable.unusable = refusal.reason;
    return unusable;
  }
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
    if (source.leaf && view) return draft.Define(id, LeafWindow(draft, source, *view));
    if (!source.unusable.empty()) return draft.Define(id, source);
    return draft.Define(id, TryComputedWindow(call, source, result, output));
  }
  if (!source.unusable.empty()) return draft.Define(id, source);   // a result may still be made of it
  if (source.leaf && view && draft.reading() != LeafReading::kShared) {
    return draft.Define(id, LeafWindow(draft, source, *view));
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
    if (node.outputs[output] >= 0 && draft.value(node.outputs[output]).Elements() > 0) LowerResult(call, output);
  }
}

StoredAt FollowViews(const Program& program, ValueId id) {
  StoredAt at{id, 0};
  while (program.value(at.base).node >= 0) {
    const Value& value = program.value(at.base);
    const Node& node = program.nodes[static_cast<size_t>(value.node)];
    if (!IsRelabelling(node.op) && !IsView(node.op)) break;
    std::optional<StridedView> view = ViewOf(program, node, static_cast<size_t>(value.output_index));
    if (!view) break;
    at.offset += view->offset;
    at.base = view->base;
  }
  return at;
}

}  // namespace drtriton
