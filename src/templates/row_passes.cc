// See row_passes.h.
#include "templates/row_passes.h"

#include <algorithm>
#include <set>

namespace drtriton {
namespace {

// Whether a full result needs one of `reductions`, which are of the last level.
bool FullResultsNeed(const Lowered& lowered, const RowProblem& problem, const std::vector<NodeId>& reductions) {
  std::set<NodeId> seen;
  std::vector<NodeId> open;
  for (const LoweredStore& store : problem.full_stores) open.push_back(store.node);
  while (!open.empty()) {
    NodeId id = open.back();
    open.pop_back();
    if (!seen.insert(id).second) continue;
    if (std::find(reductions.begin(), reductions.end(), id) != reductions.end()) return true;
    for (NodeId operand : lowered.node(id).operands) open.push_back(operand);
  }
  return false;
}

// x - y of x's square, whichever way it is written; null when `node` is none.
const LoweredNode* SquaredDifference(const Lowered& lowered, const LoweredNode& node) {
  bool square = node.function == "square" || (node.function == "mul" && node.operands[0] == node.operands[1]);
  if (!square) return nullptr;
  const LoweredNode& difference = lowered.node(node.operands[0]);
  return difference.function == "sub" ? &difference : nullptr;
}

}  // namespace

std::optional<OnlinePair> FindOnlinePair(const Lowered& lowered, const RowProblem& problem, size_t level) {
  if (level + 1 >= problem.levels.size()) return std::nullopt;
  if (problem.levels[level].size() != 1 || problem.levels[level + 1].size() != 1) return std::nullopt;
  OnlinePair pair{problem.levels[level][0], problem.levels[level + 1][0]};
  const LoweredNode &maximum = lowered.node(pair.maximum), &total = lowered.node(pair.total);
  const LoweredNode& exponential = lowered.node(total.operands[0]);
  if (maximum.function != "max_number" || total.function != "sum") return std::nullopt;
  if (exponential.function != "exp_fast" && exponential.function != "exp") return std::nullopt;
  const LoweredNode& difference = lowered.node(exponential.operands[0]);
  pair.value = maximum.operands[0];
  if (difference.function != "sub" || difference.operands[0] != pair.value) return std::nullopt;
  const LoweredNode& shift = lowered.node(difference.operands[1]);
  if (difference.operands[1] == pair.maximum) return pair;
  bool guarded = shift.function == "where" && shift.operands[2] == pair.maximum &&
                 lowered.node(shift.operands[0]).function == "isinf";
  if (!guarded) return std::nullopt;
  pair.shift_is_finite = true;
  return pair;
}

std::optional<MomentsPair> FindMomentsPair(const Lowered& lowered, const RowProblem& problem, size_t level) {
  if (level + 1 >= problem.levels.size() || problem.levels[level + 1].size() != 1) return std::nullopt;
  MomentsPair pair;
  pair.totals = problem.levels[level];
  pair.squares = problem.levels[level + 1][0];
  pair.value = lowered.node(pair.totals[0]).operands[0];
  for (NodeId id : pair.totals) {
    const LoweredNode& total = lowered.node(id);
    if (total.function != "sum" || total.operands[0] != pair.value || !IsFloating(total.dtype)) return std::nullopt;
  }
  const LoweredNode& squares = lowered.node(pair.squares);
  if (squares.function != "sum") return std::nullopt;
  const LoweredNode* difference = SquaredDifference(lowered, lowered.node(squares.operands[0]));
  if (difference == nullptr || difference->operands[0] != pair.value) return std::nullopt;
  pair.mean = difference->operands[1];
  const LoweredNode& mean = lowered.node(pair.mean);
  if (mean.function != "div") return std::nullopt;
  bool of_total = std::find(pair.totals.begin(), pair.totals.end(), mean.operands[0]) != pair.totals.end();
  const LoweredNode& count = lowered.node(mean.operands[1]);
  if (!of_total || count.kind != LoweredKind::kConstant) return std::nullopt;
  if (count.constant.AsDouble() != static_cast<double>(problem.column_count)) return std::nullopt;
  return pair;
}

std::vector<RowPass> PlanPasses(const Lowered& lowered, const RowProblem& problem, bool join) {
  std::vector<RowPass> passes;
  for (size_t level = 0; level < problem.levels.size(); ++level) {
    RowPass pass;
    pass.level = level;
    pass.reductions = problem.levels[level];
    if (join) pass.online = FindOnlinePair(lowered, problem, level);
    if (join && !pass.online) pass.moments = FindMomentsPair(lowered, problem, level);
    if (pass.online || pass.moments) {
      ++level;
      pass.reductions.insert(pass.reductions.end(), problem.levels[level].begin(), problem.levels[level].end());
    }
    passes.push_back(std::move(pass));
  }
  if (problem.full_stores.empty()) return passes;
  RowPass& last = passes.back();
  if (!last.online && !last.moments && !FullResultsNeed(lowered, problem, last.reductions)) {
    last.stores = true;
  } else {
    passes.push_back({.level = problem.levels.size(), .stores = true});
  }
  return passes;
}

}  // namespace drtriton
