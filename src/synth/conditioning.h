// Conditioning: how leaves are filled so that values stay finite and spread.
//
// From a menu of fills for each leaf (fill_menu.h), the usual ones first, the first combination is taken under which the
// estimates of the program's values (sketch_estimate.h, lane_estimate.h) find every value finite and within range and no
// result all the same; failing that the best one met.
#ifndef DRTRITON_SYNTH_CONDITIONING_H_
#define DRTRITON_SYNTH_CONDITIONING_H_

#include <span>
#include <vector>

#include "graph/program.h"
#include "synth/estimate_plan.h"
#include "synth/fill_menu.h"
#include "graph/leaf_fill.h"
#include "synth/random.h"

namespace drtriton {

struct Conditioned {
  std::vector<LeafFill> fills;  // in the order of `leaves`
  double largest = 0;           // the largest magnitude of any value
  double least_spread = 0;      // the least (most - least) / magnitude of a result
  bool fine = false;
};

struct ConditionLimits {
  int fills = 40;            // how many are tried
  double largest = 1e15;     // of a value that is called fine
  double least_spread = 1e-3;  // of a result, against its magnitude
  bool coarse = false;       // floats are of a low precision
};

// Draws fills.  The program's shapes are known; glue passes estimates on.
Conditioned Condition(const Program& program, std::span<const LeafFacts> leaves, std::span<const EstimatedNode> nodes,
                      const ConditionLimits& limits, Random& random);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_CONDITIONING_H_
