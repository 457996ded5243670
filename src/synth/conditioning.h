// Conditioning: how leaves are filled so that values stay finite and spread.
//
// Each value of a program is estimated by a sketch: a few numbers that stand for the quantiles of its elements, least and
// most included.  A node's sketch follows from those of its operands by its numeric rule (numeric_rule.h): pointwise
// functions are evaluated on pairs of numbers, sums and averages over n elements follow the central limit theorem, a
// maximum takes upper quantiles.  From a menu of fills for each leaf, the usual ones first, the first combination is taken
// under which every sketch is finite, within the dtype's range, and not all the same; failing that the best one met.
#ifndef DRTRITON_SYNTH_CONDITIONING_H_
#define DRTRITON_SYNTH_CONDITIONING_H_

#include <array>
#include <span>
#include <vector>

#include "graph/program.h"
#include "synth/element_type.h"
#include "graph/leaf_fill.h"
#include "synth/numeric_rule.h"
#include "synth/random.h"

namespace drtriton {

inline constexpr size_t kSketchPoints = 12;
using Sketch = std::array<double, kSketchPoints>;  // ascending

// What conditioning has to know of a leaf.
struct LeafFacts {
  ValueId value = -1;
  ElementType type = ElementType::kReal;
  int64_t limit = 0;       // of positions: they lie below it
  double deviation = 0;    // of a layer's weight: uniform around `mean`; below 0: all `mean`; 0: the menu decides
  double mean = 0;
};

// One operator call for the estimate.
struct EstimatedNode {
  int32_t node = -1;  // in the Program
  const NumericRule* rule = nullptr;
};

struct Conditioned {
  std::vector<LeafFill> fills;  // in the order of `leaves`
  double largest = 0;           // the largest magnitude of any value
  double least_spread = 0;      // the least (most - least) / magnitude of a result
  bool fine = false;
};

// Draws fills.  The program's shapes are known; glue passes sketches on.  `coarse`: floats will be of a low precision.
Conditioned Condition(const Program& program, std::span<const LeafFacts> leaves,
                      std::span<const EstimatedNode> nodes, bool coarse, Random& random);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_CONDITIONING_H_
