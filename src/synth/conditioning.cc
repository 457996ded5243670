#include "synth/conditioning.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "synth/lane_estimate.h"
#include "synth/sketch_estimate.h"

namespace drtriton {
namespace {

constexpr int kTrials = 3;  // sketches under which a fill has to be fine: small tensors are drawn anew

// One estimate by sketches under these fills; `tried` keeps the worst of them.  A value that is not finite counts as
// spread -1.
void Try(const EstimatePlan& plan, std::span<const LeafFacts> leaves, const ConditionLimits& limits, SketchEstimate& sketches,
         Random& random, Conditioned& tried) {
  for (size_t l = 0; l < leaves.size(); ++l) sketches.Fill(leaves[l].value, tried.fills[l], random);
  const bool finite = sketches.Run(random);
  tried.largest = std::max(tried.largest, sketches.largest());
  for (ValueId id : plan.results()) tried.least_spread = std::min(tried.least_spread, finite ? sketches.SpreadOf(id) : -1);
  tried.fine = finite && tried.largest < limits.largest && tried.least_spread > limits.least_spread;
}

// Kept by a thread for its memory alone: nothing is read that was not written for the program at hand.
struct Estimates {
  EstimatePlan plan;
  SketchEstimate sketches{plan};
  LaneEstimate lanes{plan};
  std::vector<ValueId> leaves;
};

double ScoreOf(const Conditioned& tried) {
  return (tried.least_spread < 0 ? 0.0 : 100.0) - std::log10(std::max(tried.largest, 1.0)) +
         std::log10(std::max(tried.least_spread, 1e-12));
}

}  // namespace

Conditioned Condition(const Program& program, std::span<const LeafFacts> leaves, std::span<const EstimatedNode> nodes,
                      const ConditionLimits& limits, Random& random) {
  thread_local Estimates estimates;
  auto& [plan, sketches, lanes, ids] = estimates;
  plan.Read(program, nodes);
  sketches.Begin(limits.coarse);
  ids.clear();
  for (const LeafFacts& leaf : leaves) ids.push_back(leaf.value);
  Conditioned best;
  double best_score = -std::numeric_limits<double>::infinity();
  Conditioned tried;
  for (int attempt = 0; attempt < limits.fills; ++attempt) {
    tried.fills.clear();
    for (const LeafFacts& leaf : leaves) tried.fills.push_back(DrawFill(leaf, plan.Of(leaf.value).elements, attempt, random));
    tried.largest = 0;
    tried.least_spread = 1;
    tried.fine = true;
    // Without tensors so small that they are drawn anew, one sketch is like another.
    for (int trial = 0; trial < kTrials && tried.fine && (trial == 0 || sketches.has_drawn()); ++trial)
      Try(plan, leaves, limits, sketches, random, tried);
    tried.fine = tried.fine && lanes.Fine(ids, tried.fills, limits.coarse, attempt > 0, random);
    if (tried.fine) return tried;
    const double score = ScoreOf(tried);
    if (score <= best_score) continue;
    best_score = score;
    best = tried;
  }
  return best;
}

}  // namespace drtriton
