#include "synth/lane_gather.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace drtriton {
namespace {

constexpr double kMostDrawn = 16;    // of many elements, so many are drawn one by one
constexpr double kMostExtreme = 64;  // of so many the largest is found; of more it hardly differs
constexpr double kMostFactors = 64;
constexpr double kLeastShare = 1.0 / 16;  // of a few elements that are unlike the others, so that lanes show them

static_assert(kLanes == 16, "four bits name a lane");

double Pick(const Lanes& lanes, Random& random) { return lanes[random.Next() % kLanes]; }

// Calls `take` with n lanes' numbers, drawn with replacement.
template <typename Take>
void PickEach(const Lanes& lanes, int n, Random& random, Take take) {
  while (n > 0) {
    uint64_t bits = random.Next();
    for (int i = std::min(n, 16); i > 0; --i, bits >>= 4) take(lanes[bits & 15]);
    n -= 16;
  }
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

// Collects moments; around the first number, so that numbers that are all the same have exactly no variance.
class MomentSum {
 public:
  void Add(double x) {
    if (count_++ == 0) first_ = x;
    const double d = x - first_;
    sum_ += d;
    squares_ += d * d;
  }
  Moments Get() const {
    const double n = count_;
    return {first_ + sum_ / n, count_ > 1 ? std::max(squares_ - sum_ * sum_ / n, 0.0) / (n - 1) : 0};
  }

 private:
  int count_ = 0;
  double first_ = 0, sum_ = 0, squares_ = 0;
};

Moments MomentsOf(const Lanes& base) {
  MomentSum sum;
  for (double x : base) sum.Add(x);
  return sum.Get();
}

// Moments of n elements: drawn where they are few, of all lanes otherwise.
class SampleMoments {
 public:
  explicit SampleMoments(const Lanes& base) : base_(base), all_(MomentsOf(base)) {}

  Moments Of(double n, Random& random) const {
    if (n <= kMostDrawn) {
      MomentSum sum;
      PickEach(base_, static_cast<int>(n), random, [&](double x) { sum.Add(x); });
      return sum.Get();
    }
    Moments moments = all_;
    if (moments.variance > 0) moments.mean += std::sqrt(moments.variance / n) * RoughNormal(random);
    return moments;
  }

 private:
  const Lanes& base_;
  Moments all_;
};

// The largest (`sign` 1) or smallest of n elements: its rank among the sorted lanes has the distribution function
// (rank / lanes)^n.
class Extremes {
 public:
  Extremes(const Lanes& base, double n, int sign) : sorted_(base), drawn_(std::min(std::floor(n), kMostExtreme)) {
    std::sort(sorted_.begin(), sorted_.end());
    if (sign < 0) std::reverse(sorted_.begin(), sorted_.end());
    static const std::vector<Lanes> powers = MakePowers();
    below_ = &powers[static_cast<size_t>(drawn_)];
  }

  double Draw(Random& random) const { return sorted_[DrawRank(random)]; }

  // Where the first of them is: before it all are less, which n elements are with a probability that falls by the same
  // share from each to the next.
  double DrawPlace(Random& random) const {
    const size_t rank = DrawRank(random);
    size_t less = rank;
    while (less > 0 && sorted_[less - 1] == sorted_[rank]) --less;
    if (less == 0) return 0;
    size_t all = rank + 1;
    while (all < kLanes && sorted_[all] == sorted_[rank]) ++all;
    const double none = (*below_)[less - 1] / (*below_)[all - 1];  // that all n are less
    const double place = std::log(1 - random.Unit() * (1 - none)) / std::log(static_cast<double>(less) / static_cast<double>(all));
    return std::min(std::floor(place), drawn_ - 1);
  }

 private:
  // ((k + 1) / lanes)^n, by n and k.
  static std::vector<Lanes> MakePowers() {
    std::vector<Lanes> powers(static_cast<size_t>(kMostExtreme) + 1);
    for (size_t n = 0; n < powers.size(); ++n) {
      for (size_t k = 0; k < kLanes; ++k)
        powers[n][k] = std::pow(static_cast<double>(k + 1) / static_cast<double>(kLanes), static_cast<double>(n));
    }
    return powers;
  }

  size_t DrawRank(Random& random) const {
    const double u = random.Unit();
    size_t rank = kLanes - 1;
    while (rank > 0 && u < (*below_)[rank - 1]) --rank;
    return rank;
  }

  Lanes sorted_;
  double drawn_;
  const Lanes* below_;
};

double MeanOfExp(const Lanes& base, double largest) {
  double sum = 0;
  for (double x : base) sum += std::exp(x - largest);
  return sum / static_cast<double>(kLanes);
}

template <typename Draw>
Lanes Each(const LaneStreams& streams, Draw draw) {
  Lanes lanes;
  for (size_t l = 0; l < kLanes; ++l) {
    Random random = streams.Of(l);
    lanes[l] = draw(random, l);
  }
  return lanes;
}

// A median: of five, or fewer.
double Middle(const Lanes& base, double n, Random& random) {
  std::array<double, 5> few = {};
  const int count = n >= 5 ? 5 : n >= 3 ? 3 : 1;
  int taken = 0;
  PickEach(base, count, random, [&](double x) { few[static_cast<size_t>(taken++)] = x; });
  std::sort(few.begin(), few.begin() + count);
  return few[static_cast<size_t>(count / 2)];
}

// The place of the largest (`sign` 1) or smallest of n, the first where several are; 0: of any.
Lanes PlacesOf(const Lanes& base, double n, int sign, const LaneStreams& streams) {
  const bool same = std::all_of(base.begin(), base.end(), [&](double x) { return x == base[0]; });
  if (same) return {};
  n = std::max(n, 2.0);
  if (sign == 0) return Each(streams, [&](Random& random, size_t) { return std::floor(random.Unit() * n); });
  const double drawn = std::min(std::floor(n), kMostExtreme);
  const Extremes extremes(base, drawn, sign);
  return Each(streams, [&](Random& random, size_t) {
    const double place = extremes.DrawPlace(random);
    return place == 0 ? 0 : std::floor((place + random.Unit()) * n / drawn);
  });
}

// What replaces or joins an element of the first operand.
double Other(const EstimatePlan::Call& call, const LaneOperands& operands, Random& random) {
  return operands.second != nullptr ? Pick(*operands.second, random) : call.padding;
}

Lanes ChoiceOf(const EstimatePlan::Call& call, const EstimatePlan::Result& result, const LaneOperands& operands,
               const LaneStreams& streams) {
  const Lanes& base = operands.base;
  const double n = result.made_of;
  const bool moves = call.kind == OpKind::kView || call.rule->function != nullptr || call.operands.size() > 1;
  if (result.is_whole || (!moves && result.repeats)) return base;  // a part that is the whole, or copies of it
  if (call.overwritten > 0) {
    return Each(streams, [&](Random& random, size_t l) {
      return random.Chance(call.overwritten) ? Other(call, operands, random) : operands.first[l];
    });
  }
  if (call.rule->traits.middle && n > 1) return Each(streams, [&](Random& random, size_t) { return Middle(base, n, random); });
  if (result.extreme == 0 || n <= 1) return Each(streams, [&](Random& random, size_t) { return Pick(base, random); });
  const Extremes extremes(base, n, result.extreme);
  return Each(streams, [&](Random& random, size_t) { return extremes.Draw(random); });
}

double ShownShare(double share) { return share > 0 ? std::max(share, kLeastShare) : 0; }

// What keeps its place is the operand's own element there.
Lanes PaddedOf(const EstimatePlan::Call& call, const EstimatePlan::Result& result, const Lanes& base, const LaneStreams& streams) {
  return Each(streams, [&](Random& random, size_t l) {
    return random.Chance(ShownShare(result.padded)) ? call.padding : result.in_place ? base[l] : Pick(base, random);
  });
}

// A variance, deviation or norm (of the order given) of n elements.
Lanes SpreadOf(NumericTraits::Spread spread, double order, Lanes base, double n, const LaneStreams& streams) {
  const bool norm = spread == NumericTraits::Spread::kNorm;
  const auto magnitudes = [&base] {
    for (double& x : base) x = std::abs(x);
  };
  if (norm && std::isinf(order)) {
    magnitudes();
    const Extremes extremes(base, n, order > 0 ? 1 : -1);
    return Each(streams, [&](Random& random, size_t) { return extremes.Draw(random); });
  }
  if (norm && order == 1) {
    magnitudes();
    const SampleMoments moments(base);
    return Each(streams, [&](Random& random, size_t) { return n * moments.Of(n, random).mean; });
  }
  if (norm) {
    for (double& x : base) x *= x;
    const SampleMoments moments(base);
    return Each(streams, [&](Random& random, size_t) { return std::sqrt(n * std::max(moments.Of(n, random).mean, 0.0)); });
  }
  const SampleMoments sample(base);
  return Each(streams, [&](Random& random, size_t) {
    const Moments moments = sample.Of(n, random);
    const bool varies = moments.variance > 1e-10 * moments.mean * moments.mean;
    const double noise = n <= kMostDrawn || !varies ? 1 : std::max(1 + 0.6 * RoughNormal(random) / std::sqrt(n), 0.1);
    return noise * (spread == NumericTraits::Spread::kVariance ? moments.variance : std::sqrt(moments.variance));
  });
}

// How often the same place is written.
int TimesJoined(double share, Random& random) {
  constexpr int kMostTimes = 24;
  if (share >= 1) return 1 + static_cast<int>(random.Below(kMostTimes));
  int times = 0;  // of a Poisson law, whose probability of 0 is 1 - share
  for (double left = random.Unit(); left > 1 - share && times < kMostTimes; left *= random.Unit()) ++times;
  return times;
}

// Others join what is there.
Lanes JoinedOf(const EstimatePlan::Call& call, const LaneOperands& operands, const LaneStreams& streams) {
  return Each(streams, [&](Random& random, size_t l) {
    double x = operands.base[l];
    for (int i = TimesJoined(call.overwritten, random); i > 0; --i) {
      const double other = Other(call, operands, random);
      x = call.replaces ? other : call.multiplies ? x * other : x + other;
    }
    return x;
  });
}

Lanes MeanOf(const EstimatePlan::Call& call, const EstimatePlan::Result& result, const Lanes& base, const LaneStreams& streams) {
  if (call.kind == OpKind::kOther && result.repeats) return base;
  const SampleMoments moments(base);
  return Each(streams, [&](Random& random, size_t) {
    double mean = moments.Of(result.made_of, random).mean * call.classes;
    if (call.kind == OpKind::kAttention) mean += random.Unit() * (Pick(base, random) - mean) / 2;  // weights differ
    return mean;
  });
}

Lanes SumOf(const EstimatePlan::Call& call, const EstimatePlan::Result& result, const LaneOperands& operands, const LaneStreams& streams) {
  const SampleMoments moments(operands.base);
  const double scale = call.adds && !std::isnan(call.numbers[3]) ? call.numbers[3] : 1;
  return Each(streams, [&](Random& random, size_t) {
    const double many = call.kind == OpKind::kScan ? 1 + random.Below(static_cast<uint32_t>(result.made_of)) : result.made_of;
    const double sum = many * moments.Of(many, random).mean;
    return call.adds ? sum + scale * Pick(operands.first, random) : sum;
  });
}

Lanes ProductOf(const Lanes& base, double n, bool scans, const LaneStreams& streams) {
  return Each(streams, [&](Random& random, size_t) {
    const double many = scans ? 1 + random.Below(static_cast<uint32_t>(n)) : n;
    double product = 1;
    PickEach(base, static_cast<int>(std::min(many, kMostFactors)), random, [&](double x) { product *= x; });
    return product;
  });
}

Lanes MixtureOf(const EstimatePlan::Call& call, const EstimatePlan::Result& result, const Lanes& base, const LaneStreams& streams) {
  if (call.rule->traits.subtracts) return Each(streams, [&](Random& random, size_t) { return Pick(base, random) - Pick(base, random); });
  if (call.rule->traits.resamples) {  // a little beyond the numbers that it joins
    return Each(streams, [&](Random& random, size_t) {
      const double own = Pick(base, random);
      return own + 0.1 * (Pick(base, random) - Pick(base, random));
    });
  }
  const SampleMoments sample(base);
  const double unreached = call.kind == OpKind::kConvolution ? ShownShare(result.padded) : 0;
  return Each(streams, [&](Random& random, size_t) {
    if (unreached > 0 && random.Chance(unreached)) return 0.0;
    const Moments moments = sample.Of(kMostDrawn + 1, random);
    return RoughNormal(random) * std::sqrt(call.variance * (moments.variance + moments.mean * moments.mean));
  });
}

Lanes StandardOf(const NumericTraits& traits, const Lanes& base, const LaneStreams& streams) {
  if (traits.is_affine) return base;  // by statistics of a unit normal
  const SampleMoments sample(base);
  return Each(streams, [&](Random& random, size_t l) {
    const Moments moments = sample.Of(kMostDrawn + 1, random);
    const double mean = traits.shifts ? moments.mean : 0;
    const double square = moments.variance + (traits.shifts ? 0 : moments.mean * moments.mean);
    return (base[l] - mean) / std::sqrt(square + 1e-5);
  });
}

Lanes SharesOf(const Lanes& base, double n, bool log, const LaneStreams& streams) {
  const double largest = *std::max_element(base.begin(), base.end());
  const double others = (n - 1) * MeanOfExp(base, largest);
  return Each(streams, [&](Random&, size_t l) {
    const double own = base[l] - largest;
    const double share = own - std::log(std::exp(own) + others);
    return log ? share : std::exp(share);
  });
}

Lanes LogSumOf(const Lanes& base, double n, bool scans, const LaneStreams& streams) {
  const double largest = *std::max_element(base.begin(), base.end());
  const double others = std::log(n * MeanOfExp(base, largest));
  return Each(streams, [&](Random& random, size_t) {
    const double own = Pick(base, random);
    if (scans && random.Chance(ShownShare(1 / n))) return own;  // the first of them
    return own * 0.1 + 0.9 * largest + others;
  });
}

// Entries of a table; one of them may be 0.
Lanes TableOf(bool has_zero, const LaneStreams& streams) {
  return Each(streams, [&](Random& random, size_t) { return has_zero && random.Chance(kLeastShare) ? 0.0 : RoughNormal(random); });
}

Lanes CountOf(const Lanes& base, double n, const LaneStreams& streams) {
  const int drawn = static_cast<int>(std::min(n, 2 * kMostDrawn));
  return Each(streams, [&](Random& random, size_t) {
    double count = 0;
    PickEach(base, drawn, random, [&](double x) { count += x != 0 ? 1 : 0; });
    return std::round(count * n / std::max(drawn, 1));
  });
}

// Whether any or all of n hold.
Lanes TruthOf(const Lanes& base, double n, bool any, const LaneStreams& streams) {
  const Extremes extremes(base, n, any ? 1 : -1);
  return Each(streams, [&](Random& random, size_t) {
    const double x = extremes.Draw(random);
    // Among many there may be one that the lanes do not show: of a share that they leave open.
    const bool open = n > 2 * kMostDrawn && (x != 0) != any;
    const bool shown = open && std::pow(random.Unit(), n / static_cast<double>(kLanes + 1)) < random.Unit();
    return shown ? (any ? 1.0 : 0.0) : x;
  });
}

}  // namespace

double RoughNormal(Random& random) {
  const uint64_t bits = random.Next();
  const uint64_t sum = (bits & 0xfffff) + ((bits >> 20) & 0xfffff) + ((bits >> 40) & 0xfffff);
  return static_cast<double>(sum) * 0x1.0p-19 - 3;
}

Lanes GatherLanes(const EstimatePlan::Call& call, const EstimatePlan::Result& result, const LaneOperands& operands,
                  const LaneStreams& streams) {
  const Lanes& base = operands.base;
  const double n = result.made_of;
  const bool scans = call.kind == OpKind::kScan;
  switch (result.gather) {
    case Gather::kOne:
      return base;
    case Gather::kChoice:
      return ChoiceOf(call, result, operands, streams);
    case Gather::kPadded:
      return PaddedOf(call, result, base, streams);
    case Gather::kMean:
      return MeanOf(call, result, base, streams);
    case Gather::kSum:
      return call.overwritten > 0 ? JoinedOf(call, operands, streams) : SumOf(call, result, operands, streams);
    case Gather::kProduct:
      return ProductOf(base, n, scans, streams);
    case Gather::kMixture:
      return MixtureOf(call, result, base, streams);
    case Gather::kStandard:
      return StandardOf(call.rule->traits, base, streams);
    case Gather::kTable:
      return TableOf(call.numbers[2] >= 0, streams);
    case Gather::kShare:
    case Gather::kLogShare:
      return SharesOf(base, n, result.gather == Gather::kLogShare, streams);
    case Gather::kSpread:
      return SpreadOf(call.rule->traits.spread, call.kind == OpKind::kReduction ? call.numbers[1] : 0, base, n, streams);
    case Gather::kLogSum:
      return LogSumOf(base, n, scans, streams);
    case Gather::kIndex:
      return PlacesOf(base, n, result.extreme, streams);
    case Gather::kCount:
      return CountOf(base, n, streams);
    case Gather::kTruth:
      return TruthOf(base, n, call.rule->traits.any, streams);
  }
  return base;
}

Lanes GatherEqual(const EstimatePlan::Call& call, const EstimatePlan::Result& result, const LaneOperands& operands,
                  const LaneStreams& streams) {
  const double n = result.made_of;
  const NumericTraits& traits = call.rule->traits;
  return Each(streams, [&](Random& random, size_t) {
    const double x = Pick(operands.base, random);
    switch (result.gather) {
      case Gather::kSum:
        return n * x;
      case Gather::kProduct:
        return std::pow(x, n);
      case Gather::kStandard:
        return traits.shifts ? 0.0 : x / std::sqrt(x * x + 1e-5);
      case Gather::kShare:
        return 1 / n;
      case Gather::kLogShare:
        return -std::log(n);
      case Gather::kSpread: {
        const double order = std::isnan(call.numbers[1]) ? 2 : call.numbers[1];
        return traits.spread != NumericTraits::Spread::kNorm ? 0.0 : std::abs(x) * (std::isinf(order) ? 1 : std::pow(n, 1 / order));
      }
      case Gather::kLogSum:
        return x + std::log(n);
      case Gather::kIndex:
        return result.in_place ? std::floor(random.Unit() * n) : 0.0;
      case Gather::kCount:
        return x != 0 ? n : 0.0;
      default:
        return x;
    }
  });
}

}  // namespace drtriton
