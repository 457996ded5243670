// A second estimate of a program's values, beside the sketches of conditioning: it knows which numbers belong together.
//
// Each value is followed at a few places, the lanes.  A lane is a place in every tensor at once, by the broadcasting
// rules: `x` and `x + y` are seen at the same element, and a tensor of three elements gives three numbers however many
// lanes look at it.  So `x - x`, comparisons with a single number, and tensors of few elements show as they are.  Where
// an operator mixes elements, its operands are drawn from at random.
#ifndef DRTRITON_SYNTH_LANE_ESTIMATE_H_
#define DRTRITON_SYNTH_LANE_ESTIMATE_H_

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "graph/program.h"
#include "synth/conditioning.h"
#include "graph/leaf_fill.h"
#include "synth/random.h"

namespace drtriton {

inline constexpr size_t kLanes = 16;
using Lanes = std::array<double, kLanes>;

class LaneEstimate {
 public:
  LaneEstimate(const Program& program, std::span<const LeafFacts> leaves, std::span<const EstimatedNode> nodes);

  // Whether in several trials all values are finite, and no result of two or more elements is the same everywhere.
  // `coarse`: floats are bfloat16 or float16.  `searched`: other fills failed before, so that more trials are asked for.
  bool Fine(std::span<const LeafFill> fills, bool coarse, bool searched, Random& random);

 private:
  struct Operand {
    size_t argument = 0;
    ValueId id = -1;
  };
  // A node with what does not change between trials.
  struct Call {
    const Node* node = nullptr;
    const NumericRule* rule = nullptr;  // nullptr: glue
    OpKind kind = OpKind::kOther;
    std::vector<Operand> operands;
    std::vector<double> numbers;  // one for each argument; NaN where there is none
    double padding = 0;
    double overwritten = 0;    // the share of the first operand that others replace or join
    bool multiplies = false;   // joined by products
    bool replaces = false;     // not joined
  };

  // What lanes do not show: elements in ascending or descending order (the largest is the first or last), groups of
  // elements with a mean that is always the same (`sum(softmax(x))`), or deviation.
  struct Traits {
    bool ordered = false;
    bool level = false;
    bool unit = false;  // groups of elements with a deviation that is always the same (`std(layer_norm(x))`)
  };

  Call Read(const EstimatedNode& estimated) const;
  bool Trial(std::span<const LeafFill> fills, bool coarse);
  void PlaceLanes();
  void FillLeaf(const LeafFill& fill, ValueId id, bool coarse);
  void Evaluate(Call& call, bool coarse);
  Lanes Base(Call& call, bool aligned);
  void GatherInto(const Call& call, Gather gather, const Lanes& base, ValueId id);
  static bool Adds(const Call& call);
  double Other(const Call& call, Random& random) const;
  double Elements(const Call& call, Gather gather, const Value& result) const;
  uint64_t ElementAt(ValueId id, size_t lane) const;
  void FollowTraits(const Call& call, Gather gather, ValueId id);
  double Constant(ValueId id) const;

  const Program& program_;
  std::span<const LeafFacts> leaves_;
  std::vector<Call> calls_;
  std::vector<ValueId> results_;
  std::vector<Lanes> lanes_;    // by value
  std::vector<Traits> traits_;  // by value
  bool few_ = false;            // some tensor holds few discrete numbers
  double constant_ = 0;         // sum over the trials and results
  std::array<std::array<uint32_t, 8>, kLanes> at_ =
      {};                      // where a lane lies in each dimension from the last, as a share of 2^32
  uint64_t program_seed_ = 0;  // of all trials
  uint64_t seed_ = 0;          // of the trial
  int trial_ = 0;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_LANE_ESTIMATE_H_
