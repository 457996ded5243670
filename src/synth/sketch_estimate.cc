#include "synth/sketch_estimate.h"

#include <algorithm>
#include <cmath>
#include <span>

namespace drtriton {
namespace {

constexpr double kMostNear = 1e-3;  // of a tensor's largest magnitude: so close to 0 some elements are at least

// Quantiles of a normal distribution as large tensors show them: the ends are what a million elements reach.
constexpr Sketch kNormal = {-4.6, -1.9, -1.28, -0.84, -0.47, -0.15, 0.15, 0.47, 0.84, 1.28, 1.9, 4.6};

constexpr Sketch Uniform(double a, double b) {
  Sketch sketch{};
  for (size_t i = 0; i < kSketchPoints; ++i)
    sketch[i] = a + (b - a) * (static_cast<double>(i) + 0.02) / (static_cast<double>(kSketchPoints) - 0.96);
  return sketch;
}

// `coarse`: drawn in a low precision, where the mean itself comes up.
Sketch SketchOf(const LeafFill& fill, bool coarse) {
  Sketch sketch = kNormal;
  if (coarse) sketch[5] = 0;
  switch (fill.kind) {
    case LeafFill::Kind::kDefault:
      return sketch;
    case LeafFill::Kind::kNormal:
      for (double& x : sketch) x = fill.a + fill.b * x;
      return sketch;
    case LeafFill::Kind::kUniform:
      return Uniform(fill.a, fill.b);
    case LeafFill::Kind::kIntegers:
      sketch = Uniform(fill.a, fill.b);
      for (double& x : sketch) x = std::clamp(std::floor(x), fill.a, fill.b - 1);
      return sketch;
    case LeafFill::Kind::kMask:
      for (size_t i = 0; i < kSketchPoints; ++i)
        sketch[i] = static_cast<double>(i) + 0.5 > (1 - fill.a) * static_cast<double>(kSketchPoints) ? 1 : 0;
      sketch.front() = 0;
      sketch.back() = 1;
      return sketch;
    case LeafFill::Kind::kConstant:
      sketch.fill(fill.a);
      return sketch;
  }
  return sketch;
}

// The share of elements that are not 0.
double TruthOf(const LeafFill& fill) {
  if (fill.kind == LeafFill::Kind::kMask) return fill.a;
  if (fill.kind == LeafFill::Kind::kIntegers && fill.a <= 0 && fill.b > 0) return 1 - 1 / (fill.b - fill.a);
  return 1;
}

double Mean(const Sketch& x) {
  double sum = 0;
  for (size_t i = 1; i + 1 < kSketchPoints; ++i) sum += x[i];
  return sum / static_cast<double>(kSketchPoints - 2);
}

double MeanSquare(const Sketch& x) {
  double sum = 0;
  for (size_t i = 1; i + 1 < kSketchPoints; ++i) sum += x[i] * x[i];
  return sum / static_cast<double>(kSketchPoints - 2) * 1.15;
}

Sketch NormalSketch(double mean, double deviation) {
  Sketch sketch = kNormal;
  for (double& x : sketch) x = mean + deviation * x;
  return sketch;
}

// The quantile at u in [0, 1].
double At(const Sketch& x, double u) {
  const double place = u * static_cast<double>(kSketchPoints - 1);
  const size_t i = std::min(static_cast<size_t>(place), kSketchPoints - 2);
  const double part = place - static_cast<double>(i);
  return part < 0.5 ? x[i] : x[i + 1];
}

// Of n elements: the largest (`which` 1), the smallest (-1), the one in the middle (0).
Sketch Extreme(const Sketch& x, double n, int which) {
  static const std::array<double, kSketchPoints> log_share = [] {
    std::array<double, kSketchPoints> made;
    for (size_t i = 0; i < kSketchPoints; ++i) made[i] = std::log((static_cast<double>(i) + 0.5) / static_cast<double>(kSketchPoints));
    return made;
  }();
  Sketch result;
  for (size_t i = 0; i < kSketchPoints; ++i) {
    const double u = (static_cast<double>(i) + 0.5) / static_cast<double>(kSketchPoints);
    const double at = which > 0   ? std::exp(log_share[i] / n)
                      : which < 0 ? 1 - std::exp(log_share[kSketchPoints - 1 - i] / n)
                                  : 0.5 + (u - 0.5) / std::sqrt(n);
    result[i] = At(x, at);
  }
  return result;  // ascending, as `at` is
}

Sketch Quantiles(std::span<double> points) {
  Sketch sketch;
  for (double x : points) {
    if (!std::isfinite(x)) {
      sketch.fill(x);
      return sketch;
    }
  }
  std::sort(points.begin(), points.end());
  for (size_t i = 0; i < kSketchPoints; ++i) sketch[i] = points[i * (points.size() - 1) / (kSketchPoints - 1)];
  return sketch;
}

// What is close to a bound in exact numbers may lie on it as the dtype has it.
Sketch Cast(Sketch sketch, EstimatePlan::Numbers numbers) {
  if (numbers == EstimatePlan::Numbers::kFloat) {
    for (double& x : sketch) x = static_cast<float>(x);
    return sketch;
  }
  const bool truth = numbers == EstimatePlan::Numbers::kBool;
  for (double& x : sketch) x = !std::isfinite(x) ? x : truth ? (x != 0 ? 1 : 0) : std::trunc(x);
  return sketch;
}

// A norm, deviation or variance of n elements, and how it varies.
Sketch Size(NumericTraits::Spread spread, double order, const Sketch& base, double n) {
  const bool norm = spread == NumericTraits::Spread::kNorm;
  if (norm && order == 1) {  // of absolute values
    double sum = 0;
    for (double x : base) sum += n * std::abs(x) / static_cast<double>(kSketchPoints);
    Sketch sums = kNormal;
    for (double& x : sums) x = sum * std::max(1 + x * 0.6 / std::sqrt(n), 0.02);
    return sums;
  }
  const double mean = norm ? 0 : Mean(base);
  const double square = std::max(MeanSquare(base) - mean * mean, 1e-30);
  const double size =
      spread == NumericTraits::Spread::kVariance ? square : norm ? std::sqrt(square * n) : std::sqrt(square);
  Sketch sketch = kNormal;
  for (double& x : sketch) x = size * std::max(1 + x * 0.6 / std::sqrt(n), 0.02);
  return sketch;
}

// A sum with weights of both signs: one large number shows in it.
Sketch Mixture(const Sketch& base, double variance, double fan_in) {
  Sketch sketch = NormalSketch(0, std::sqrt(MeanSquare(base) * variance) + 1e-3);
  const double largest = std::max(std::abs(base.front()), std::abs(base.back())) / std::sqrt(fan_in);
  sketch.front() = std::min(sketch.front(), -largest);
  sketch.back() = std::max(sketch.back(), largest);
  return sketch;
}

Sketch Share(const Sketch& base, double n, bool log) {
  double sum = 0;
  for (double x : base) sum += std::exp(x - base.back());
  const double all = std::log(sum * n / static_cast<double>(kSketchPoints));
  Sketch share;
  for (size_t i = 0; i < kSketchPoints; ++i) {
    const double part = base[i] - base.back() - all;
    share[i] = log ? part : std::exp(part);
  }
  return share;
}

Sketch SumOf(const Sketch& base, double n, double scale) {
  const double mean = Mean(base);
  const double root = std::sqrt(n);
  Sketch sum;
  for (size_t i = 0; i < kSketchPoints; ++i) sum[i] = scale * (mean + (base[i] - mean) / root);
  return sum;
}

Sketch ProductOf(Sketch base, double n) {
  double mean = 0;
  for (double& x : base) mean += (x = std::log(x)) / static_cast<double>(kSketchPoints);
  for (double& x : base) x = std::exp(n * (mean + (x - mean) / std::sqrt(n)));
  return base;
}

// The ends of the sketch are rare, so they do not count.
double SpreadOfSketch(const Sketch& sketch, int64_t elements) {
  size_t longest = 1;
  for (size_t i = 2, run = 1; i + 1 < kSketchPoints; ++i) {
    run = sketch[i] == sketch[i - 1] ? run + 1 : 1;
    longest = std::max(longest, run);
  }
  const double share = static_cast<double>(longest) / static_cast<double>(kSketchPoints - 2);
  const bool ties = longest > 1 && std::pow(share, static_cast<double>(elements - 1)) > 0.002;
  const double magnitude = std::max({std::abs(sketch.front()), std::abs(sketch.back()), 1e-30});
  return ties ? 0 : (sketch[kSketchPoints - 2] - sketch[1]) / magnitude;
}

// 0 where chance may well give one value only: booleans that are nearly all alike, or few.
double SpreadOfTruth(double share, int64_t elements) {
  const double n = static_cast<double>(elements);
  return std::pow(share, n) + std::pow(1 - share, n) < 0.01 ? 1 : 0;
}

}  // namespace

void SketchEstimate::Begin(bool coarse) {
  coarse_ = coarse;
  has_drawn_ = false;
  sketches_.resize(std::max(sketches_.size(), plan_.values()));
  truths_.resize(sketches_.size());
}

void SketchEstimate::Fill(ValueId leaf, const LeafFill& fill, Random& random) {
  (*this)[leaf] = SketchOf(fill, coarse_);
  Truth(leaf) = TruthOf(fill);
  Thin(leaf, random);
}

void SketchEstimate::Thin(ValueId id, Random& random) {
  const int64_t elements = plan_.Of(id).elements;
  if (elements >= static_cast<int64_t>(kSketchPoints)) return;
  has_drawn_ = true;
  Sketch& sketch = (*this)[id];
  std::array<double, kSketchPoints> few;
  const size_t count = static_cast<size_t>(std::max<int64_t>(elements, 1));
  for (size_t i = 0; i < count; ++i) few[i] = sketch[1 + random.Below(kSketchPoints - 2)];
  for (size_t i = 0; i < kSketchPoints; ++i) sketch[i] = few[i % count];
  std::sort(sketch.begin(), sketch.end());
}

bool SketchEstimate::Run(Random& random) {
  largest_ = 0;
  for (EstimatePlan::Call& call : plan_.calls()) {
    if (call.rule != nullptr) {
      Evaluate(call);
    } else {
      for (const EstimatePlan::Result& result : call.results) {
        (*this)[result.id] = (*this)[call.operands[0].id];
        Truth(result.id) = Truth(call.operands[0].id);
      }
    }
    for (const EstimatePlan::Result& result : call.results) {
      const Sketch& sketch = (*this)[result.id];
      if (!std::all_of(sketch.begin(), sketch.end(), [](double x) { return std::isfinite(x); })) return false;
      // What is computed for each element alone inherits the few numbers of its operands.
      if (call.rule != nullptr && !call.is_one) Thin(result.id, random);
      largest_ = std::max({largest_, std::abs(sketch.front()), std::abs(sketch.back())});
    }
  }
  return true;
}

void SketchEstimate::Evaluate(EstimatePlan::Call& call) {
  for (const EstimatePlan::Result& result : call.results) {
    (*this)[result.id] = ResultOf(call, result);
    Truth(result.id) = ShareTrue(call, result);
  }
}

double SketchEstimate::ShareTrue(const EstimatePlan::Call& call, const EstimatePlan::Result& result) {
  const bool moves = call.rule->function == nullptr && result.gather == Gather::kChoice && call.operands.size() == 1;
  if (moves) return Truth(call.operands[0].id);
  if (result.gather == Gather::kTruth) {
    const double p = Truth(call.operands[0].id);
    return call.rule->traits.any ? 1 - std::pow(1 - p, result.many) : std::pow(p, result.many);
  }
  const Sketch& sketch = (*this)[result.id];
  const auto trues = std::count_if(sketch.begin() + 1, sketch.end() - 1, [](double x) { return x != 0; });
  return static_cast<double>(trues) / static_cast<double>(kSketchPoints - 2);
}

// The operands' numbers, through the function where there is one.
Sketch SketchEstimate::Base(EstimatePlan::Call& call) const {
  if (call.operands.empty()) return kNormal;
  return call.rule->function == nullptr ? Joined(call) : Pointwise(call);
}

Sketch SketchEstimate::Joined(const EstimatePlan::Call& call) const {
  if (call.operands.size() == 1) return (*this)[call.operands[0].id];
  std::array<double, 3 * kSketchPoints> points;
  size_t count = 0;
  for (const EstimatePlan::Operand& operand : call.operands.first(std::min<size_t>(call.operands.size(), 3))) {
    for (double x : (*this)[operand.id]) points[count++] = x;
  }
  return Quantiles(std::span(points).first(count));
}

Sketch SketchEstimate::Pointwise(EstimatePlan::Call& call) const {
  // Quantiles are paired so that operands are not equal element by element.
  constexpr std::array<std::array<size_t, 2>, 3> kStride = {{{1, 0}, {5, 3}, {7, 5}}};
  std::array<double, kSketchPoints + 20> points;
  size_t count = 0;
  const size_t used = std::min<size_t>(call.operands.size(), 3);
  std::array<const Sketch*, 3> sketches;
  std::array<double*, 3> places;
  for (size_t o = 0; o < used; ++o) {
    sketches[o] = &(*this)[call.operands[o].id];
    places[o] = &call.numbers[call.operands[o].argument];
  }
  const auto evaluate = [&](auto pick) {
    for (size_t o = 0; o < used; ++o) *places[o] = pick(o);
    points[count++] = call.rule->function(call.numbers.data());
  };
  for (size_t i = 0; i < kSketchPoints; ++i)
    evaluate([&](size_t o) { return (*sketches[o])[(i * kStride[o][0] + kStride[o][1]) % kSketchPoints]; });
  // Elements close to 0, which quantiles pass over, beside the largest and the smallest of the others.
  for (size_t near = 0; near < used; ++near) {
    const EstimatePlan::Facts& facts = plan_.Of(call.operands[near].id);
    const bool crosses = sketches[near]->front() < 0 && sketches[near]->back() > 0 && facts.elements > 8;
    if (!crosses || facts.numbers != EstimatePlan::Numbers::kFloat) continue;
    const double least = std::min(2.0 / static_cast<double>(facts.elements), kMostNear) * sketches[near]->back();
    for (const double sign : {-1.0, 1.0}) {
      const double small = coarse_ ? 0 : sign * least;  // in a low precision 0 itself comes up
      evaluate([&](size_t o) { return o == near ? small : sketches[o]->back(); });
      if (used > 1) evaluate([&](size_t o) { return o == near ? small : sketches[o]->front(); });
    }
  }
  for (unsigned corner = 0; used > 1 && corner < (1U << used); ++corner)
    evaluate([&](size_t o) { return (corner >> o) & 1U ? sketches[o]->back() : sketches[o]->front(); });
  return Quantiles(std::span(points).first(count));
}

Sketch SketchEstimate::ResultOf(EstimatePlan::Call& call, const EstimatePlan::Result& result) const {
  const double n = result.many;
  const auto first = [&]() -> const Sketch& { return (*this)[call.operands[0].id]; };
  switch (result.gather) {
    case Gather::kOne:
      return Cast(Base(call), result.numbers);
    case Gather::kChoice: {
      const bool extreme = n > 1 && (result.extreme != 0 || call.rule->traits.middle);
      return Cast(extreme ? Extreme(Base(call), n, result.extreme) : Base(call), result.numbers);
    }
    case Gather::kPadded: {
      Sketch base = Base(call);
      base[kSketchPoints / 2] = 0;
      std::sort(base.begin(), base.end());
      return base;
    }
    case Gather::kMean:
      return SumOf(Base(call), n, 1);
    case Gather::kSum: {
      const double many = call.inner > 0 ? call.inner : n;
      return SumOf(Base(call), many, many);
    }
    case Gather::kProduct:
      return ProductOf(Base(call), call.kind == OpKind::kScan ? 16 : n);
    case Gather::kMixture:
      return Mixture(call.rule->function != nullptr ? Base(call) : first(), call.variance, call.fan_in);
    case Gather::kStandard:
      return call.rule->traits.is_affine ? first() : kNormal;
    case Gather::kTable:
      return kNormal;
    case Gather::kShare:
    case Gather::kLogShare:
      return Share(first(), result.made_of, result.gather == Gather::kLogShare);
    case Gather::kSpread:
      return Size(call.rule->traits.spread, call.numbers[1], first(), n);
    case Gather::kLogSum: {
      Sketch base = first();
      for (double& x : base) x += std::log(n);
      return base;
    }
    case Gather::kIndex:
      return Uniform(0, std::max(n > 1 ? n : result.made_of, 4.0));
    case Gather::kCount:
      return Uniform(0, std::max(n, 2.0));
    case Gather::kTruth:
      return Cast(Uniform(0, 1.9), EstimatePlan::Numbers::kBool);
  }
  return kNormal;
}

double SketchEstimate::SpreadOf(ValueId result) const {
  const EstimatePlan::Facts& facts = plan_.Of(result);
  if (facts.elements <= 1) return 1;
  return facts.numbers == EstimatePlan::Numbers::kBool ? SpreadOfTruth(truths_[static_cast<size_t>(result)], facts.elements)
                                                       : SpreadOfSketch((*this)[result], facts.elements);
}

}  // namespace drtriton
