// A second estimate of a program's values, beside the sketches of conditioning: it knows which numbers belong together.
//
// Each value is followed at a few places, the lanes.  A lane is a place in every tensor at once, by the broadcasting
// rules: `x` and `x + y` are seen at the same element, and a tensor of three elements gives three numbers however many
// lanes look at it.  So `x - x`, comparisons with a single number, and tensors of few elements show as they are.  Where
// an operator mixes elements, its operands are drawn from at random (lane_gather.h).
//
// What elements are the same along which dimensions is followed too (sameness.h): from shapes, and from lanes that come in
// pairs which differ in one dimension only.  Elements that are the same draw the same numbers.
//
// Several trials are followed side by side, in rounds: one that shows at once what is of no use, then the others.
#ifndef DRTRITON_SYNTH_LANE_ESTIMATE_H_
#define DRTRITON_SYNTH_LANE_ESTIMATE_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "synth/estimate_plan.h"
#include "synth/lane_gather.h"
#include "graph/leaf_fill.h"
#include "synth/random.h"

namespace drtriton {

class LaneEstimate {
 public:
  // Keeps a reference to the plan, which may be read anew between calls.
  explicit LaneEstimate(EstimatePlan& plan) : plan_(plan) {}

  // Whether in several trials all values are finite, and no result of two or more elements is the same everywhere.
  // `fills`: one for each of `leaves`.  `coarse`: floats are bfloat16 or float16.  `searched`: other fills failed before,
  // so that more trials are asked for, as for few discrete numbers: chance would pass some.
  bool Fine(std::span<const ValueId> leaves, std::span<const LeafFill> fills, bool coarse, bool searched, Random& random);

 private:
  static constexpr size_t kMostTogether = 8;  // trials of one round

  // What lanes do not show: elements in ascending or descending order (the largest is the first or last), groups of
  // elements with a mean that is always the same (`sum(softmax(x))`), or a deviation (`std(layer_norm(x))`).
  struct Traits {
    bool ordered = false;
    bool level = false;
    bool unit = false;
  };

  DimSet& SameAlong(ValueId id) { return same_[static_cast<size_t>(id)]; }
  void FollowSameness(const EstimatePlan::Call& call, const EstimatePlan::Result& result);
  void FindSameness(ValueId id);
  bool AllEqual(ValueId id) const;
  bool DifferAlong(ValueId id, size_t d, int& pairs) const;
  bool Round(std::span<const ValueId> leaves, std::span<const LeafFill> fills);
  void PlaceLanes(size_t trial);
  void FillLeaf(const LeafFill& fill, ValueId id, size_t trial);
  void PassOn(const EstimatePlan::Call& call);
  bool Evaluate(EstimatePlan::Call& call);
  Lanes Base(EstimatePlan::Call& call, size_t trial) const;
  bool Take(const EstimatePlan::Call& call, const EstimatePlan::Result& result, size_t trial);
  void FollowTraits(const EstimatePlan::Call& call, const EstimatePlan::Result& result, size_t trial);
  double Constant(ValueId id, size_t trial);
  bool HasSmallResult() const;

  Lanes& At(ValueId id, size_t trial) { return lanes_[static_cast<size_t>(id) * kMostTogether + trial]; }
  const Lanes& At(ValueId id, size_t trial) const { return lanes_[static_cast<size_t>(id) * kMostTogether + trial]; }
  Traits& TraitsAt(ValueId id, size_t trial) { return traits_[static_cast<size_t>(id) * kMostTogether + trial]; }
  const Places& PlacesIn(ValueId id, size_t trial, DimSet without = 0);
  LaneStreams StreamsOf(ValueId id, size_t trial);

  EstimatePlan& plan_;
  std::vector<Lanes> lanes_;    // by value and trial
  std::vector<Traits> traits_;  // likewise
  std::vector<DimSet> same_;    // by value: along which dimensions its elements are the same in this round
  bool coarse_ = false;
  bool is_tied_ = false;       // some elements of a result were equal
  double constant_ = 0;        // over the trials: the sum of probabilities that a result is the same everywhere
  uint64_t program_seed_ = 0;  // of all trials
  int first_ = 0;              // number of the round's first trial
  size_t together_ = 0;        // trials of the round
  std::array<uint64_t, kMostTogether> seeds_ = {};
  // Where a lane lies in each dimension from the last, as a share of 2^32.
  std::array<std::array<Places, 8>, kMostTogether> at_ = {};
  // The places last found, by trial: mostly the next value has the same shape.
  struct FoundPlaces {
    const Shape* shape = nullptr;
    DimSet without = 0;
    Places places = {};
  };
  std::array<FoundPlaces, kMostTogether> found_ = {};
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_LANE_ESTIMATE_H_
