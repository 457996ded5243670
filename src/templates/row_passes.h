// RowPass: one walk along the rows, and what it finds: the plan behind the looped and the split ways.
//
// Levels of reductions need a pass each, but for two pairs that one pass finds together:
//   online    a maximum and the sum of exp(x - maximum): each lane rescales its sum when its maximum grows
//   moments   a sum and the sum of (x - mean)^2: each lane keeps the sum and the sum of squares of x - a, where `a` is the
//             first element that the lane sees.  With e = a - mean, sum (x - mean)^2 = squares + e (2 sum + count e): no
//             digits cancel however far the mean lies from 0, and a lane that begins with an outlier pays for it alone.
// A reduction that no full result needs shares the pass that writes the full results.
#ifndef DRTRITON_TEMPLATES_ROW_PASSES_H_
#define DRTRITON_TEMPLATES_ROW_PASSES_H_

#include <optional>
#include <vector>

#include "templates/lowered.h"
#include "templates/row_problem.h"

namespace drtriton {

struct OnlinePair {
  NodeId maximum = -1, total = -1;   // the two reductions
  NodeId value = -1;                 // x
  bool shift_is_finite = false;      // logsumexp: an infinite maximum counts as a shift of 0; softmax: NaN then
};

struct MomentsPair {
  std::vector<NodeId> totals;   // sums of x; all the same
  NodeId squares = -1;          // the sum of (x - mean)^2
  NodeId value = -1;            // x
  NodeId mean = -1;             // one of the totals over the number of columns
};

// The pair that levels `level` and `level` + 1 are, if they are nothing else.
std::optional<OnlinePair> FindOnlinePair(const Lowered& lowered, const RowProblem& problem, size_t level);
std::optional<MomentsPair> FindMomentsPair(const Lowered& lowered, const RowProblem& problem, size_t level);

struct RowPass {
  size_t level = 0;                // the first level that it reduces
  std::vector<NodeId> reductions;  // of every level that it reduces; empty: it only writes the full results
  std::optional<OnlinePair> online;
  std::optional<MomentsPair> moments;
  bool stores = false;             // writes the full results
};

// The passes in order; without pairs, one for each level, when `join` is false.
std::vector<RowPass> PlanPasses(const Lowered& lowered, const RowProblem& problem, bool join);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_ROW_PASSES_H_
