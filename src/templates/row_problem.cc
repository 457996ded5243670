// See row_problem.h.
#include "templates/row_problem.h"

#include <algorithm>
#include <map>

#include "templates/cost.h"
#include "templates/layout.h"

namespace drtriton {
namespace {

constexpr int64_t kMostRepeats = 16;   // of a reduction for rows that share it

bool SameSet(const AxisList& a, const AxisList& b) { return a.size() == b.size() && Without(a, b).empty(); }

// Levels by counting reductions on the longest way from a load.
std::vector<std::vector<NodeId>> Levels(const Lowered& lowered) {
  std::vector<int> depth(lowered.nodes.size(), 0);   // reductions at or below a node
  std::vector<std::vector<NodeId>> levels;
  for (size_t i = 0; i < lowered.nodes.size(); ++i) {
    const LoweredNode& node = lowered.nodes[i];
    for (NodeId operand : node.operands) depth[i] = std::max(depth[i], depth[static_cast<size_t>(operand)]);
    if (node.kind != LoweredKind::kReduce) continue;
    size_t level = static_cast<size_t>(depth[i]++);
    if (levels.size() <= level) levels.resize(level + 1);
    levels[level].push_back(static_cast<NodeId>(i));
  }
  return levels;
}

// The access that decides the order of axes: the largest that depends on columns.
const Access* Largest(const Lowered& lowered, const AxisList& columns) {
  const Access* best = nullptr;
  for (const Access* access : AllAccesses(lowered)) {
    if (Common(access->axes, columns).empty()) continue;
    if (best == nullptr || AccessBytes(lowered, *access) > AccessBytes(lowered, *best)) best = access;
  }
  return best;
}

void AddBytes(const Lowered& lowered, RowProblem& problem) {
  for (const LoweredNode& node : lowered.nodes) {
    if (node.kind != LoweredKind::kLoad) continue;
    double bytes = AccessBytes(lowered, node.access);
    problem.load_bytes += bytes;
    bool whole = !Common(node.axes, problem.columns).empty() && SameSet(Common(node.axes, problem.rows), problem.rows);
    if (whole) problem.row_bytes += bytes / static_cast<double>(problem.row_count);
  }
  for (const LoweredStore& store : lowered.stores) problem.store_bytes += AccessBytes(lowered, store.access);
}

}  // namespace

bool RowProblem::DependsOnColumns(const Lowered& lowered, NodeId node) const {
  return !Common(lowered.node(node).axes, columns).empty();
}

std::variant<RowProblem, std::string> AnalyseRows(const Lowered& lowered) {
  RowProblem problem;
  for (NodeId id : lowered.OfKind(LoweredKind::kReduce)) {
    const LoweredNode& node = lowered.node(id);
    if (problem.columns.empty()) problem.columns = node.reduced;
    if (!SameSet(problem.columns, node.reduced)) return "its reductions run over different dimensions";
  }
  if (problem.columns.empty()) return "it reduces nothing";
  for (size_t axis = 0; axis < lowered.axes.size(); ++axis) {
    if (!DependsOn(problem.columns, static_cast<AxisId>(axis))) problem.rows.push_back(static_cast<AxisId>(axis));
  }
  for (NodeId id : lowered.OfKind(LoweredKind::kReduce)) {
    // Rows that a reduction does not depend on repeat it, which is worth it for few.
    if (lowered.Product(Without(problem.rows, lowered.node(id).axes)) > kMostRepeats) return "a reduction does not depend on every row";
  }
  for (const LoweredStore& store : lowered.stores) {
    if (!SameSet(Common(store.access.axes, problem.rows), problem.rows)) return "a result does not depend on every row";
    AxisList across = Common(store.access.axes, problem.columns);
    if (across.empty()) {
      problem.row_stores.push_back(store);
    } else if (SameSet(across, problem.columns)) {
      problem.full_stores.push_back(store);
    } else {
      return "a result runs over some of the reduced dimensions";
    }
  }
  const Access* largest = Largest(lowered, problem.columns);
  if (largest != nullptr) {
    problem.columns = OrderedBy(*largest, problem.columns);
    problem.rows = OrderedBy(*largest, problem.rows);
  }
  problem.row_count = lowered.Product(problem.rows);
  problem.column_count = lowered.Product(problem.columns);
  problem.levels = Levels(lowered);
  AxisList all = problem.rows;
  all.insert(all.end(), problem.columns.begin(), problem.columns.end());
  AxisList run = largest != nullptr ? ContiguousRun(lowered, *largest, all) : AxisList{};
  problem.strided = !run.empty() && !DependsOn(problem.columns, run.back());
  AddBytes(lowered, problem);
  return problem;
}

}  // namespace drtriton
