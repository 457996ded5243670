#include "synth/conditioning.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include "synth/lane_estimate.h"

namespace drtriton {
namespace {

constexpr int kAttempts = 40;          // fills tried
constexpr int kTrials = 3;             // estimates under which a fill has to be fine: small tensors are drawn anew
constexpr double kLargest = 1e15;      // of a value that conditioning calls fine
constexpr double kLeastSpread = 1e-3;  // of a result, against its magnitude

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

// ---- The menu

std::span<const LeafFill> MenuOf(ElementType type) {
  using enum LeafFill::Kind;
  static const std::array<std::vector<LeafFill>, kElementTypes> menus = {{
      {{kNormal, 0, 1}, {kNormal, 0, 0.3}, {kNormal, 0.5, 1}, {kNormal, 0, 3}, {kNormal, -2, 0.5}, {kNormal, 0, 0.05}},
      {{kUniform, 0.1, 2}, {kUniform, 0.5, 1.5}, {kUniform, 0.9, 1.1}, {kUniform, 0.02, 0.3}, {kUniform, 2, 8}},
      {{kUniform, 0.02, 0.98}, {kUniform, 0.3, 0.7}, {kUniform, 0.9, 0.995}, {kUniform, 0.01, 0.1}},
      {{kUniform, -0.95, 0.95}, {kUniform, -0.3, 0.3}, {kUniform, -0.05, 0.05}},
      {{kUniform, -2, -0.1}, {kUniform, -0.3, -0.01}, {kUniform, -8, -2}},
      {{kUniform, 1.05, 3}, {kUniform, 1.01, 1.2}, {kUniform, 3, 9}},
      {{kIntegers, -3, 4}},
      {{kIntegers, 0, 4}},
      {{kIntegers, -4, 5}, {kIntegers, -1, 2}},
      {{kIntegers, 0, 5}, {kIntegers, 0, 3}},
      {{kIntegers, 0, 2}},
      {{kIntegers, -5, 6}, {kIntegers, -1, 2}},
      {{kIntegers, 0, 6}, {kIntegers, 0, 2}},
      {{kIntegers, 0, 8}},
      {{kMask, 0.5, 0}},
  }};
  return menus[static_cast<size_t>(type)];
}

// Of any scale and place, where the usual ones did not help.
std::optional<LeafFill> WideFill(ElementType type, Random& random) {
  const double scale = std::pow(10.0, 5 * random.Unit() - 2.5);
  const double place = random.Chance(0.6) ? 0 : (random.Unit() * 8 - 4) * scale;
  switch (type) {
    case ElementType::kReal:
      return LeafFill{LeafFill::Kind::kNormal, place, scale};
    case ElementType::kPositive:
      return LeafFill{LeafFill::Kind::kUniform, scale * 0.1, scale * 2};
    case ElementType::kNegative:
      return LeafFill{LeafFill::Kind::kUniform, -scale * 2, -scale * 0.1};
    case ElementType::kAboveOne:
      return LeafFill{LeafFill::Kind::kUniform, 1.01, 1.02 + scale};
    case ElementType::kWhole:
    case ElementType::kInteger:
      return LeafFill{LeafFill::Kind::kIntegers, -std::floor(scale) - 1, std::floor(scale) + 2};
    case ElementType::kCounting:
    case ElementType::kNatural:
      return LeafFill{LeafFill::Kind::kIntegers, 0, std::min(std::floor(scale), 20.0) + 2};
    default:
      return std::nullopt;
  }
}

LeafFill FillOf(const LeafFacts& leaf, int64_t elements, int attempt, Random& random) {
  if (leaf.deviation > 0)
    return {LeafFill::Kind::kUniform, leaf.mean - leaf.deviation * std::numbers::sqrt3, leaf.mean + leaf.deviation * std::numbers::sqrt3};
  if (leaf.deviation < 0) return {LeafFill::Kind::kConstant, leaf.mean, 0};
  if (leaf.type == ElementType::kIndex && leaf.limit > 0)
    return {LeafFill::Kind::kIntegers, 0, static_cast<double>(leaf.limit)};
  if (leaf.type == ElementType::kBool && attempt > 0) {
    const double rarest = std::min(0.5, 6 / static_cast<double>(std::max<int64_t>(elements, 1)));  // some of them are there
    const double rare = std::max(std::pow(10.0, -5 * random.Unit() - 0.3), rarest);
    return {LeafFill::Kind::kMask, random.Chance(0.5) ? rare : 1 - rare, 0};
  }
  if (attempt >= 12) {
    if (const std::optional<LeafFill> fill = WideFill(leaf.type, random)) return *fill;
  }
  const std::span<const LeafFill> menu = MenuOf(leaf.type);
  return attempt == 0 ? menu[0] : menu[random.Below(static_cast<uint32_t>(menu.size()))];
}

// ---- Estimates

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

// Of n elements: the largest, the smallest, the one in the middle.
Sketch Extreme(const Sketch& x, double n, int which) {
  Sketch result;
  for (size_t i = 0; i < kSketchPoints; ++i) {
    const double u = (static_cast<double>(i) + 0.5) / static_cast<double>(kSketchPoints);
    const double at = which > 0 ? std::pow(u, 1 / n) : which < 0 ? 1 - std::pow(1 - u, 1 / n) : 0.5 + (u - 0.5) / std::sqrt(n);
    result[i] = At(x, at);
  }
  std::sort(result.begin(), result.end());
  return result;
}

class Estimator {
 public:
  Estimator(const Program& program, std::span<const EstimatedNode> nodes, bool coarse, Random& random)
      : program_(program), nodes_(nodes), coarse_(coarse), random_(random) {
    sketches_.resize(program.values.size());
    truths_.resize(program.values.size());
  }

  Sketch& operator[](ValueId id) { return sketches_[static_cast<size_t>(id)]; }

  // The share of elements that are not 0.
  double& Truth(ValueId id) { return truths_[static_cast<size_t>(id)]; }

  // A tensor of few elements holds few of the numbers that it might hold.
  void Thin(ValueId id) {
    const int64_t elements = program_.value(id).Elements();
    if (elements >= static_cast<int64_t>(kSketchPoints)) return;
    Sketch& sketch = (*this)[id];
    const Sketch all = sketch;
    std::array<double, kSketchPoints> few;
    for (int64_t i = 0; i < elements; ++i) few[static_cast<size_t>(i)] = all[1 + random_.Below(kSketchPoints - 2)];
    for (size_t i = 0; i < kSketchPoints; ++i) sketch[i] = few[i % static_cast<size_t>(std::max<int64_t>(elements, 1))];
    std::sort(sketch.begin(), sketch.end());
  }

  // False when some value is not finite.
  bool Run(double* largest) {
    *largest = 0;
    for (const EstimatedNode& estimated : nodes_) {
      const Node& node = program_.nodes[static_cast<size_t>(estimated.node)];
      if (estimated.rule == nullptr) {
        PassOn(node);
      } else {
        Evaluate(node, *estimated.rule);
      }
      for (ValueId id : node.outputs) {
        if (id < 0) continue;
        const Sketch& sketch = (*this)[id];
        for (double x : sketch) {
          if (!std::isfinite(x)) return false;
        }
        // What is computed for each element alone inherits the few numbers of its operands.
        if (estimated.rule != nullptr && estimated.rule->gather[0] != Gather::kOne) Thin(id);
        *largest = std::max({*largest, std::abs(sketch.front()), std::abs(sketch.back())});
      }
    }
    return true;
  }

 private:
  void PassOn(const Node& node) {
    for (ValueId id : node.outputs) {
      (*this)[id] = (*this)[node.args[0].AsValue()];
      Truth(id) = Truth(node.args[0].AsValue());
    }
  }

  struct Operand {
    size_t argument = 0;
    ValueId id = -1;
  };

  void Evaluate(const Node& node, const NumericRule& rule) {
    operands_.clear();
    numbers_.assign(std::max<size_t>(node.args.size(), 8), std::numeric_limits<double>::quiet_NaN());
    for (size_t a = 0; a < node.args.size(); ++a) ReadArgument(node.args[a], a, rule);
    for (size_t k = 0; k < node.outputs.size(); ++k) {
      if (node.outputs[k] < 0) continue;
      const Gather gather = rule.gather[std::min(k, rule.gather.size() - 1)];
      const ValueId id = node.outputs[k];
      (*this)[id] = Result(node, rule, gather, program_.value(id));
      Truth(id) = ShareTrue(node, rule, gather, id);
    }
  }

  double ShareTrue(const Node& node, const NumericRule& rule, Gather gather, ValueId id) {
    const bool moves = rule.function == nullptr && gather == Gather::kChoice && operands_.size() == 1;
    if (moves) return Truth(operands_[0].id);
    if (gather != Gather::kTruth) {
      const Sketch& sketch = (*this)[id];
      double count = 0;
      for (size_t i = 1; i + 1 < kSketchPoints; ++i) count += sketch[i] != 0 ? 1 : 0;
      return count / static_cast<double>(kSketchPoints - 2);
    }
    const double p = Truth(operands_[0].id);
    const double n = Many(program_.value(id));
    return node.op.starts_with("aten.any") ? 1 - std::pow(1 - p, n) : std::pow(p, n);
  }

  void ReadArgument(const Attr& arg, size_t a, const NumericRule& rule) {
    const bool skipped = a < 8 && (((rule.index_arguments | rule.silent_arguments) >> a) & 1U);
    if (arg.IsValue()) {
      if (!skipped) operands_.push_back({a, arg.AsValue()});
    } else if (arg.IsNumber()) {
      numbers_[a] = arg.AsDouble();
    } else if (arg.Is<std::string>()) {
      numbers_[a] = WordNumber(arg.AsString());
    } else if (arg.Is<AttrList>() && !skipped) {
      for (const Attr& item : arg.AsList()) {
        if (item.IsValue()) operands_.push_back({a, item.AsValue()});
      }
    }
  }

  // The operands' numbers, through the function where there is one.
  Sketch Base(const NumericRule& rule) {
    if (operands_.empty()) return kNormal;
    if (rule.function == nullptr) return Joined();
    std::array<double, kSketchPoints + 20> points;
    size_t count = 0;
    const size_t used = std::min<size_t>(operands_.size(), 3);
    const auto evaluate = [&](auto pick) {
      for (size_t o = 0; o < used; ++o) numbers_[operands_[o].argument] = pick(o);
      points[count++] = rule.function(numbers_.data());
    };
    for (size_t i = 0; i < kSketchPoints; ++i) {
      evaluate([&](size_t o) {
        const size_t place = o == 0 ? i : o == 1 ? (i * 5 + 3) % kSketchPoints : (i * 7 + 5) % kSketchPoints;
        return (*this)[operands_[o].id][place];
      });
    }
    // Elements close to 0, which quantiles pass over, beside the largest and the smallest of the others.
    const auto crosses = [&](size_t o) {
      const Sketch& sketch = (*this)[operands_[o].id];
      const Value& value = program_.value(operands_[o].id);
      return sketch.front() < 0 && sketch.back() > 0 && value.Elements() > 8 && IsFloating(value.dtype);
    };
    for (size_t near = 0; near < used; ++near) {
      if (!crosses(near)) continue;
      for (double sign : {-1.0, 1.0}) {
        const double most = 2.0 / static_cast<double>(program_.value(operands_[near].id).Elements());
        // In a low precision 0 itself comes up.
        const double small = coarse_ ? 0 : sign * std::min(most, 1e-3) * (*this)[operands_[near].id].back();
        for (const bool largest : {true, false}) {
          evaluate([&](size_t o) {
            const Sketch& sketch = (*this)[operands_[o].id];
            return o == near ? small : largest ? sketch.back() : sketch.front();
          });
          if (used == 1) break;
        }
      }
    }
    for (unsigned corner = 0; used > 1 && corner < (1U << used); ++corner) {
      evaluate([&](size_t o) {
        const Sketch& sketch = (*this)[operands_[o].id];
        return (corner >> o) & 1U ? sketch.back() : sketch.front();
      });
    }
    return Quantiles(std::span(points).first(count));
  }

  static Sketch Quantiles(std::span<double> points) {
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

  Sketch Joined() {
    if (operands_.size() == 1) return (*this)[operands_[0].id];
    std::array<double, 3 * kSketchPoints> points;
    size_t count = 0;
    for (size_t o = 0; o < std::min<size_t>(operands_.size(), 3); ++o) {
      for (double x : (*this)[operands_[o].id]) points[count++] = x;
    }
    return Quantiles(std::span(points).first(count));
  }

  // How many elements one result is made of.
  double Many(const Value& result) const {
    if (operands_.empty()) return 1;
    const Value& first = program_.value(operands_[0].id);
    return std::max(1.0, static_cast<double>(first.Elements()) / static_cast<double>(std::max<int64_t>(result.Elements(), 1)));
  }

  double Inner(const Node& node) const {
    const OperatorInfo* info = FindOperator(node.op);
    if (info->kind == OpKind::kScan) return 8;
    const size_t product = operands_.size() > 2 ? 1 : 0;
    const Shape& shape = program_.value(operands_[product].id).shape;
    return info->kind == OpKind::kMatmul && !shape.empty() ? static_cast<double>(shape.back()) : 0;
  }

  // Of a loss: 0 none, 1 the mean, 2 the sum.
  static std::optional<int64_t> Reduction(const Node& node) {
    const OperatorInfo* info = FindOperator(node.op);
    const int position = info->kind == OpKind::kLoss ? info->schema.Find("reduction") : -1;
    if (position < 0) return std::nullopt;
    return node.args[static_cast<size_t>(position)].AsInt();
  }

  // A sum with weights of both signs, as PyTorch draws them: one large number shows in it.
  Sketch Mixture(const Node& node, const NumericRule& rule) {
    const Sketch base = rule.function != nullptr ? Base(rule) : (*this)[operands_[0].id];
    double share = 1.0 / 3;
    if (rule.function != nullptr) {
      const double inner = static_cast<double>(program_.value(operands_[1].id).shape.back());
      share = node.op.starts_with("aten.bilinear") ? inner / 3 : 2;
    }
    Sketch sketch = NormalSketch(0, std::sqrt(MeanSquare(base) * share) + 1e-3);
    double fan_in = 1;
    const Value& weight = program_.value(operands_[std::min<size_t>(1, operands_.size() - 1)].id);
    for (size_t d = 1; d < weight.shape.size(); ++d) fan_in *= static_cast<double>(weight.shape[d]);
    const double largest = std::max(std::abs(base.front()), std::abs(base.back())) / std::sqrt(fan_in);
    sketch.front() = std::min(sketch.front(), -largest);
    sketch.back() = std::max(sketch.back(), largest);
    return sketch;
  }

  // A norm, deviation or variance of n elements, and how it varies.
  Sketch Size(const Node& node, double n) {
    const Sketch& base = (*this)[operands_[0].id];
    const std::string_view name = std::string_view(node.op).substr(5);
    const bool norm = !name.starts_with("var") && !name.starts_with("std");
    const double mean = norm ? 0 : Mean(base);
    const double square = std::max(MeanSquare(base) - mean * mean, 1e-30);
    const double size = name.starts_with("var") ? square : norm ? std::sqrt(square * n) : std::sqrt(square);
    if (norm && numbers_[1] == 1) {  // of absolute values
      double sum = 0;
      for (double x : base) sum += n * std::abs(x) / static_cast<double>(kSketchPoints);
      Sketch sums = kNormal;
      for (double& x : sums) x = sum * std::max(1 + x * 0.6 / std::sqrt(n), 0.02);
      return sums;
    }
    Sketch sketch = kNormal;
    for (double& x : sketch) x = size * std::max(1 + x * 0.6 / std::sqrt(n), 0.02);
    return sketch;
  }

  Sketch Result(const Node& node, const NumericRule& rule, Gather gather, const Value& result) {
    double n = Many(result);
    switch (gather) {
      case Gather::kOne:
        return Cast(Base(rule), result.dtype);
      case Gather::kChoice:
        return Cast(Choice(node, Base(rule), n), result.dtype);
      case Gather::kPadded: {
        Sketch base = Base(rule);
        base[kSketchPoints / 2] = 0;
        std::sort(base.begin(), base.end());
        return base;
      }
      case Gather::kMean:
      case Gather::kSum: {
        if (const std::optional<int64_t> reduction = Reduction(node)) {  // a loss
          if (*reduction == 0) return Base(rule);
          if (*reduction == 2) gather = Gather::kSum;
        }
        if (const double inner = Inner(node); inner > 0 && gather == Gather::kSum) n = inner;
        const Sketch base = Base(rule);
        const double mean = Mean(base);
        const double scale = gather == Gather::kSum ? n : 1;
        Sketch sum = base;
        for (double& x : sum) x = scale * (mean + (x - mean) / std::sqrt(n));
        return sum;
      }
      case Gather::kProduct: {
        Sketch base = Base(rule);
        double mean = 0;
        for (double& x : base) mean += (x = std::log(x)) / static_cast<double>(kSketchPoints);
        const double many = FindOperator(node.op)->kind == OpKind::kScan ? 16 : n;
        for (double& x : base) x = std::exp(many * (mean + (x - mean) / std::sqrt(many)));
        return base;
      }
      case Gather::kMixture:
        return Mixture(node, rule);
      case Gather::kStandard:
        return node.op.starts_with("aten.batch_norm") ? (*this)[operands_[0].id] : kNormal;
      case Gather::kTable:
        return kNormal;
      case Gather::kShare:
      case Gather::kLogShare:
        return Share((*this)[operands_[0].id], SizeAlong(node, result.shape), gather == Gather::kLogShare);
      case Gather::kSpread:
        return Size(node, n);
      case Gather::kLogSum: {
        Sketch base = (*this)[operands_[0].id];
        for (double& x : base) x += std::log(n);
        return base;
      }
      case Gather::kIndex:
        if (n <= 1) n = SizeAlong(node, program_.value(operands_[0].id).shape);  // a sort
        return Uniform(0, std::max(n, 4.0));
      case Gather::kCount:
        return Uniform(0, std::max(n, 2.0));
      case Gather::kTruth:
        return Cast(Uniform(0, 1.9), DType::kBool);
    }
    return kNormal;
  }

  // What is close to a bound in exact numbers may lie on it as the dtype has it.
  static Sketch Cast(Sketch sketch, DType dtype) {
    if (IsFloating(dtype)) {
      for (double& x : sketch) x = static_cast<float>(x);
      return sketch;
    }
    for (double& x : sketch) x = !std::isfinite(x) ? x : dtype == DType::kBool ? (x != 0 ? 1 : 0) : std::trunc(x);
    return sketch;
  }

  Sketch Choice(const Node& node, const Sketch& base, double n) {
    if (n <= 1) return base;
    const std::string_view name = std::string_view(node.op).substr(5);
    if (name.starts_with("amax") || name.starts_with("max") || name.starts_with("cummax") || name.starts_with("adaptive_max"))
      return Extreme(base, n, 1);
    if (name.starts_with("amin") || name.starts_with("min") || name.starts_with("cummin")) return Extreme(base, n, -1);
    return name.starts_with("median") ? Extreme(base, n, 0) : base;
  }

  // Among n elements.
  static Sketch Share(const Sketch& base, double n, bool log) {
    double sum = 0;
    for (double x : base) sum += std::exp(x - base.back());
    Sketch share;
    for (size_t i = 0; i < kSketchPoints; ++i) {
      const double part = base[i] - base.back() - std::log(sum * n / static_cast<double>(kSketchPoints));
      share[i] = log ? part : std::exp(part);
    }
    return share;
  }

  const Program& program_;
  std::span<const EstimatedNode> nodes_;
  bool coarse_;  // floats will be of a low precision
  Random& random_;
  std::vector<Sketch> sketches_;
  std::vector<double> truths_;
  std::vector<Operand> operands_;
  std::vector<double> numbers_;
};

// How far the elements of a result differ, against their magnitude; 0 where chance may well make them all the same.  The
// ends of the sketch are rare, so they do not count.
double SpreadOf(const Sketch& sketch, int64_t elements) {
  if (elements <= 1) return 1;
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
  if (elements <= 1) return 1;
  const double n = static_cast<double>(elements);
  return std::pow(share, n) + std::pow(1 - share, n) < 0.01 ? 1 : 0;
}

double TruthOf(const LeafFill& fill) {
  if (fill.kind == LeafFill::Kind::kMask) return fill.a;
  if (fill.kind == LeafFill::Kind::kIntegers && fill.a <= 0 && fill.b > 0) return 1 - 1 / (fill.b - fill.a);
  return 1;
}

// One estimate under these fills; `tried` keeps the worst of them.  A value that is not finite counts as spread -1.
void Try(const Program& program, std::span<const LeafFacts> leaves, const std::vector<ValueId>& results, bool coarse,
         Estimator& estimator, Conditioned& tried) {
  for (size_t l = 0; l < leaves.size(); ++l) {
    estimator[leaves[l].value] = SketchOf(tried.fills[l], coarse);
    estimator.Truth(leaves[l].value) = TruthOf(tried.fills[l]);
    estimator.Thin(leaves[l].value);
  }
  double largest = 0;
  const bool finite = estimator.Run(&largest);
  tried.largest = std::max(tried.largest, largest);
  for (ValueId id : results) {
    const Value& value = program.value(id);
    const bool truth = value.dtype == DType::kBool;
    const double spread = !finite ? -1
                          : truth ? SpreadOfTruth(estimator.Truth(id), value.Elements())
                                  : SpreadOf(estimator[id], value.Elements());
    tried.least_spread = std::min(tried.least_spread, spread);
  }
  tried.fine = finite && tried.largest < kLargest && tried.least_spread > kLeastSpread;
}

}  // namespace

Conditioned Condition(const Program& program, std::span<const LeafFacts> leaves,
                      std::span<const EstimatedNode> nodes, bool coarse, Random& random) {
  Estimator estimator(program, nodes, coarse, random);
  LaneEstimate lanes(program, leaves, nodes);
  Conditioned best;
  double best_score = -std::numeric_limits<double>::infinity();
  const std::vector<ValueId> results = program.Results();
  std::vector<LeafFill> fills(leaves.size());
  for (int attempt = 0; attempt < kAttempts && !best.fine; ++attempt) {
    for (size_t l = 0; l < leaves.size(); ++l) fills[l] = FillOf(leaves[l], program.value(leaves[l].value).Elements(), attempt, random);
    Conditioned tried{fills, 0, 1, true};
    for (int trial = 0; trial < kTrials && tried.fine; ++trial) Try(program, leaves, results, coarse, estimator, tried);
    tried.fine = tried.fine && lanes.Fine(tried.fills, coarse, attempt > 0, random);
    const double score = (tried.least_spread < 0 ? 0.0 : 100.0) - std::log10(std::max(tried.largest, 1.0)) +
                         std::log10(std::max(tried.least_spread, 1e-12));
    if (score <= best_score) continue;
    best_score = score;
    best = std::move(tried);
  }
  return best;
}

}  // namespace drtriton
