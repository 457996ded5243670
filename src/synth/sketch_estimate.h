// The first estimate of a program's values: sketches.
//
// A sketch is a few numbers that stand for the quantiles of a value's elements, least and most included.  A node's sketch
// follows from those of its operands by its numeric rule (numeric_rule.h): pointwise functions are evaluated on pairs of
// numbers, sums and averages over n elements follow the central limit theorem, a maximum takes upper quantiles.  A tensor
// of few elements holds few of the numbers that it might hold, drawn anew in each run.
#ifndef DRTRITON_SYNTH_SKETCH_ESTIMATE_H_
#define DRTRITON_SYNTH_SKETCH_ESTIMATE_H_

#include <array>
#include <vector>

#include "synth/estimate_plan.h"
#include "graph/leaf_fill.h"
#include "synth/random.h"

namespace drtriton {

inline constexpr size_t kSketchPoints = 12;
using Sketch = std::array<double, kSketchPoints>;  // ascending

class SketchEstimate {
 public:
  // Keeps a reference to the plan.
  explicit SketchEstimate(EstimatePlan& plan) : plan_(plan) {}

  // For what the plan now holds.  `coarse`: floats will be of a low precision.
  void Begin(bool coarse);

  void Fill(ValueId leaf, const LeafFill& fill, Random& random);

  // All values from those of the leaves.  False when one is not finite.
  bool Run(Random& random);

  double largest() const { return largest_; }  // magnitude of any value in the last run
  // Whether the last run and its leaves have drawn numbers: otherwise another run gives the same.
  bool has_drawn() const { return has_drawn_; }
  // How far the elements of a result differ, against their magnitude; 0 where chance may well make them all the same.
  double SpreadOf(ValueId result) const;

 private:
  Sketch& operator[](ValueId id) { return sketches_[static_cast<size_t>(id)]; }
  const Sketch& operator[](ValueId id) const { return sketches_[static_cast<size_t>(id)]; }
  double& Truth(ValueId id) { return truths_[static_cast<size_t>(id)]; }

  void Thin(ValueId id, Random& random);
  void Evaluate(EstimatePlan::Call& call);
  double ShareTrue(const EstimatePlan::Call& call, const EstimatePlan::Result& result);
  Sketch Base(EstimatePlan::Call& call) const;
  Sketch Joined(const EstimatePlan::Call& call) const;
  Sketch Pointwise(EstimatePlan::Call& call) const;
  Sketch ResultOf(EstimatePlan::Call& call, const EstimatePlan::Result& result) const;

  EstimatePlan& plan_;
  bool coarse_ = false;
  bool has_drawn_ = false;
  double largest_ = 0;
  std::vector<Sketch> sketches_;  // by value
  std::vector<double> truths_;    // by value: the share of elements that are not 0
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SKETCH_ESTIMATE_H_
