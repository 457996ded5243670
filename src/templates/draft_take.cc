// Draft::Take: a value read at other positions.  See draft.h.  Tested through lower_test.cc.
//
// Nothing is moved: the loads below the value get other addresses.  An index that is start + step * axis stays part of
// the strides (a slice, a flip, a pad); any other index becomes an operand of the load (gather, roll).  Scalar functions
// between are repeated on the moved loads, reductions too where they depend on what moved; what does not depend on it is
// shared with the original (the maximum and the sum of log_softmax(x).gather(-1, t)).
#include <algorithm>
#include <set>

#include "templates/draft.h"

namespace drtriton {

class Taker {
 public:
  Taker(Draft& draft, const Term& source, const std::map<int64_t, Draft::Position>& at, const std::vector<AxisList>& dims)
      : draft_(draft), source_(source), dims_(dims) {
    for (const auto& [dim, position] : at) {
      AxisList axes = draft.axes_.Resolve(source.dims[static_cast<size_t>(dim)]);
      if (axes.empty()) continue;   // one element: its position is known
      moved_.insert(axes.begin(), axes.end());
      moves_.push_back({dim, axes, position});
    }
    for (const AxisList& dim : dims) {
      for (AxisId axis : draft.axes_.Resolve(dim)) result_axes_.insert(axis);
    }
  }

  NodeId Rebuild(NodeId id) {
    if (!Depends(id)) return id;
    auto known = rebuilt_.find(id);
    if (known != rebuilt_.end()) return known->second;
    // Copies, since adding nodes moves them.
    Draft::DraftNode old = draft_.nodes_[static_cast<size_t>(id)];
    NodeId made = -1;
    if (old.node.kind == LoweredKind::kReduce) {
      RequireFree(old);
      std::map<int64_t, Draft::Position> outer = OuterMoves(id);
      if (outer.size() < moves_.size()) return rebuilt_[id] = Taker(draft_, source_, outer, dims_).RebuildOperation(old);
    }
    switch (old.node.kind) {
      case LoweredKind::kLoad: made = RebuildLoad(old); break;
      case LoweredKind::kIndex: made = RebuildIndex(old); break;
      case LoweredKind::kPointwise:
      case LoweredKind::kReduce: made = RebuildOperation(old); break;
      default: throw Refusal{"elements of " + old.node.name + " are read again at other positions"};
    }
    rebuilt_[id] = made;
    return made;
  }

 private:
  struct Move {
    int64_t dim;     // of the source
    AxisList axes;   // of the dimension that the position replaces, live, outermost first
    Draft::Position position;
  };
  // Neighbouring axes of a moved dimension that one stride spans.
  struct Group {
    int64_t size = 1, inner = 1, stride = 0;
  };

  // Whether any axis that moves is among those that the node's dimensions or operands run over.
  bool Depends(NodeId id) {
    auto known = depends_.find(id);
    if (known != depends_.end()) return known->second;
    const Draft::DraftNode& draft = draft_.nodes_[static_cast<size_t>(id)];
    bool depends = false;
    // A window's axes are its own, in none of its operands.
    if (draft.node.kind == LoweredKind::kLoad || draft.node.kind == LoweredKind::kIndex || draft.node.kind == LoweredKind::kWindow) {
      for (const AxisList& dim : draft.dims) {
        for (AxisId axis : draft_.axes_.Resolve(dim)) depends = depends || moved_.count(axis) != 0;
      }
    }
    std::vector<NodeId> operands = draft.node.operands;
    for (NodeId operand : operands) depends = Depends(operand) || depends;
    if (depends && draft.node.kind == LoweredKind::kReduce) {
      // Axes that the node itself reduces are bound there; others may move.
      std::map<int64_t, Draft::Position> outer = OuterMoves(id);
      if (outer.size() < moves_.size()) depends = !outer.empty() && Taker(draft_, source_, outer, dims_).DependsBelow(id);
    }
    return depends_[id] = depends;
  }

  // For a reduction over moved axes: whether the moves that it leaves free concern its operand.
  bool DependsBelow(NodeId id) { return Depends(draft_.nodes_[static_cast<size_t>(id)].node.operands[0]); }

  // A position that runs over what the reduction reduces would be bound by it.
  void RequireFree(const Draft::DraftNode& reduction) const {
    for (const Move& move : moves_) {
      const bool bound = draft_.DependsOn(move.position.index, reduction.node.reduced) ||
                         (move.position.guard && draft_.DependsOn(*move.position.guard, reduction.node.reduced));
      if (bound) throw Refusal{reduction.node.name + " is read at positions along what it reduces"};
    }
  }

  // The moves along dimensions that the reduction does not reduce.
  std::map<int64_t, Draft::Position> OuterMoves(NodeId id) const {
    const Draft::DraftNode& draft = draft_.nodes_[static_cast<size_t>(id)];
    AxisList reduced = draft_.axes_.Resolve(draft.node.reduced);
    std::map<int64_t, Draft::Position> outer;
    for (const Move& move : moves_) {
      size_t bound = 0;
      for (AxisId axis : move.axes) bound += std::find(reduced.begin(), reduced.end(), axis) != reduced.end() ? 1 : 0;
      if (bound == 0) outer.emplace(move.dim, move.position);
      if (bound != 0 && bound != move.axes.size()) throw Refusal{draft.node.name + " is read again at other positions of what it reduces"};
    }
    return outer;
  }

  // The result's dimensions, and behind them whatever else the old value ran over (reduced axes further up).
  std::vector<AxisList> NewDims(const Draft::DraftNode& old) const {
    std::vector<AxisList> dims;
    const AxisList reduced = draft_.axes_.Resolve(old.node.reduced);   // the node's own: its result does not run over them
    for (const AxisList& dim : dims_) {
      dims.emplace_back();
      for (AxisId axis : draft_.axes_.Resolve(dim)) {
        if (std::find(reduced.begin(), reduced.end(), axis) == reduced.end()) dims.back().push_back(axis);
      }
    }
    for (const AxisList& dim : old.dims) {
      for (AxisId axis : draft_.axes_.Resolve(dim)) {
        if (moved_.count(axis) == 0 && result_axes_.count(axis) == 0) dims.push_back({axis});
      }
    }
    return dims;
  }

  NodeId Add(LoweredNode node, std::vector<AxisList> dims) {
    std::string name = node.name;
    Term term = draft_.AddNode(std::move(node), std::move(dims));
    if (!name.empty()) draft_.nodes_.back().node.name = name;
    return term.node;
  }

  NodeId RebuildOperation(const Draft::DraftNode& old) {
    LoweredNode node = old.node;
    for (NodeId& operand : node.operands) operand = Rebuild(operand);
    return Add(std::move(node), NewDims(old));
  }

  std::vector<Group> Groups(const Move& move, const std::map<AxisId, int64_t>& strides) const {
    std::vector<Group> groups;   // innermost first
    int64_t inner = 1;
    for (size_t i = move.axes.size(); i-- > 0; inner *= draft_.axes_.size(move.axes[i])) {
      auto found = strides.find(move.axes[i]);
      int64_t size = draft_.axes_.size(move.axes[i]), stride = found == strides.end() ? 0 : found->second;
      if (!groups.empty() && groups.back().stride * groups.back().size == stride) {
        groups.back().size *= size;
      } else {
        groups.push_back({size, inner, stride});
      }
    }
    return groups;
  }

  // (index // inner) % size
  Term PartOf(const Move& move, const Group& group, bool outermost) {
    Term index = move.position.index;
    auto literal = [&](int64_t value) { return draft_.Literal(Attr(value), DType::kInt64); };
    if (group.inner != 1) index = draft_.Pointwise("floor_divide_positive", DType::kInt64, {index, literal(group.inner)});
    if (!outermost) index = draft_.Pointwise("remainder_positive", DType::kInt64, {index, literal(group.size)});
    return index;
  }

  NodeId RebuildLoad(const Draft::DraftNode& old) {
    LoweredNode node = old.node;
    std::vector<NodeId> indices(node.operands.begin(), node.operands.begin() + static_cast<ptrdiff_t>(node.index_strides.size()));
    std::vector<NodeId> guards(node.operands.begin() + static_cast<ptrdiff_t>(node.index_strides.size()), node.operands.end());
    for (NodeId& operand : indices) operand = Rebuild(operand);
    for (NodeId& operand : guards) operand = Rebuild(operand);
    std::map<AxisId, int64_t> strides;
    std::vector<AxisList> dims;
    Shape dim_strides;
    for (size_t i = 0; i < old.dims.size(); ++i) {
      AxisList axes = draft_.axes_.Resolve(old.dims[i]);
      int64_t stride = old.strides[i];
      for (size_t j = axes.size(); j-- > 0; stride *= draft_.axes_.size(axes[j])) {
        if (moved_.count(axes[j]) != 0) {
          strides[axes[j]] += stride;
        } else {
          dims.push_back({axes[j]});
          dim_strides.push_back(stride);
        }
      }
    }
    for (const Move& move : moves_) {
      std::vector<Group> groups = Groups(move, strides);
      bool reads = false;
      for (size_t i = 0; i < groups.size(); ++i) {
        if (groups[i].stride == 0) continue;
        reads = true;
        const LoweredNode& index = draft_.nodes_[static_cast<size_t>(move.position.index.node)].node;
        if (groups.size() == 1 && index.kind == LoweredKind::kIndex) {
          AddAffine(move.position.index, groups[i].stride, node, dims, dim_strides);
        } else if (groups.size() == 1 && index.kind == LoweredKind::kConstant) {
          node.access.offset += index.constant.AsInt() * groups[i].stride;
        } else {
          indices.push_back(PartOf(move, groups[i], i + 1 == groups.size()).node);
          node.index_strides.push_back(groups[i].stride);
        }
      }
      if (reads && move.position.guard) guards.push_back(move.position.guard->node);
    }
    node.operands = indices;
    node.operands.insert(node.operands.end(), guards.begin(), guards.end());
    node.guards = static_cast<int>(guards.size());
    NodeId id = Add(std::move(node), std::move(dims));
    draft_.nodes_[static_cast<size_t>(id)].strides = std::move(dim_strides);
    return id;
  }

  // start + step * axis as part of the strides.
  void AddAffine(const Term& index, int64_t stride, LoweredNode& node, std::vector<AxisList>& dims, Shape& strides) {
    const Draft::DraftNode& draft = draft_.nodes_[static_cast<size_t>(index.node)];
    node.access.offset += draft.node.start * stride;
    AxisList axes;
    for (const AxisList& dim : draft.dims) {
      AxisList part = draft_.axes_.Resolve(dim);
      axes.insert(axes.end(), part.begin(), part.end());
    }
    auto same = std::find(dims.begin(), dims.end(), axes);
    if (same != dims.end()) {   // a diagonal: one axis along two dimensions
      strides[static_cast<size_t>(same - dims.begin())] += draft.node.step * stride;
      return;
    }
    dims.push_back(axes);
    strides.push_back(draft.node.step * stride);
  }

  // An index along moved axes: the sum of their parts' positions.
  NodeId RebuildIndex(const Draft::DraftNode& old) {
    std::map<AxisId, int64_t> strides;
    AxisList axes, kept;
    std::vector<int64_t> kept_strides;
    for (const AxisList& dim : old.dims) {
      AxisList part = draft_.axes_.Resolve(dim);
      axes.insert(axes.end(), part.begin(), part.end());
    }
    int64_t stride = old.node.step;
    std::optional<Term> sum;
    auto add = [&](Term term, int64_t by) {
      if (by != 1) term = draft_.Pointwise("mul", DType::kInt64, {term, draft_.Literal(Attr(by), DType::kInt64)});
      sum = sum ? draft_.Pointwise("add", DType::kInt64, {*sum, term}) : term;
    };
    for (size_t j = axes.size(); j-- > 0; stride *= draft_.axes_.size(axes[j])) {
      if (moved_.count(axes[j]) != 0) {
        strides[axes[j]] = stride;
      } else {
        add(draft_.IndexOver({{axes[j]}}, 0, 0, 1), stride);
      }
    }
    for (const Move& move : moves_) {
      std::vector<Group> groups = Groups(move, strides);
      for (size_t i = 0; i < groups.size(); ++i) {
        if (groups[i].stride != 0) add(PartOf(move, groups[i], i + 1 == groups.size()), groups[i].stride);
      }
    }
    if (old.node.start != 0) add(draft_.Literal(Attr(old.node.start), DType::kInt64), 1);
    return sum->node;
  }

  Draft& draft_;
  const Term& source_;
  const std::vector<AxisList>& dims_;
  std::vector<Move> moves_;
  std::set<AxisId> moved_, result_axes_;
  std::map<NodeId, NodeId> rebuilt_;
  std::map<NodeId, bool> depends_;
};

std::vector<AxisList> Draft::FreshDims(const Shape& shape) {
  std::vector<AxisList> dims;
  for (int64_t size : shape) dims.push_back(axes_.Fresh(size));
  return dims;
}

Term Draft::IndexOver(const std::vector<AxisList>& dims, size_t dim, int64_t start, int64_t step) {
  if (dims[dim].empty()) {   // one element
    Term term = Literal(Attr(start), DType::kInt64);
    term.dims.resize(dims.size());
    return term;
  }
  LoweredNode node;
  node.kind = LoweredKind::kIndex;
  node.dtype = DType::kInt64;
  node.start = start;
  node.step = step;
  std::vector<AxisList> along(dims.size());
  along[dim] = dims[dim];
  std::string outer = std::move(base_name_);
  base_name_ = "position";
  Term term = AddNode(std::move(node), std::move(along));
  base_name_ = std::move(outer);
  return term;
}

Term Draft::LinearIndex(const std::vector<AxisList>& dims, int64_t start, int64_t step) {
  AxisList all;
  for (const AxisList& dim : dims) all.insert(all.end(), dim.begin(), dim.end());
  Term term = IndexOver({all}, 0, start, step);
  if (!all.empty()) nodes_[static_cast<size_t>(term.node)].dims = dims;
  term.dims = dims;
  return term;
}

Term Draft::Take(const Term& source, const std::map<int64_t, Position>& at, std::vector<AxisList> dims) {
  RequireUsable(source);
  Term result = source;
  result.leaf.reset();
  result.node = Taker(*this, source, at, dims).Rebuild(source.node);
  result.dims = std::move(dims);
  return result;
}

}  // namespace drtriton
