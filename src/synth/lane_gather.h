// How the results of an operator that mixes elements look at a few places, the lanes (lane_estimate.h): its operand is
// drawn from at random, at each place anew.
#ifndef DRTRITON_SYNTH_LANE_GATHER_H_
#define DRTRITON_SYNTH_LANE_GATHER_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "synth/estimate_plan.h"
#include "synth/random.h"

namespace drtriton {

inline constexpr size_t kLanes = 16;
using Lanes = std::array<double, kLanes>;
using Places = std::array<uint64_t, kLanes>;  // by lane: an element, or a place in one dimension

// Random numbers for each lane: the same where lanes look at the same element.
struct LaneStreams {
  Places states;
  Random Of(size_t lane) const { return Random(states[lane]); }
};

// From a unit normal: a sum of uniform numbers is near enough, its tails are the sketches' matter.
double RoughNormal(Random& random);

// What a result is gathered from.
struct LaneOperands {
  const Lanes& base;    // what the operator's function gave, or the operands' own numbers
  const Lanes& first;   // the first operand
  const Lanes* second;  // nullptr: there is none
};

// What `result` holds at its lanes.
Lanes GatherLanes(const EstimatePlan::Call& call, const EstimatePlan::Result& result, const LaneOperands& operands,
                  const LaneStreams& streams);

// The same where all elements that make one result are equal, as they are along the dimensions that are grouped.
Lanes GatherEqual(const EstimatePlan::Call& call, const EstimatePlan::Result& result, const LaneOperands& operands,
                  const LaneStreams& streams);

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_LANE_GATHER_H_
