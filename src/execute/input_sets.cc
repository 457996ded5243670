#include "execute/input_sets.h"

#include <cmath>
#include <limits>

#include "execute/torch_values.h"

namespace drtriton {
namespace {

constexpr int kMixedSets = 48;

bool IsParameter(const Value& value) { return value.kind != ValueKind::kInput; }

// Like `own` by mean and deviation; never negative where `own` never is (a variance stays one).
at::Tensor DrawLike(const at::Tensor& own, const Moments& moments) {
  at::Tensor drawn = at::randn_like(own).mul_(moments.deviation).add_(moments.mean);
  return moments.nonnegative ? drawn.abs_() : drawn;
}

// Parameters away from their initial values: zeros, ones and constants must not stay what they are.
at::Tensor Perturbed(const at::Tensor& own, const Moments& moments) {
  if (moments.nonnegative && moments.mean > 0) return own * at::randn_like(own).mul_(0.4).exp_();
  const double noise = moments.deviation > 0 ? 0.3 * moments.deviation : 0.1;
  return own * at::rand_like(own).add_(0.5) + at::randn_like(own).mul_(noise);
}

// Parameters under which every branch of a network contributes: weights that keep a signal's size, biases of the size of
// one, scales around what they were.
at::Tensor Balanced(const at::Tensor& own, const Moments& moments) {
  if (moments.nonnegative && moments.mean > 0) return at::randn_like(own).mul_(0.5).exp_().mul_(moments.mean);
  const double fan_in = own.dim() > 1 ? static_cast<double>(own.numel() / own.size(0)) : 1;
  return at::randn_like(own).div_(std::sqrt(fan_in));
}

at::Tensor Shuffled(const at::Tensor& own) {
  const at::Tensor flat = own.reshape({-1});
  return flat.index_select(0, at::randperm(flat.size(0), flat.options().dtype(at::kLong))).view(own.sizes());
}

// Values that meet each other and the points where functions jump: multiples of a half.
at::Tensor Coarse(const at::Tensor& own) { return at::randn_like(own).mul_(3).round_().div_(2); }

// Small whole numbers, with which sums and products are exact and often meet; positive ones where `own` is.
at::Tensor SmallWhole(const at::Tensor& own, const Moments& moments) {
  if (moments.nonnegative && moments.mean > 0) return at::randint_like(own, 1, 3);
  return at::randint_like(own, -2, 3);
}

// Multiples of a half, half of them zero.
at::Tensor Halves(const at::Tensor& own) { return Coarse(own).mul_(at::rand_like(own) < 0.5); }

// Positive, from 1e-3 to 1e3.
at::Tensor Magnitudes(const at::Tensor& own) { return at::rand_like(own).sub_(0.5).mul_(14).exp_(); }

// Log-normal with signs.
at::Tensor Spread(const at::Tensor& own) { return at::randn_like(own).mul_(3).exp_().mul_(at::randn_like(own).sign_()); }

at::Tensor Sparse(const at::Tensor& own) { return at::randn_like(own).mul_(at::rand_like(own) < 0.2); }

// One of `ways` ways.  Drawn on the host, where it costs no trip to a device.
int64_t OneOf(int64_t ways) { return at::randint(ways, {}, at::kLong).item<int64_t>(); }

at::Tensor MixedInput(const at::Tensor& own, const Moments& moments) {
  const double sign = OneOf(2) == 0 ? 1 : -1;
  switch (OneOf(16)) {
    case 0: return Shuffled(own);
    case 1: return DrawLike(own, moments);
    case 2: return at::randn_like(own);
    case 3: return at::randn_like(own).mul_(0.2);
    case 4: return at::randn_like(own).mul_(8);
    case 5: return at::randn_like(own).mul_(1e-3);
    case 6: return at::zeros_like(own);
    case 7: return at::rand_like(own).add_(0.5).mul_(sign);
    case 8: return at::randn_like(own).add_(1.5 * sign);
    case 9: return at::randn_like(own).mul_(1e-3).add_(1).mul_(sign * static_cast<double>(1 + OneOf(4)));   // nearly one number
    case 10: return at::randint_like(own, -2, 3);
    case 11: return Halves(own).div_(static_cast<double>(1 + OneOf(2)));
    case 12: return Spread(own);
    case 13: return Magnitudes(own).mul_(sign);
    case 14: return Sparse(own);
    default: return at::randn_like(own).mul_(100);
  }
}

// Positive parameters stay positive.
at::Tensor MixedParameter(const at::Tensor& own, const Moments& moments) {
  switch (OneOf(7)) {
    case 0: return own;
    case 1: return own * 0.1;
    case 2: return own * 10;
    case 3: return Perturbed(own, moments);
    case 4: return SmallWhole(own, moments);
    case 5: return Perturbed(own, moments) * 1e-3;
    default: return Balanced(own, moments);
  }
}

at::Tensor MixedMask(const at::Tensor& own) {
  switch (OneOf(5)) {
    case 0: return Shuffled(own);
    case 1: return own.logical_not();
    case 2: return at::zeros_like(own);
    case 3: return at::ones_like(own);
    default: return at::rand(own.sizes(), own.options().dtype(at::kFloat)) < 0.5;
  }
}

at::Tensor MixedInteger(const at::Tensor& own, bool index) {
  switch (OneOf(index ? 3 : 6)) {
    case 0: return Shuffled(own);
    case 1: return Shuffled(own).reshape({-1})[0].expand(own.sizes()).contiguous();   // one number everywhere
    case 2: return std::get<0>(own.reshape({-1}).sort()).view(own.sizes());
    case 3: return at::zeros_like(own);
    case 4: return at::randint_like(own, 0, 2);
    default: return own.scalar_type() == at::kByte ? at::randint_like(own, 0, 10) : at::randint_like(own, -9, 10);
  }
}

bool IsMixed(const std::string& name) { return name.starts_with("mixed"); }

at::Tensor DrawFloat(const std::string& name, const Value& value, const at::Tensor& own, const Moments& moments) {
  if (IsMixed(name)) return IsParameter(value) ? MixedParameter(own, moments) : MixedInput(own, moments);
  if (IsParameter(value)) {
    if (name == "parameters") return Perturbed(own, moments);
    if (name == "faint") return own * 1e-2;
    if (name == "dim") return own * 0.1;
    if (name == "balanced") return Balanced(own, moments);
    if (name == "strong") return own.dim() > 1 ? Balanced(own, moments) * 3 : Perturbed(own, moments);
    if (name == "whole" || name == "halves") return SmallWhole(own, moments);
    if (name.starts_with("uneven")) return Balanced(own, moments) * (at::rand({}, own.options().dtype(at::kFloat)).item<float>() < 0.4 ? 1e-3 : 1.0);
    return name == "varied" ? Perturbed(own, moments) * at::randn_like(own).exp_() : own;
  }
  if (name == "signed") return at::randn_like(own);
  if (name == "large") return at::randn_like(own).mul_(100);
  if (name == "tiny") return own * 1e-3;
  if (name == "zeros") return at::zeros_like(own);
  if (name == "spread") return Spread(own);
  if (name == "positive") return at::rand_like(own).add_(0.5);
  if (name == "coarse") return Coarse(own);
  if (name == "unit") return at::rand_like(own).mul_(2).sub_(1);
  if (name == "sparse") return Sparse(own);
  if (name == "wide") return at::randn_like(own).mul_(8);
  if (name == "faint" || name == "dim" || name.starts_with("uneven")) return at::randn_like(own).mul_(1e-3);
  if (name == "balanced" || name == "strong") return at::randn_like(own);
  if (name == "magnitudes") return Magnitudes(own);
  if (name == "small") return at::randn_like(own).mul_(0.2);
  if (name == "deep") return at::randn_like(own).mul_(0.1).sub_(3);
  if (name == "whole") return at::randint_like(own, -2, 3);
  if (name == "halves") return Halves(own);
  if (name == "varied") return at::randn_like(own).mul_(2).add_(1);
  return DrawLike(own, moments);   // parameters, reseeded
}

}  // namespace

Moments MomentsOf(const at::Tensor& own) {
  const at::Tensor finite = at::isfinite(own);
  const at::Tensor values = at::where(finite, own, 0).to(at::kDouble), count = finite.sum().to(at::kDouble);
  const at::Tensor mean = values.sum() / count;
  const at::Tensor deviation = (at::where(finite, values - mean, 0.0).square().sum() / count).sqrt();
  const at::Tensor facts = at::stack({count, mean, deviation, values.min()}).to(at::kCPU);   // one trip to the device
  const auto* fact = facts.const_data_ptr<double>();
  if (fact[0] == 0) return {};
  return {fact[1], fact[2], fact[3] >= 0};
}

const std::vector<std::string>& StandardSets() {
  static const std::vector<std::string> sets = {"own", "signed", "parameters", "large", "tiny", "zeros", "reseeded"};
  return sets;
}

const std::vector<std::string>& FurtherSets() {
  static const std::vector<std::string> sets = {"spread", "positive", "coarse", "wide", "unit", "varied", "balanced", "dim", "faint", "sparse", "integers", "magnitudes", "whole", "halves", "strong", "uneven", "uneven again", "small", "deep"};
  return sets;
}

const std::vector<std::string>& MixedSets() {
  static const std::vector<std::string> sets = [] {
    std::vector<std::string> names;
    for (int i = 1; i <= kMixedSets; ++i) names.push_back("mixed " + std::to_string(i));
    return names;
  }();
  return sets;
}

at::Tensor DrawInput(const std::string& name, const Value& value, const at::Tensor& own, const Moments& moments, bool index) {
  if (name == "own" || own.numel() == 0) return own;
  if (own.is_complex()) return own;
  if (own.scalar_type() == at::kBool && !IsParameter(value) && (name == "sparse" || name == "positive")) return at::rand(own.sizes(), own.options().dtype(at::kFloat)) < (name == "sparse" ? 0.02 : 0.98);
  if (!own.is_floating_point() && IsMixed(name) && !IsParameter(value)) return own.scalar_type() == at::kBool ? MixedMask(own) : MixedInteger(own, index);
  const bool free = !index && (own.scalar_type() == at::kLong || own.scalar_type() == at::kInt);
  if (name == "integers" && free && !IsParameter(value)) return at::randint(-9, 10, own.sizes(), own.options());
  if (!own.is_floating_point()) return IsParameter(value) || name == "tiny" ? own : Shuffled(own);
  const at::Tensor dense = own.contiguous();
  return at::where(at::isfinite(dense), DrawFloat(name, value, dense, moments), dense);
}

at::Tensor InRangeOf(const at::Tensor& own, const at::Tensor& drawn) {
  if (!drawn.is_floating_point() || own.numel() == 0) return drawn;
  const double infinity = std::numeric_limits<double>::infinity();
  const at::Tensor finite = at::isfinite(own);
  const at::Tensor low = at::where(finite, own, infinity).amin(), high = at::where(finite, own, -infinity).amax();
  return at::where(at::isfinite(drawn), at::minimum(at::maximum(drawn, low), high), drawn).to(drawn.scalar_type());
}

at::Tensor DrawOwn(const Value& value, const LeafFill& fill, at::Device device) {
  const auto options = at::TensorOptions().device(device);
  const at::ScalarType type = ToTorch(value.dtype);
  const auto floats = options.dtype(at::kFloat);
  switch (fill.kind) {
    case LeafFill::Kind::kDefault: break;
    case LeafFill::Kind::kNormal: return at::randn(value.shape, floats).mul_(fill.b).add_(fill.a).to(type);
    case LeafFill::Kind::kUniform: return at::rand(value.shape, floats).mul_(fill.b - fill.a).add_(fill.a).to(type);
    case LeafFill::Kind::kIntegers: return at::randint(static_cast<int64_t>(fill.a), static_cast<int64_t>(fill.b), value.shape, options.dtype(at::kLong)).to(type);
    case LeafFill::Kind::kMask: return (at::rand(value.shape, floats) < fill.a).to(type);
    case LeafFill::Kind::kConstant: return at::full(value.shape, fill.a, options.dtype(at::kDouble)).to(type);
  }
  if (!IsFloating(value.dtype)) return at::randint(0, 2, value.shape, options.dtype(at::kLong)).to(type);
  at::Tensor drawn = at::randn(value.shape, options.dtype(at::kFloat));
  if (value.kind == ValueKind::kBuffer) return drawn.mul_(0.3).exp_().to(type);
  // Weights by the size of what they are multiplied with, so that results stay near one.
  if (value.kind == ValueKind::kParameter && value.shape.size() > 1) {
    drawn.div_(std::sqrt(static_cast<double>(value.Elements() / value.shape.front())));
  }
  return drawn.to(type);
}

}  // namespace drtriton
