#include "synth/lane_estimate.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace drtriton {
namespace {

constexpr std::array<size_t, 7> kRounds = {1, 2, 7, 7, 7, 8, 8};  // trials
constexpr size_t kUsualRounds = 3;
constexpr size_t kLongRounds = 4;   // of programs with many calls: more can go wrong
constexpr size_t kLong = 8;         // calls
constexpr size_t kSeveral = 7;      // trials
constexpr size_t kCalmRounds = 2;  // where no two elements of a result are equal
constexpr double kMostConstant = 0.02;  // over the trials: the sum of probabilities that a result is the same everywhere
constexpr double kLargest = 1e30;
constexpr double kLargestLow = 6e4;  // of float16
constexpr double kLeastLow = 3e-8;   // what is less is 0 in it
constexpr size_t kPairs = kLanes / 2;  // of lanes
constexpr uint64_t kValueStep = 0x632be59bd9b4e019ULL;
constexpr uint64_t kElementStep = 0xd1342543de82ef95ULL;

// As the dtype holds them; floats of a low precision as bfloat16.
void RoundLanes(Lanes& lanes, EstimatePlan::Numbers numbers, bool coarse) {
  if (numbers == EstimatePlan::Numbers::kBool) {
    for (double& x : lanes) x = x != 0 ? 1 : 0;
  } else if (numbers == EstimatePlan::Numbers::kInteger) {
    for (double& x : lanes) x = std::trunc(x);
  } else if (!coarse) {
    for (double& x : lanes) x = static_cast<float>(x);
  } else {
    for (double& x : lanes) {
      const float narrow = static_cast<float>(x);
      const float low = std::bit_cast<float>((std::bit_cast<uint32_t>(narrow) + 0x8000U) & 0xffff0000U);
      x = std::abs(x) < kLeastLow ? std::copysign(0, x) : std::isfinite(narrow) ? low : narrow;
    }
  }
}

// The quantile of a unit normal at u in [0, 1), joined linearly from Tukey's lambda (within 0.02 between -2.9 and 2.9).
double NormalAt(double u) {
  constexpr size_t kSteps = 1024;
  static const std::array<double, kSteps + 1> table = [] {
    std::array<double, kSteps + 1> made;
    for (size_t i = 0; i <= kSteps; ++i) {
      const double at = static_cast<double>(i) / static_cast<double>(kSteps);
      made[i] = (std::pow(at, 0.1349) - std::pow(1 - at, 0.1349)) / 0.1975;
    }
    return made;
  }();
  const double place = u * static_cast<double>(kSteps);
  const size_t i = static_cast<size_t>(place);
  return table[i] + (place - static_cast<double>(i)) * (table[i + 1] - table[i]);
}

// Replaces each u in [0, 1) by the quantile of what a leaf holds.
void TakeQuantiles(const LeafFill& fill, Lanes& lanes) {
  switch (fill.kind) {
    case LeafFill::Kind::kDefault:
      for (double& u : lanes) u = NormalAt(u);
      break;
    case LeafFill::Kind::kNormal:
      for (double& u : lanes) u = fill.a + fill.b * NormalAt(u);
      break;
    case LeafFill::Kind::kUniform:
      for (double& u : lanes) u = fill.a + (fill.b - fill.a) * u;
      break;
    case LeafFill::Kind::kIntegers:
      for (double& u : lanes) u = std::floor(fill.a + (fill.b - fill.a) * u);
      break;
    case LeafFill::Kind::kMask:
      for (double& u : lanes) u = u < fill.a ? 1 : 0;
      break;
    case LeafFill::Kind::kConstant:
      lanes.fill(fill.a);
      break;
  }
}

// Whether the numbers `to` are an affine function of the numbers `from`.
bool IsAffine(const Lanes& from, const Lanes& to) {
  size_t other = 0;
  for (size_t l = 1; l < kLanes; ++l) other = std::abs(from[l] - from[0]) > std::abs(from[other] - from[0]) ? l : other;
  const double run = from[other] - from[0];
  const double rise = to[other] - to[0];
  for (size_t l = 1; l < kLanes; ++l) {
    if (std::abs((to[l] - to[0]) * run - rise * (from[l] - from[0])) > 1e-5 * std::abs(rise * run)) return false;
  }
  return true;
}

// Another lane for each operand, where elements are mixed.
size_t Elsewhere(size_t lane, size_t operand) { return (lane * (2 * operand + 1) + operand * 5) % kLanes; }

bool AllFinite(const Lanes& lanes) {
  return std::all_of(lanes.begin(), lanes.end(), [](double x) { return std::isfinite(x); });
}

}  // namespace

// Where a lane lies among the elements that differ: dimensions `without` do not count.
const Places& LaneEstimate::PlacesIn(ValueId id, size_t trial, DimSet without) {
  const Shape& shape = *plan_.Of(id).shape;
  FoundPlaces& found = found_[trial];
  if (found.shape != nullptr && found.without == without && *found.shape == shape) return found.places;
  found.shape = &shape;
  found.without = without;
  Places& element = found.places;
  element.fill(0);
  for (size_t d = 0; d < shape.size(); ++d) {
    if ((without >> std::min<size_t>(shape.size() - 1 - d, 7)) & 1U) continue;
    const Places& place = at_[trial][std::min<size_t>(shape.size() - 1 - d, 7)];
    const uint64_t size = static_cast<uint64_t>(shape[d]);
    for (size_t l = 0; l < kLanes; ++l) element[l] = element[l] * size + ((place[l] * size) >> 32);
  }
  return element;
}

LaneStreams LaneEstimate::StreamsOf(ValueId id, size_t trial) {
  LaneStreams streams{PlacesIn(id, trial, same_[static_cast<size_t>(id)])};
  const uint64_t seed = Random(seeds_[trial] + kValueStep * static_cast<uint64_t>(id + 1)).Next();
  for (uint64_t& state : streams.states) state = seed ^ (state + 1) * kElementStep;
  return streams;
}

void LaneEstimate::PlaceLanes(size_t trial) {
  Random random(seeds_[trial]);
  found_[trial].shape = nullptr;
  for (size_t d = 0; d < 8; d += 2) {
    for (size_t l = 0; l < kLanes; ++l) {
      const uint64_t bits = random.Next();
      at_[trial][d][l] = bits & 0xffffffff;
      at_[trial][d + 1][l] = bits >> 32;
    }
  }
  const size_t dims = std::min<size_t>(plan_.most_dims(), 8);
  for (size_t d = 0; d < 8; ++d) {
    for (size_t l = 0; l < kPairs; ++l) {
      if (l % dims != d) at_[trial][d][l + kPairs] = at_[trial][d][l];
    }
  }
}

// Each element goes through its quantiles from trial to trial, evenly, so that few trials show what a tensor of few
// elements may hold.
void LaneEstimate::FillLeaf(const LeafFill& fill, ValueId id, size_t trial) {
  const uint64_t seed = Random(program_seed_ + kValueStep * static_cast<uint64_t>(id + 1)).Next();
  // By steps of their own: elements that went together would never be all the same, or always.
  constexpr std::array<double, 8> kSteps = {0.618034, 0.414214, 0.732051, 0.236068, 0.645751, 0.316625, 0.550756, 0.123106};
  const double number = static_cast<double>(first_ + static_cast<int>(trial));
  const Places& places = PlacesIn(id, trial);
  Lanes& lanes = At(id, trial);
  for (size_t l = 0; l < kLanes; ++l) {
    const uint64_t bits = Random(seed ^ (places[l] + 1) * kElementStep).Next();
    const double turned = static_cast<double>(bits >> 11) * 0x1.0p-53 + number * kSteps[bits & 7];
    lanes[l] = turned - static_cast<double>(static_cast<int64_t>(turned));
  }
  TakeQuantiles(fill, lanes);
  RoundLanes(lanes, plan_.Of(id).numbers, coarse_);
}

// The numbers of the operands at the lanes, through the function where there is one.
Lanes LaneEstimate::Base(EstimatePlan::Call& call, size_t trial) const {
  Lanes base;
  if (call.operands.empty()) {
    Random random(seeds_[trial] + kValueStep * static_cast<uint64_t>(call.results[0].id + 2));
    for (double& x : base) x = RoughNormal(random);
    return base;
  }
  if (call.rule->function == nullptr && call.kind == OpKind::kMatmul) {
    base.fill(1);
    for (size_t o = 0; o < call.operands.size(); ++o) {
      for (size_t l = 0; l < kLanes; ++l) base[l] *= At(call.operands[o].id, trial)[Elsewhere(l, o)];
    }
    return base;
  }
  if (call.rule->function == nullptr) {
    const Gather gather = call.rule->gather[0];
    const size_t operands = gather == Gather::kChoice || gather == Gather::kPadded ? call.operands.size() : 1;
    if (operands == 1) return At(call.operands[0].id, trial);
    for (size_t l = 0; l < kLanes; ++l) base[l] = At(call.operands[l % operands].id, trial)[l];
    return base;
  }
  const size_t used = std::min<size_t>(call.operands.size(), 3);
  // Where elements are mixed, operands are seen anywhere.
  const bool aligned = call.is_one || call.kind == OpKind::kLoss;
  for (size_t l = 0; l < kLanes; ++l) {
    for (size_t o = 0; o < used; ++o) {
      call.numbers[call.operands[o].argument] = At(call.operands[o].id, trial)[aligned ? l : Elsewhere(l, o)];
    }
    if (call.adds) call.numbers[call.operands[0].argument] = 0;
    base[l] = call.rule->function(call.numbers.data());
  }
  return base;
}

// Rounds a result and looks whether it is within the dtype's range.
bool LaneEstimate::Take(const EstimatePlan::Call& call, const EstimatePlan::Result& result, size_t trial) {
  Lanes& lanes = At(result.id, trial);
  RoundLanes(lanes, result.numbers, coarse_);
  FollowTraits(call, result, trial);
  const double most = coarse_ && result.numbers == EstimatePlan::Numbers::kFloat ? kLargestLow : kLargest;
  return std::all_of(lanes.begin(), lanes.end(), [most](double x) { return std::abs(x) < most; });
}

void LaneEstimate::PassOn(const EstimatePlan::Call& call) {
  for (const EstimatePlan::Result& result : call.results) {
    FollowSameness(call, result);
    for (size_t t = 0; t < together_; ++t) {
      At(result.id, t) = At(call.operands[0].id, t);
      TraitsAt(result.id, t) = TraitsAt(call.operands[0].id, t);
    }
  }
}

void LaneEstimate::FollowSameness(const EstimatePlan::Call& call, const EstimatePlan::Result& result) {
  std::array<DimSet, Dependence::kOperands> operands = {};
  const size_t count = std::min(call.operands.size(), operands.size());
  for (size_t o = 0; o < count; ++o) operands[o] = SameAlong(call.operands[o].id);
  SameAlong(result.id) = result.depends.SameOf(std::span(operands).first(count)) | UnitDims(*plan_.Of(result.id).shape);
}

// Whether each of several trials shows one number only.
bool LaneEstimate::AllEqual(ValueId id) const {
  if (together_ < kSeveral) return false;
  for (size_t t = 0; t < together_; ++t) {
    const Lanes& lanes = At(id, t);
    if (std::any_of(lanes.begin(), lanes.end(), [&](double x) { return x != lanes[0]; })) return false;
  }
  return true;
}

// Whether two elements that lie apart along a dimension only were different.
bool LaneEstimate::DifferAlong(ValueId id, size_t d, int& pairs) const {
  const Shape& shape = *plan_.Of(id).shape;
  const uint64_t size = static_cast<uint64_t>(shape[shape.size() - 1 - d]);
  const size_t dims = std::min<size_t>(plan_.most_dims(), 8);
  for (size_t t = 0; t < together_; ++t) {
    const Lanes& lanes = At(id, t);
    const Places& at = at_[t][d];
    for (size_t l = d; l < kPairs; l += dims) {
      if (lanes[l] != lanes[l + kPairs]) return true;
      pairs += (at[l] * size) >> 32 != (at[l + kPairs] * size) >> 32 ? 1 : 0;
    }
  }
  return false;
}

// From the lanes: along a dimension where no pair differs, unless chance may well make them so.
void LaneEstimate::FindSameness(ValueId id) {
  constexpr double kChance = 0.02;
  const size_t rank = std::min<size_t>(plan_.Of(id).shape->size(), 8);
  double ties = -1;  // the share of equal lanes
  for (size_t d = 0; d < rank; ++d) {
    int pairs = 0;
    if ((SameAlong(id) >> d) & 1U || DifferAlong(id, d, pairs) || pairs == 0) continue;
    if (ties < 0) {
      int equal = 0;
      for (size_t t = 0; t < together_; ++t) {
        const Lanes& lanes = At(id, t);
        for (size_t l = 1; l < kPairs; ++l) equal += lanes[l] == lanes[l - 1] ? 1 : 0;
      }
      ties = static_cast<double>(equal) / static_cast<double>(together_ * (kPairs - 1));
    }
    if (std::pow(ties, pairs) < kChance) SameAlong(id) |= static_cast<DimSet>(1U << d);
  }
}

bool LaneEstimate::Evaluate(EstimatePlan::Call& call) {
  for (const EstimatePlan::Result& result : call.results) FollowSameness(call, result);
  for (size_t t = 0; t < together_; ++t) {
    const Lanes base = Base(call, t);
    if (!AllFinite(base)) return false;
    const Lanes& first = call.operands.empty() ? base : At(call.operands[0].id, t);
    const Lanes* second = call.operands.size() > 1 ? &At(call.operands[1].id, t) : nullptr;
    for (const EstimatePlan::Result& result : call.results) {
      if (result.gather == Gather::kOne) {
        At(result.id, t) = base;
      } else {
        const DimSet grouped = result.depends.grouped;
        const bool uniform = grouped != 0 && (SameAlong(call.operands[0].id) & grouped) == grouped;
        const LaneOperands operands{base, first, second};
        At(result.id, t) = uniform ? GatherEqual(call, result, operands, StreamsOf(result.id, t))
                                   : GatherLanes(call, result, operands, StreamsOf(result.id, t));
      }
      if (!Take(call, result, t)) return false;
    }
  }
  for (const EstimatePlan::Result& result : call.results) {
    if (AllEqual(result.id)) SameAlong(result.id) = kAllDims;
    if (result.gather == Gather::kOne && call.operands.size() > 1) FindSameness(result.id);
  }
  return true;
}

// Where traits make a result the same everywhere, the lanes show it.
void LaneEstimate::FollowTraits(const EstimatePlan::Call& call, const EstimatePlan::Result& result, size_t trial) {
  Traits& traits = TraitsAt(result.id, trial);
  traits = {};
  if (call.operands.empty()) return;
  const NumericTraits& known = call.rule->traits;
  const Traits operand = TraitsAt(call.operands[0].id, trial);
  Lanes& lanes = At(result.id, trial);
  const Gather gather = result.gather;
  const bool averages = gather == Gather::kSum || gather == Gather::kMean || gather == Gather::kLogSum;
  const bool reduces = call.kind == OpKind::kReduction;
  if ((operand.ordered && gather == Gather::kIndex) || (operand.level && averages && reduces)) lanes.fill(0);
  if (operand.unit && gather == Gather::kSpread && reduces) lanes.fill(1);
  const bool alone = call.operands.size() == 1;
  const bool pointwise = gather == Gather::kOne;
  const bool moves = gather == Gather::kChoice && !reduces && call.rule->function == nullptr;
  const Lanes& summed = At(call.operands[0].id, trial);
  const auto is_negative = [](double x) { return x < 0; };
  const bool grows = known.sums_up && (std::none_of(summed.begin(), summed.end(), is_negative) ||
                                       std::all_of(summed.begin(), summed.end(), is_negative));
  traits.ordered = known.ordered || grows || (alone && operand.ordered && (pointwise || moves));
  const bool levels = gather == Gather::kShare || (gather == Gather::kStandard && known.levels) || (gather == Gather::kIndex && known.permutes);
  const bool keeps = alone && operand.level && (moves || (pointwise && IsAffine(At(call.operands[0].id, trial), lanes)));
  traits.level = levels || keeps;
  traits.unit = (gather == Gather::kStandard && !known.is_affine) || (alone && operand.unit && moves);
}

// The probability that chance makes a result the same everywhere, from how often two of its elements are equal: with
// two numbers of shares q and 1 - q, pairs are equal with probability q^2 + (1 - q)^2, and n elements with about that
// to n / 2.
double LaneEstimate::Constant(ValueId id, size_t trial) {
  const double elements = static_cast<double>(plan_.Of(id).elements);
  if (elements <= 1) return 0;
  const Lanes& lanes = At(id, trial);
  const Places& places = PlacesIn(id, trial);
  int pairs = 0;
  int ties = 0;
  for (size_t l = 1; l < kLanes; ++l) {
    for (size_t m = 0; m < l; ++m) {
      pairs += places[l] != places[m] ? 1 : 0;
      ties += places[l] != places[m] && lanes[l] == lanes[m] ? 1 : 0;
    }
  }
  if (ties == 0 && pairs > 0) return 0;
  is_tied_ = true;
  return ties == pairs ? 1 : std::pow(static_cast<double>(ties) / static_cast<double>(pairs), elements / 2);
}

bool LaneEstimate::HasSmallResult() const {
  const std::span<const ValueId> results = plan_.results();
  return std::any_of(results.begin(), results.end(), [this](ValueId id) {
    const int64_t elements = plan_.Of(id).elements;
    return elements > 1 && elements < static_cast<int64_t>(kLanes);
  });
}

bool LaneEstimate::Round(std::span<const ValueId> leaves, std::span<const LeafFill> fills) {
  for (size_t l = 0; l < leaves.size(); ++l)
    SameAlong(leaves[l]) = fills[l].kind == LeafFill::Kind::kConstant ? kAllDims : UnitDims(*plan_.Of(leaves[l]).shape);
  for (size_t t = 0; t < together_; ++t) {
    PlaceLanes(t);
    for (size_t l = 0; l < leaves.size(); ++l) {
      FillLeaf(fills[l], leaves[l], t);
      TraitsAt(leaves[l], t) = {};
    }
  }
  for (EstimatePlan::Call& call : plan_.calls()) {
    if (call.rule == nullptr) {
      PassOn(call);
    } else if (!Evaluate(call)) {
      return false;
    }
  }
  for (ValueId id : plan_.results()) {
    for (size_t t = 0; t < together_; ++t) constant_ += Constant(id, t);
  }
  return constant_ < kMostConstant;
}

bool LaneEstimate::Fine(std::span<const ValueId> leaves, std::span<const LeafFill> fills, bool coarse, bool searched,
                        Random& random) {
  same_.resize(std::max(same_.size(), plan_.values()));
  lanes_.resize(same_.size() * kMostTogether);
  traits_.resize(same_.size() * kMostTogether);
  coarse_ = coarse;
  constant_ = 0;
  program_seed_ = random.Next();
  first_ = 0;
  is_tied_ = false;
  const bool is_long = plan_.calls().size() > kLong;
  const size_t rounds = searched || plan_.has_few() ? kRounds.size() : is_long ? kLongRounds : kUsualRounds;
  for (size_t r = 0; r < rounds; ++r) {
    together_ = kRounds[r];
    for (size_t t = 0; t < together_; ++t) seeds_[t] = random.Next();
    if (!Round(leaves, fills)) return false;
    first_ += static_cast<int>(together_);
    // What chance makes all the same has ties in other trials.
    const size_t enough = is_long ? kLongRounds : HasSmallResult() || plan_.has_few() ? kUsualRounds : kCalmRounds;
    if (!searched && !is_tied_ && r + 1 >= enough) return true;
  }
  return true;
}

}  // namespace drtriton
