// See stages.h.  Tested by stages_test.cc.
#include "templates/stages.h"

#include <algorithm>
#include <map>
#include <set>

#include "templates/layout.h"

namespace drtriton {
namespace {

using AxisSet = std::set<AxisId>;

bool IsHeavy(const LoweredNode& node) {
  return node.kind == LoweredKind::kReduce || node.kind == LoweredKind::kScan || node.kind == LoweredKind::kMatmul ||
         node.kind == LoweredKind::kWindow;
}

AxisSet SetOf(const AxisList& axes) { return AxisSet(axes.begin(), axes.end()); }

struct Stage {
  LoweredKind kind = LoweredKind::kPointwise;   // of its heavy nodes
  AxisSet rows, columns;                        // kPointwise: all axes are rows
  std::vector<NodeId> heavy;
  std::vector<size_t> stores;
};

class Cutter {
 public:
  explicit Cutter(const Lowered& lowered) : lowered_(lowered), depends_(lowered.nodes.size()) {
    for (size_t i = 0; i < lowered.nodes.size(); ++i) {
      for (NodeId operand : lowered.nodes[i].operands) {
        const std::set<NodeId>& below = depends_[static_cast<size_t>(operand)];
        depends_[i].insert(below.begin(), below.end());
        if (IsHeavy(lowered.node(operand))) depends_[i].insert(operand);
      }
      if (IsHeavy(lowered.nodes[i])) PlaceHeavy(static_cast<NodeId>(i));
    }
    for (size_t i = 0; i < lowered.stores.size(); ++i) PlaceStore(i);
  }

  StagePlan Run() {
    StagePlan plan;
    plan.whole = lowered_;
    AddBuffers(plan.whole);
    for (const Stage& stage : stages_) plan.parts.push_back(Extract(stage, plan.whole));
    return plan;
  }

 private:
  void PlaceHeavy(NodeId id) {
    const LoweredNode& node = lowered_.node(id);
    Stage wanted{node.kind, SetOf(Without(node.axes, node.reduced)), SetOf(node.reduced), {}, {}};
    // Reductions of one kind of rows share a stage, those of reductions before them too; anything else is on its own.
    const bool shares = node.kind == LoweredKind::kReduce || node.kind == LoweredKind::kScan;
    size_t first = 0;
    for (NodeId below : depends_[static_cast<size_t>(id)]) {
      size_t stage = stage_of_.at(below);
      first = std::max(first, shares && Same(stages_[stage], wanted) ? stage : stage + 1);
    }
    for (size_t i = first; shares && i < stages_.size(); ++i) {
      if (!Same(stages_[i], wanted)) continue;
      stages_[i].heavy.push_back(id);
      stage_of_[id] = i;
      return;
    }
    wanted.heavy = {id};
    stage_of_[id] = stages_.size();
    stages_.push_back(std::move(wanted));
  }

  static bool Same(const Stage& a, const Stage& b) { return a.kind == b.kind && a.rows == b.rows && a.columns == b.columns; }

  void PlaceStore(size_t index) {
    const LoweredStore& store = lowered_.stores[index];
    std::set<NodeId> below = depends_[static_cast<size_t>(store.node)];
    if (IsHeavy(lowered_.node(store.node))) below.insert(store.node);
    size_t first = 0;
    for (NodeId id : below) first = std::max(first, stage_of_.at(id));
    AxisSet axes = SetOf(store.access.axes);
    for (size_t i = first; i < stages_.size(); ++i) {
      if (!Suits(stages_[i], i, axes, below)) continue;
      stages_[i].stores.push_back(index);
      return;
    }
    Stage wanted;
    wanted.rows = axes;
    wanted.stores = {index};
    stages_.push_back(std::move(wanted));
  }

  bool Suits(const Stage& stage, size_t index, const AxisSet& axes, const std::set<NodeId>& below) const {
    AxisSet all = stage.rows;
    all.insert(stage.columns.begin(), stage.columns.end());
    if (stage.kind == LoweredKind::kReduce) return axes == all || axes == stage.rows;
    if (stage.kind == LoweredKind::kScan || stage.kind == LoweredKind::kPointwise) return axes == all;
    // Behind a product only what reads that product.
    bool reads = std::any_of(below.begin(), below.end(), [&](NodeId id) { return stage_of_.at(id) == index; });
    return reads && axes == stage.rows;
  }

  // One for each heavy node that a later stage reads.
  void AddBuffers(Lowered& whole) {
    for (size_t s = 0; s < stages_.size(); ++s) {
      for (NodeId id : Reads(stages_[s])) {
        if (stage_of_.at(id) == s || buffer_of_.count(id) != 0) continue;
        const LoweredNode& node = lowered_.node(id);
        Shape shape;
        for (AxisId axis : node.axes) shape.push_back(lowered_.size(axis));
        buffer_of_[id] = static_cast<int32_t>(whole.buffers.size());
        whole.buffers.push_back({node.name, RegisterType(node.dtype), shape, ContiguousStrides(shape)});
      }
    }
  }

  // Heavy nodes that a stage's own work meets first on the way down.
  std::set<NodeId> Reads(const Stage& stage) const {
    std::set<NodeId> reads, seen;
    std::vector<NodeId> open;
    for (NodeId id : stage.heavy) open.insert(open.end(), lowered_.node(id).operands.begin(), lowered_.node(id).operands.end());
    for (size_t store : stage.stores) open.push_back(lowered_.stores[store].node);
    while (!open.empty()) {
      NodeId id = open.back();
      open.pop_back();
      if (!seen.insert(id).second) continue;
      if (IsHeavy(lowered_.node(id))) {
        reads.insert(id);
      } else {
        open.insert(open.end(), lowered_.node(id).operands.begin(), lowered_.node(id).operands.end());
      }
    }
    return reads;
  }

  // The stage's nodes with axes and ids of their own; what earlier stages left becomes loads.
  Lowered Extract(const Stage& stage, const Lowered& whole) {
    part_ = Lowered();
    part_.fragment = whole.fragment;
    part_.buffers = whole.buffers;
    part_.operators = whole.operators;
    nodes_.clear();
    axes_.clear();
    own_ = std::set<NodeId>(stage.heavy.begin(), stage.heavy.end());
    for (NodeId id : stage.heavy) {
      auto buffer = buffer_of_.find(id);
      NodeId here = Copy(id);
      if (buffer != buffer_of_.end()) part_.stores.push_back({here, BufferAccess(lowered_.node(id), buffer->second)});
    }
    for (size_t index : stage.stores) {
      LoweredStore store = lowered_.stores[index];
      store.node = Copy(store.node);
      Renumber(store.access.axes);
      part_.stores.push_back(std::move(store));
    }
    return std::move(part_);
  }

  NodeId Copy(NodeId id) {
    auto known = nodes_.find(id);
    if (known != nodes_.end()) return known->second;
    LoweredNode node = lowered_.node(id);
    if (IsHeavy(node) && own_.count(id) == 0) {
      LoweredNode load;
      load.kind = LoweredKind::kLoad;
      load.dtype = RegisterType(node.dtype);
      load.name = node.name;
      load.access = BufferAccess(node, buffer_of_.at(id));
      load.axes = load.access.axes;
      node = std::move(load);
    } else {
      for (NodeId& operand : node.operands) operand = Copy(operand);
      for (AxisList* list : {&node.axes, &node.access.axes, &node.access.indexed_axes, &node.reduced, &node.batch_axes,
                             &node.m_axes, &node.n_axes, &node.k_axes}) {
        Renumber(*list);
      }
      for (AxisList* list : node.window.Lists()) Renumber(*list);
    }
    part_.nodes.push_back(std::move(node));
    return nodes_[id] = static_cast<NodeId>(part_.nodes.size() - 1);
  }

  Access BufferAccess(const LoweredNode& node, int32_t buffer) {
    Access access;
    access.tensor = {TensorRef::Kind::kBuffer, buffer};
    access.axes = node.axes;
    access.strides = part_.buffers[static_cast<size_t>(buffer)].strides;
    Renumber(access.axes);
    return access;
  }

  void Renumber(AxisList& axes) {
    for (AxisId& axis : axes) {
      auto [entry, added] = axes_.try_emplace(axis, static_cast<AxisId>(part_.axes.size()));
      if (added) part_.axes.push_back({lowered_.size(axis)});
      axis = entry->second;
    }
  }

  const Lowered& lowered_;
  std::vector<std::set<NodeId>> depends_;   // heavy nodes below each node
  std::vector<Stage> stages_;
  std::map<NodeId, size_t> stage_of_;
  std::map<NodeId, int32_t> buffer_of_;
  // Of the part being extracted:
  Lowered part_;
  std::map<NodeId, NodeId> nodes_;
  std::map<AxisId, AxisId> axes_;
  std::set<NodeId> own_;
};

}  // namespace

StagePlan CutIntoStages(const Lowered& lowered) { return Cutter(lowered).Run(); }

}  // namespace drtriton
