// See draft.h.  Tested through lower_test.cc.
#include "templates/draft.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/error.h"

namespace drtriton {
namespace {

AxisList Concatenate(const std::vector<AxisList>& dims) {
  AxisList all;
  for (const AxisList& dim : dims) all.insert(all.end(), dim.begin(), dim.end());
  return all;
}

bool HasRepeats(AxisList axes) {
  std::sort(axes.begin(), axes.end());
  return std::adjacent_find(axes.begin(), axes.end()) != axes.end();
}

bool Contains(const AxisList& axes, AxisId axis) { return std::find(axes.begin(), axes.end(), axis) != axes.end(); }

}  // namespace

std::string Draft::NextName() {
  int count = name_counts_[base_name_]++;
  return count == 0 ? base_name_ : base_name_ + "_" + std::to_string(count);
}

void Draft::RequireUsable(const Term& term) const {
  if (!term.unusable.empty()) throw Refusal{term.unusable};
}

Term Draft::AddNode(LoweredNode node, std::vector<AxisList> dims) {
  if (node.kind != LoweredKind::kConstant) node.name = NextName();
  Term term;
  term.node = static_cast<NodeId>(nodes_.size());
  term.dtype = node.dtype;
  term.dims = dims;
  nodes_.push_back({std::move(node), std::move(dims), {}});
  return term;
}

Shape Draft::ShapeOf(const Term& term) const {
  Shape shape;
  for (int64_t dim = 0; dim < term.rank(); ++dim) shape.push_back(Size(term, dim));
  return shape;
}

Term Draft::Get(ValueId id) {
  auto found = terms_.find(id);
  if (found != terms_.end()) {
    const Term& known = found->second;
    const bool again = reading_ == LeafReading::kEach && known.leaf && known.unusable.empty();
    return again ? Load(*known.leaf) : known;
  }
  const std::vector<ValueId>& inputs = fragment_.Inputs();
  auto position = std::find(inputs.begin(), inputs.end(), id);
  if (value(id).Elements() == 0) throw Refusal{"an empty tensor (" + value(id).name + ")"};
  Require(position != inputs.end(), "a fragment reads a value that is neither its input nor computed");
  std::string outer = std::move(base_name_);
  base_name_ = value(id).name;
  Term term = Load({static_cast<int32_t>(position - inputs.begin()), value(id).shape, value(id).strides, 0});
  base_name_ = std::move(outer);
  terms_[id] = term;
  return term;
}

void Draft::Define(ValueId id, Term term) {
  bool computed = nodes_[static_cast<size_t>(term.node)].node.kind != LoweredKind::kLoad;
  if (computed) stands_for_.try_emplace(term.node, id);
  terms_[id] = std::move(term);
}

// Final names of the nodes that are needed: of the value where a node stands for one, else the step's, made unique.
void Draft::NameNodes(Lowered& lowered, const std::vector<bool>& needed) const {
  std::set<std::string> taken;
  for (const auto& [node, id] : stands_for_) {
    if (!needed[static_cast<size_t>(node)]) continue;
    lowered.nodes[static_cast<size_t>(node)].name = value(id).name;
    taken.insert(value(id).name);
  }
  for (size_t i = 0; i < lowered.nodes.size(); ++i) {
    LoweredNode& node = lowered.nodes[i];
    if (!needed[i]) continue;
    if (stands_for_.count(static_cast<NodeId>(i)) != 0 || node.kind == LoweredKind::kConstant) continue;
    std::string base = node.name;
    for (int count = 1; !taken.insert(node.name).second; ++count) node.name = base + "_" + std::to_string(count);
  }
}

Term Draft::Load(const LeafView& view) {
  LoweredNode node;
  node.kind = LoweredKind::kLoad;
  const Value& input = value(fragment_.Inputs()[static_cast<size_t>(view.input)]);
  node.dtype = input.dtype;
  node.access.tensor = {TensorRef::Kind::kInput, view.input};
  node.access.offset = view.offset;
  std::vector<AxisList> dims;
  for (size_t i = 0; i < view.shape.size(); ++i) {
    // A dimension of stride 0 repeats one element: the load does not depend on it.
    dims.push_back(axes_.Fresh(view.shape[i]));
  }
  Term term = AddNode(std::move(node), std::move(dims));
  nodes_.back().strides = view.strides;
  term.leaf = view;
  return term;
}

Term Draft::Literal(const Attr& value, DType dtype) {
  LoweredNode node;
  node.kind = LoweredKind::kConstant;
  node.dtype = dtype;
  node.constant = value;
  if (dtype == DType::kBool) {
    node.constant = Attr(value.AsDouble() != 0);
  } else if (IsFloating(dtype)) {
    node.constant = Attr(value.AsDouble());
  } else if (value.Is<bool>()) {
    node.constant = Attr(int64_t{value.AsBool()});
  } else if (value.Is<double>()) {
    node.constant = Attr(static_cast<int64_t>(value.AsDouble()));
  }
  return AddNode(std::move(node), {});
}

Term Draft::Index(const Term& like, int64_t dim, int64_t start, int64_t step) {
  LoweredNode node;
  node.kind = LoweredKind::kIndex;
  node.dtype = DType::kInt64;
  node.start = start;
  node.step = step;
  std::vector<AxisList> dims(like.dims.size());
  dims[static_cast<size_t>(dim)] = like.dims[static_cast<size_t>(dim)];
  return AddNode(std::move(node), std::move(dims));
}

std::vector<AxisList> Draft::Broadcast(const std::vector<Term>& operands) {
  size_t rank = 0;
  for (const Term& term : operands) rank = std::max(rank, term.dims.size());
  std::vector<AxisList> dims(rank);
  for (const Term& term : operands) {
    RequireUsable(term);
    for (size_t i = 0; i < term.dims.size(); ++i) {
      AxisList& target = dims[rank - term.dims.size() + i];
      const AxisList& source = term.dims[i];
      if (source.empty()) continue;
      if (target.empty()) {
        target = source;
      } else if (!axes_.Unify(target, source)) {
        throw Refusal{"operands of " + base_name_ + " index their elements in ways that do not factor alike"};
      }
    }
  }
  return dims;
}

void Draft::Align(const Term& a, const Term& b, int64_t dim) {
  if (!axes_.Unify(a.dims[static_cast<size_t>(dim)], b.dims[static_cast<size_t>(dim)])) {
    throw Refusal{"operands of " + base_name_ + " index their elements in ways that do not factor alike"};
  }
}

Term Draft::Cast(const Term& term, DType dtype) {
  RequireUsable(term);
  Term result = term;
  result.leaf.reset();
  result.dtype = dtype;
  if (RegisterType(term.dtype) == RegisterType(dtype)) return result;
  const DraftNode& source = nodes_[static_cast<size_t>(term.node)];
  if (source.node.kind == LoweredKind::kConstant && dtype != DType::kBool) {
    Attr value = source.node.constant;
    Term literal = Literal(value, dtype);
    literal.dims = term.dims;
    return literal;
  }
  LoweredNode node;
  node.function = "cast";
  node.dtype = dtype;
  node.operands = {term.node};
  return AddNode(std::move(node), term.dims);
}

Term Draft::Pointwise(const std::string& function, DType result, std::vector<Term> operands,
                      std::optional<DType> compute) {
  DType type = RegisterType(compute.value_or(result));
  std::vector<AxisList> dims = Broadcast(operands);
  LoweredNode node;
  node.function = function;
  node.dtype = result;
  for (Term& term : operands) node.operands.push_back(Cast(term, type).node);
  return AddNode(std::move(node), std::move(dims));
}

Term Draft::Where(const Term& condition, const Term& a, const Term& b, DType result) {
  std::vector<AxisList> dims = Broadcast({condition, a, b});
  LoweredNode node;
  node.function = "where";
  node.dtype = result;
  node.operands = {Cast(condition, DType::kBool).node, Cast(a, result).node, Cast(b, result).node};
  return AddNode(std::move(node), std::move(dims));
}

// Live axes that a node depends on, as far as is known by now.
const std::set<AxisId>& Draft::AxesBelow(NodeId id, std::map<NodeId, std::set<AxisId>>& known) const {
  auto [entry, added] = known.try_emplace(id);
  std::set<AxisId>& axes = entry->second;
  if (!added) return axes;
  const DraftNode& draft = nodes_[static_cast<size_t>(id)];
  for (NodeId operand : draft.node.operands) {
    const std::set<AxisId>& below = AxesBelow(operand, known);
    axes.insert(below.begin(), below.end());
  }
  if (draft.node.kind == LoweredKind::kReduce) {
    for (AxisId axis : axes_.Resolve(draft.node.reduced)) axes.erase(axis);
  }
  const bool computed = draft.node.kind == LoweredKind::kMatmul || draft.node.kind == LoweredKind::kWindow;
  if (!computed && draft.node.kind != LoweredKind::kLoad && draft.node.kind != LoweredKind::kIndex) return axes;
  for (size_t i = 0; i < draft.dims.size(); ++i) {
    if (draft.node.kind == LoweredKind::kLoad && draft.strides[i] == 0) continue;
    for (AxisId axis : axes_.Resolve(draft.dims[i])) axes.insert(axis);
  }
  return axes;
}

bool Draft::DependsOn(const Term& term, const AxisList& axes) const {
  std::map<NodeId, std::set<AxisId>> below;
  const std::set<AxisId>& known = AxesBelow(term.node, below);
  const AxisList live = axes_.Resolve(axes);
  return std::any_of(live.begin(), live.end(), [&](AxisId axis) { return known.count(axis) != 0; });
}

// The term, made to depend on all of `axes`: a reduction over a broadcast dimension counts each element once for each index.
Term Draft::SpreadOver(const Term& term, const AxisList& axes) {
  std::map<NodeId, std::set<AxisId>> below;
  const std::set<AxisId>& known = AxesBelow(term.node, below);
  AxisList missing;
  for (AxisId axis : axes_.Resolve(axes)) {
    if (known.count(axis) == 0) missing.push_back(axis);
  }
  if (missing.empty()) return term;
  LoweredNode node;
  node.function = "spread";
  node.dtype = term.dtype;
  Term index = IndexOver({missing}, 0, 0, 1);
  node.operands = {term.node, Cast(index, RegisterType(term.dtype)).node};
  return AddNode(std::move(node), term.dims);
}

Term Draft::Reduce(const std::string& function, const Term& term, const std::vector<int64_t>& dims, bool keep) {
  RequireUsable(term);
  std::vector<AxisList> kept;
  AxisList reduced;
  for (int64_t dim = 0; dim < term.rank(); ++dim) {
    const AxisList& axes = term.dims[static_cast<size_t>(dim)];
    if (std::find(dims.begin(), dims.end(), dim) == dims.end()) {
      kept.push_back(axes);
      continue;
    }
    reduced.insert(reduced.end(), axes.begin(), axes.end());
    if (keep) kept.push_back({});
  }
  if (reduced.empty()) {   // every reduced dimension has size 1: the value itself
    Term same = function == "argmax" || function == "argmin" ? Literal(Attr(0), DType::kInt64) : term;
    same.leaf.reset();
    same.dims = std::move(kept);
    return same;
  }
  const bool arg = function == "argmax" || function == "argmin";
  Term operand = SpreadOver(term, reduced);
  LoweredNode node;
  node.kind = LoweredKind::kReduce;
  node.function = function;
  node.dtype = arg ? DType::kInt64 : term.dtype;
  node.operands = {operand.node};
  if (arg) {
    std::vector<AxisList> along;   // reduced dimensions, for the position among them
    for (int64_t dim = 0; dim < term.rank(); ++dim) {
      bool over = std::find(dims.begin(), dims.end(), dim) != dims.end();
      along.push_back(over ? term.dims[static_cast<size_t>(dim)] : AxisList{});
    }
    node.operands.push_back(LinearIndex(along, 0, 1).node);
  }
  node.reduced = reduced;
  return AddNode(std::move(node), std::move(kept));
}

Term Draft::Scan(const std::string& function, const Term& term, int64_t dim) {
  RequireUsable(term);
  const AxisList along = term.dims[static_cast<size_t>(dim)];
  const bool position = function.ends_with(".position");
  if (along.empty()) {   // one element: the value itself
    Term same = position ? Literal(Attr(0), DType::kInt64) : term;
    same.leaf.reset();
    same.dims = term.dims;
    return same;
  }
  LoweredNode node;
  node.kind = LoweredKind::kScan;
  node.function = function;
  node.dtype = position ? DType::kInt64 : term.dtype;
  node.operands = {SpreadOver(term, along).node};
  if (function.starts_with("cummax") || function.starts_with("cummin")) {
    auto [known, added] = scan_positions_.try_emplace({node.operands[0], dim}, -1);
    if (added) known->second = IndexOver(term.dims, static_cast<size_t>(dim), 0, 1).node;
    node.operands.push_back(known->second);   // the same for value and position, which are found together
  }
  node.reduced = along;
  return AddNode(std::move(node), term.dims);
}

// (..., M, K) and (..., K, N) as (..., M, 1, K) and (..., 1, N, K), multiplied and summed over the last.
Term Draft::SumOfProducts(const Term& left, const Term& right, DType result) {
  Term a = left, b = right;
  a.dims.insert(a.dims.end() - 1, AxisList{});
  std::swap(b.dims[b.dims.size() - 1], b.dims[b.dims.size() - 2]);
  b.dims.insert(b.dims.end() - 2, AxisList{});
  a.leaf.reset();
  b.leaf.reset();
  Term product = Pointwise("mul", result, {a, b});
  return Reduce("sum", product, {product.rank() - 1}, false);
}

Term Draft::Matmul(const Term& left_operand, const Term& right_operand, DType result, bool convolution) {
  RequireUsable(left_operand);
  RequireUsable(right_operand);
  const AxisList &left_k = left_operand.dims.back(), &right_k = right_operand.dims[right_operand.dims.size() - 2];
  // A sum of one product is that product; one sum is a reduction, as are sums in types without fast products.
  if (left_k.empty() && !convolution) return Pointwise("mul", result, {left_operand, right_operand});
  const bool one = !DependsOn(left_operand, left_operand.dims[left_operand.dims.size() - 2]) && !DependsOn(right_operand, right_operand.dims.back());
  const bool slow = !IsFloating(left_operand.dtype) || left_operand.dtype == DType::kFloat64;
  if ((one || slow) && !convolution) return SumOfProducts(left_operand, right_operand, result);
  const Term a = SpreadOver(left_operand, left_k), b = SpreadOver(right_operand, right_k);
  std::vector<AxisList> left(a.dims.begin(), a.dims.end() - 2), right(b.dims.begin(), b.dims.end() - 2);
  Term left_batch = a, right_batch = b;
  left_batch.dims = left;
  right_batch.dims = right;
  std::vector<AxisList> dims = Broadcast({left_batch, right_batch});
  const AxisList& k = a.dims.back();
  if (!axes_.Unify(k, b.dims[b.dims.size() - 2])) throw Refusal{"the inner sizes of " + base_name_ + " do not factor alike"};
  dims.push_back(a.dims[a.dims.size() - 2]);
  dims.push_back(b.dims.back());
  LoweredNode node;
  node.kind = LoweredKind::kMatmul;
  node.function = "matmul";
  node.dtype = result;
  node.operands = {a.node, b.node};
  node.k_axes = k;
  node.convolution = convolution;
  return AddNode(std::move(node), std::move(dims));
}

Term Draft::WindowOf(const std::string& function, Window window, int64_t groups, const Term& input,
                     const std::optional<Term>& weight, DType result) {
  window.batch = axes_.Fresh(Size(input, 0));
  window.groups = axes_.Fresh(groups);
  window.in_batch = input.dims[0];
  window.in_groups = axes_.Fresh(groups);
  window.in_channels = axes_.Fresh(Size(input, 1) / groups);
  bool splits = axes_.Unify(input.dims[1], Concatenate({window.in_groups, window.in_channels}));
  LoweredNode node;
  node.operands = {input.node};
  if (weight) {
    const int64_t out = window.transposed ? Size(*weight, 1) : Size(*weight, 0) / groups;
    window.channels = axes_.Fresh(out);
    window.weight_groups = axes_.Fresh(groups);
    AxisList split = axes_.Fresh(Size(*weight, 0) / groups);
    splits = splits && axes_.Unify(weight->dims[0], Concatenate({window.weight_groups, split}));
    window.weight_out = window.transposed ? weight->dims[1] : split;
    window.weight_in = window.transposed ? split : weight->dims[1];
    window.taps.assign(weight->dims.begin() + 2, weight->dims.end());
    node.operands.push_back(weight->node);
  }
  if (!splits) throw Refusal{"the channels of " + base_name_ + " do not factor into its groups"};
  std::vector<AxisList> dims = {window.batch, Concatenate({window.groups, window.channels})};
  for (size_t i = 0; i < window.dims.size(); ++i) {
    window.in_space.push_back(input.dims[i + 2]);
    window.space.push_back(axes_.Fresh(window.dims[i].output));
    dims.push_back(window.space.back());
  }
  node.kind = LoweredKind::kWindow;
  node.function = function;
  node.dtype = result;
  node.window = std::move(window);
  return AddNode(std::move(node), std::move(dims));
}

Term Draft::Detach(const Term& term) {
  RequireUsable(term);
  std::map<AxisId, AxisList> renamed;
  auto rename = [&](const AxisList& axes) {
    AxisList result;
    for (AxisId axis : axes_.Resolve(axes)) {
      auto [entry, added] = renamed.try_emplace(axis);
      if (added) entry->second = axes_.Fresh(axes_.size(axis));
      result.push_back(entry->second.front());
    }
    return result;
  };
  std::map<NodeId, NodeId> copies;
  std::function<NodeId(NodeId)> copy = [&](NodeId id) {
    auto known = copies.find(id);
    if (known != copies.end()) return known->second;
    DraftNode made = nodes_[static_cast<size_t>(id)];
    const LoweredKind kind = made.node.kind;
    const bool repeatable = kind == LoweredKind::kLoad || kind == LoweredKind::kConstant || kind == LoweredKind::kIndex ||
                            kind == LoweredKind::kPointwise;
    if (!repeatable) {
      throw Refusal{base_name_ + " reads " + made.node.name + " several times an element"};
    }
    for (AxisList& dim : made.dims) dim = rename(dim);
    for (NodeId& operand : made.node.operands) operand = copy(operand);
    nodes_.push_back(std::move(made));
    return copies[id] = static_cast<NodeId>(nodes_.size() - 1);
  };
  Term result = term;
  result.node = copy(term.node);
  result.leaf.reset();
  for (AxisList& dim : result.dims) dim = rename(dim);
  return result;
}

Term Draft::Reshape(const Term& term, const Shape& shape) {
  RequireUsable(term);
  Term result = term;
  result.leaf.reset();
  result.dims.clear();
  for (int64_t size : shape) result.dims.push_back(axes_.Fresh(size));
  if (axes_.CanUnify(Concatenate(term.dims), Concatenate(result.dims))) {
    axes_.Unify(Concatenate(term.dims), Concatenate(result.dims));
    return result;
  }
  Term flat = term;   // sizes that do not factor alike (2 x 3 as 3 x 2): through the position in row-major order
  flat.dims = {Concatenate(term.dims)};
  return Take(flat, {{0, {LinearIndex(result.dims, 0, 1), std::nullopt}}}, result.dims);
}

Term Draft::Permute(const Term& term, const std::vector<int64_t>& order) {
  RequireUsable(term);
  Term result = term;
  result.leaf.reset();
  for (size_t i = 0; i < order.size(); ++i) result.dims[i] = term.dims[static_cast<size_t>(order[i])];
  return result;
}

Term Draft::Expand(const Term& term, const Shape& shape) {
  RequireUsable(term);
  Term result = term;
  result.leaf.reset();
  result.dims.assign(shape.size(), {});
  size_t lead = shape.size() - term.dims.size();
  for (size_t i = 0; i < shape.size(); ++i) {
    const AxisList axes = i < lead ? AxisList{} : term.dims[i - lead];
    result.dims[i] = axes.empty() ? axes_.Fresh(shape[i]) : axes;
  }
  return result;
}

Term Draft::Unsqueeze(const Term& term, int64_t dim) {
  RequireUsable(term);
  Term result = term;
  result.leaf.reset();
  result.dims.insert(result.dims.begin() + dim, AxisList{});
  return result;
}

Access Draft::MakeAccess(TensorRef tensor, const std::vector<AxisList>& dims, const Shape& strides,
                         int64_t offset) const {
  Access access;
  access.tensor = tensor;
  access.offset = offset;
  for (size_t i = 0; i < dims.size(); ++i) {
    AxisList axes = axes_.Resolve(dims[i]);
    std::vector<int64_t> axis_strides(axes.size());
    int64_t stride = strides[i];
    for (size_t j = axes.size(); j-- > 0; stride *= axes_.size(axes[j])) axis_strides[j] = stride;
    access.axes.insert(access.axes.end(), axes.begin(), axes.end());
    access.strides.insert(access.strides.end(), axis_strides.begin(), axis_strides.end());
  }
  return access;
}

// Fills in the axes of one node from its dimensions and its operands, which are done already.
void Draft::ResolveNode(size_t index, Lowered& lowered) const {
  const DraftNode& draft = nodes_[index];
  LoweredNode& node = lowered.nodes[index];
  AxisList all;
  for (const AxisList& dim : draft.dims) {
    AxisList axes = axes_.Resolve(dim);
    all.insert(all.end(), axes.begin(), axes.end());
  }
  if (HasRepeats(all)) throw Refusal{node.name + " would be read at two positions of one value"};
  if (node.kind == LoweredKind::kLoad) {
    Access whole = MakeAccess(node.access.tensor, draft.dims, draft.strides, node.access.offset);
    node.access.axes.clear();
    for (size_t i = 0; i < whole.axes.size(); ++i) {   // an expanded axis repeats one element: no dependence
      if (whole.strides[i] == 0) continue;
      node.access.axes.push_back(whole.axes[i]);
      node.access.strides.push_back(whole.strides[i]);
    }
    for (NodeId operand : node.operands) {
      for (AxisId axis : lowered.node(operand).axes) {
        if (!Contains(node.access.axes, axis) && !Contains(node.access.indexed_axes, axis)) node.access.indexed_axes.push_back(axis);
      }
    }
    node.axes = node.access.axes;
    node.axes.insert(node.axes.end(), node.access.indexed_axes.begin(), node.access.indexed_axes.end());
    return;
  }
  if (node.kind == LoweredKind::kConstant || node.kind == LoweredKind::kIndex) {
    node.axes = node.kind == LoweredKind::kIndex ? all : AxisList{};
    return;
  }
  if (node.kind == LoweredKind::kWindow) {
    node.axes = all;
    for (AxisList* list : node.window.Lists()) *list = axes_.Resolve(*list);
    return;
  }
  node.axes.clear();
  for (AxisId axis : all) {
    for (NodeId operand : node.operands) {
      if (!Contains(lowered.node(operand).axes, axis)) continue;
      node.axes.push_back(axis);
      break;
    }
  }
  if (node.kind == LoweredKind::kScan) node.reduced = axes_.Resolve(node.reduced);
  if (node.kind == LoweredKind::kReduce) {
    node.reduced = axes_.Resolve(node.reduced);
    for (AxisId axis : node.reduced) {
      if (!Contains(lowered.node(node.operands[0]).axes, axis)) throw Refusal{node.name + " reduces a broadcast dimension"};
      if (Contains(all, axis)) throw Refusal{node.name + " would be read at two positions of one value"};
    }
  }
  if (node.kind == LoweredKind::kMatmul) {
    node.k_axes = axes_.Resolve(node.k_axes);
    const AxisList &a = lowered.node(node.operands[0]).axes, &b = lowered.node(node.operands[1]).axes;
    for (AxisId axis : node.k_axes) {
      if (Contains(all, axis)) throw Refusal{node.name + " would be read at two positions of one value"};
      if (!Contains(a, axis) || !Contains(b, axis)) throw Refusal{node.name + " sums over a broadcast dimension"};
    }
    for (AxisId axis : node.axes) {
      bool in_a = Contains(a, axis), in_b = Contains(b, axis);
      (in_a && in_b ? node.batch_axes : in_a ? node.m_axes : node.n_axes).push_back(axis);
    }
  }
}

namespace {

// Which nodes `roots` need, themselves included.
std::vector<bool> Needed(const std::vector<LoweredNode>& nodes, const std::vector<NodeId>& roots) {
  std::vector<bool> needed(nodes.size(), false);
  for (NodeId root : roots) needed[static_cast<size_t>(root)] = true;
  for (size_t i = nodes.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (NodeId operand : nodes[i].operands) needed[static_cast<size_t>(operand)] = true;
  }
  return needed;
}

// Drops what no store needs and renumbers nodes and axes compactly.
class Compactor {
 public:
  explicit Compactor(Lowered& lowered) : lowered_(lowered), node_ids_(lowered.nodes.size(), -1) {}

  void Run(const AxisTable& table, const std::vector<bool>& needed) {
    std::vector<LoweredNode> kept;
    for (size_t i = 0; i < lowered_.nodes.size(); ++i) {
      if (!needed[i]) continue;
      node_ids_[i] = static_cast<NodeId>(kept.size());
      LoweredNode node = std::move(lowered_.nodes[i]);
      for (NodeId& operand : node.operands) operand = node_ids_[static_cast<size_t>(operand)];
      kept.push_back(std::move(node));
    }
    lowered_.nodes = std::move(kept);
    for (LoweredNode& node : lowered_.nodes) {
      for (AxisList* list : {&node.axes, &node.access.axes, &node.access.indexed_axes, &node.reduced, &node.batch_axes, &node.m_axes, &node.n_axes,
                             &node.k_axes}) {
        Renumber(*list, table);
      }
      for (AxisList* list : node.window.Lists()) Renumber(*list, table);
    }
    for (LoweredStore& store : lowered_.stores) {
      store.node = node_ids_[static_cast<size_t>(store.node)];
      Renumber(store.access.axes, table);
    }
  }

 private:
  void Renumber(AxisList& axes, const AxisTable& table) {
    for (AxisId& axis : axes) {
      auto [entry, added] = axis_ids_.try_emplace(axis, static_cast<AxisId>(lowered_.axes.size()));
      if (added) lowered_.axes.push_back({table.size(axis)});
      axis = entry->second;
    }
  }

  Lowered& lowered_;
  std::vector<NodeId> node_ids_;
  std::map<AxisId, AxisId> axis_ids_;
};

}  // namespace

Lowered Draft::Finish(const std::vector<BufferSpec>& buffers, const std::vector<Term>& stored,
                      std::vector<ResultView> results, std::vector<std::string> operators) {
  Lowered lowered;
  lowered.fragment = &fragment_;
  lowered.buffers = buffers;
  lowered.results = std::move(results);
  lowered.operators = std::move(operators);
  for (const DraftNode& draft : nodes_) lowered.nodes.push_back(draft.node);
  std::vector<NodeId> roots;
  for (const Term& term : stored) {
    if (term.node >= 0) roots.push_back(term.node);
  }
  const std::vector<bool> needed = Needed(lowered.nodes, roots);
  NameNodes(lowered, needed);
  for (size_t i = 0; i < nodes_.size(); ++i) ResolveNode(i, lowered);
  for (size_t i = 0; i < stored.size(); ++i) {
    if (stored[i].node < 0) continue;   // no elements
    RequireUsable(stored[i]);
    TensorRef tensor{TensorRef::Kind::kBuffer, static_cast<int32_t>(i)};
    Access access = MakeAccess(tensor, stored[i].dims, buffers[i].strides, 0);
    if (HasRepeats(access.axes)) throw Refusal{buffers[i].name + " would be read at two positions of one value"};
    lowered.stores.push_back({stored[i].node, std::move(access)});
  }
  Compactor(lowered).Run(axes_, needed);
  return lowered;
}

}  // namespace drtriton
