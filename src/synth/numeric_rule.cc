#include "synth/numeric_rule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <unordered_map>

namespace drtriton {
namespace {

using F = const double*;

constexpr double kRounding = 1e-6;        // what is computed may miss a bound by so much
constexpr double kLargestExponent = 80;   // beyond it exp() of a float32 is infinite

double Mod(double x, double y) { return x - std::floor(x / y) * y; }
double Truth(bool holds) { return holds ? 1 : 0; }
double Sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }
double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double SoftPlus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }
double Or(double x, double otherwise) { return std::isnan(x) ? otherwise : x; }
double Clamp(double x, double least, double most) { return std::min(std::max(x, least), most); }
int64_t Whole(double x) { return static_cast<int64_t>(x); }
double LogAddExp(double x, double y) { return std::max(x, y) + std::log1p(std::exp(-std::abs(x - y))); }

// psi by its recurrence and asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.18); the poles are at 0, -1, -2 ...
double Digamma(double x) {
  if (x <= 0 && x == std::floor(x)) return std::nan("");
  double result = 0;
  for (; x < 6; x += 1) result -= 1 / x;
  const double y = 1 / (x * x);
  return result + std::log(x) - 0.5 / x - y * (1.0 / 12 - y * (1.0 / 120 - y / 252));
}

// The inverse of the error function, by Newton's method from Winitzki's approximation.
double ErfInv(double x) {
  if (!(std::abs(x) < 1)) return std::nan("");
  const double l = std::log(1 - x * x);
  const double t = 2 / (std::numbers::pi * 0.147) + l / 2;
  double y = std::copysign(std::sqrt(std::sqrt(t * t - l / 0.147) - t), x);
  for (int i = 0; i < 2; ++i) y -= (std::erf(y) - x) * std::sqrt(std::numbers::pi) / 2 * std::exp(y * y);
  return y;
}

// exp(x^2) erfc(x), beyond where erfc vanishes by its first asymptotic term.
double ErfcX(double x) { return x > 20 ? 1 / (x * std::sqrt(std::numbers::pi)) : std::exp(x * x) * std::erfc(x); }
double LogNdtr(double x) {
  return x < -30 ? -x * x / 2 - std::log(-x) - 0.92 : std::log(0.5 * std::erfc(-x / std::numbers::sqrt2));
}
template <size_t kCount>
double Polynomial(const std::array<double, kCount>& coefficients, double x) {
  double sum = 0;
  for (size_t i = kCount; i-- > 0;) sum = sum * x + coefficients[i];
  return sum;
}

// The modified Bessel functions of order 0 and 1 at |x|, within a share of 6e-7 of them: Abramowitz and Stegun 9.8.1 to 9.8.4.
double BesselI(int order, double x) {
  constexpr std::array<std::array<double, 7>, 2> kNear = {{{1, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.0360768, 0.0045813},
                                                           {0.5, 0.87890594, 0.51498869, 0.15084934, 0.02658733, 0.00301532, 0.00032411}}};
  constexpr std::array<std::array<double, 9>, 2> kFar = {
      {{0.39894228, 0.01328592, 0.00225319, -0.00157565, 0.00916281, -0.02057706, 0.02635537, -0.01647633, 0.00392377},
       {0.39894228, -0.03988024, -0.00362018, 0.00163801, -0.01031555, 0.02282967, -0.02895312, 0.01787654, -0.00420059}}};
  x = std::abs(x);
  if (x > 700) return HUGE_VAL;
  const size_t row = static_cast<size_t>(order);
  const double t = x / 3.75;
  if (t > 1) return std::exp(x) / std::sqrt(x) * Polynomial(kFar[row], 1 / t);
  return Polynomial(kNear[row], t * t) * (order == 1 ? x : 1);
}
// The Hurwitz zeta function to a few percent: its first terms and the integral of the rest.
double Zeta(double x, double q) {
  if (!(x > 1) || !(q > 0)) return std::nan("");
  return std::pow(q, -x) + std::pow(q + 1, -x) + std::pow(q + 1.5, 1 - x) / (x - 1);
}
double Polygamma(double n, double x) {
  if (!(x > 0)) return std::nan("");
  return n == 0 ? Digamma(x) : (std::fmod(n, 2) == 1 ? 1 : -1) * std::tgamma(n + 1) * Zeta(n + 1, x);
}
double Gcd(double x, double y) { return static_cast<double>(std::gcd(static_cast<int64_t>(x), static_cast<int64_t>(y))); }

double Huber(double x) { return std::abs(x) < 1 ? x * x / 2 : std::abs(x) - 0.5; }
double Elu(double x, double alpha) { return x > 0 ? x : alpha * std::expm1(x); }

// The rest of a division, for whole numbers by 0 too (which PyTorch refuses or leaves undefined).
double Quotient(double x, double y) { return y == 0 ? std::nan("") : x / y; }

const std::unordered_map<std::string_view, NumberFunction>& Functions() {
  static const std::unordered_map<std::string_view, NumberFunction> table = {
      {"add", [](F a) { return a[0] + a[1] * Or(a[2], 1); }},
      {"sub", [](F a) { return a[0] - a[1] * Or(a[2], 1); }},
      {"rsub", [](F a) { return a[1] - a[0] * Or(a[2], 1); }},
      {"mul", [](F a) { return a[0] * a[1]; }},
      {"div", [](F a) { return Quotient(a[0], a[1]); }},
      {"div.Tensor_mode",  // argument 2: WordNumber()
       [](F a) { return a[2] == 1 ? std::trunc(Quotient(a[0], a[1])) : std::floor(Quotient(a[0], a[1])); }},
      {"true_divide", [](F a) { return Quotient(a[0], a[1]); }},
      {"floor_divide", [](F a) { return std::floor(Quotient(a[0], a[1])); }},
      {"remainder", [](F a) { return a[1] == 0 ? std::nan("") : Mod(a[0], a[1]); }},
      {"fmod", [](F a) { return a[1] == 0 ? std::nan("") : std::fmod(a[0], a[1]); }},
      {"pow", [](F a) { return std::pow(a[0], a[1]); }},
      {"maximum", [](F a) { return std::max(a[0], a[1]); }},
      {"minimum", [](F a) { return std::min(a[0], a[1]); }},
      {"fmax", [](F a) { return std::max(a[0], a[1]); }},
      {"fmin", [](F a) { return std::min(a[0], a[1]); }},
      {"hypot", [](F a) { return std::hypot(a[0], a[1]); }},
      {"nextafter", [](F a) -> double { return std::nextafter(static_cast<float>(a[0]), static_cast<float>(a[1])); }},
      {"logaddexp", [](F a) { return LogAddExp(a[0], a[1]); }},
      {"logaddexp2", [](F a) { return LogAddExp(a[0] * std::numbers::ln2, a[1] * std::numbers::ln2) / std::numbers::ln2; }},
      {"atan2", [](F a) { return std::atan2(a[0], a[1]); }},
      {"copysign", [](F a) { return std::copysign(a[0], a[1]); }},
      {"xlogy", [](F a) { return a[1] > 0 ? a[0] * std::log(a[1]) : std::nan(""); }},
      {"addcmul", [](F a) { return a[0] + Or(a[3], 1) * a[1] * a[2]; }},
      {"addcdiv", [](F a) { return a[0] + Or(a[3], 1) * Quotient(a[1], a[2]); }},
      {"lerp", [](F a) { return a[0] + a[2] * (a[1] - a[0]); }},
      {"eq", [](F a) { return Truth(a[0] == a[1]); }},
      {"ne", [](F a) { return Truth(a[0] != a[1]); }},
      {"lt", [](F a) { return Truth(a[0] < a[1]); }},
      {"le", [](F a) { return Truth(a[0] <= a[1]); }},
      {"gt", [](F a) { return Truth(a[0] > a[1]); }},
      {"ge", [](F a) { return Truth(a[0] >= a[1]); }},
      {"bitwise_and", [](F a) { return static_cast<double>(Whole(a[0]) & Whole(a[1])); }},
      {"bitwise_or", [](F a) { return static_cast<double>(Whole(a[0]) | Whole(a[1])); }},
      {"bitwise_xor", [](F a) { return static_cast<double>(Whole(a[0]) ^ Whole(a[1])); }},
      {"logical_and", [](F a) { return Truth(a[0] != 0 && a[1] != 0); }},
      {"logical_or", [](F a) { return Truth(a[0] != 0 || a[1] != 0); }},
      {"logical_xor", [](F a) { return Truth((a[0] != 0) != (a[1] != 0)); }},
      {"bitwise_left_shift", [](F a) { return a[1] < 0 || a[1] > 30 ? std::nan("") : a[0] * std::exp2(a[1]); }},
      {"bitwise_right_shift",
       [](F a) { return a[1] < 0 || a[1] > 30 ? std::nan("") : std::floor(a[0] / std::exp2(a[1])); }},
      {"__lshift__", [](F a) { return a[0] * std::exp2(a[1]); }},
      {"__rshift__", [](F a) { return std::floor(a[0] / std::exp2(a[1])); }},
      {"where", [](F a) { return a[0] != 0 ? a[1] : a[2]; }},
      {"masked_fill", [](F a) { return a[1] != 0 ? a[2] : a[0]; }},
      {"clamp", [](F a) { return Clamp(a[0], Or(a[1], -1e300), Or(a[2], 1e300)); }},
      {"clamp_min", [](F a) { return std::max(a[0], a[1]); }},
      {"clamp_max", [](F a) { return std::min(a[0], a[1]); }},
      {"sqrt", [](F a) { return std::sqrt(a[0]); }},
      {"rsqrt", [](F a) { return 1 / std::sqrt(a[0]); }},
      {"reciprocal", [](F a) { return Quotient(1, a[0]); }},
      {"exp", [](F a) { return std::exp(a[0]); }},
      {"exp2", [](F a) { return std::exp2(a[0]); }},
      {"expm1", [](F a) { return std::expm1(a[0]); }},
      {"log", [](F a) { return std::log(a[0]); }},
      {"log2", [](F a) { return std::log2(a[0]); }},
      {"log10", [](F a) { return std::log10(a[0]); }},
      {"log1p", [](F a) { return std::log1p(a[0]); }},
      {"sin", [](F a) { return std::sin(a[0]); }},
      {"cos", [](F a) { return std::cos(a[0]); }},
      {"tan", [](F a) { return std::tan(a[0]); }},
      {"asin", [](F a) { return std::asin(a[0]); }},
      {"acos", [](F a) { return std::acos(a[0]); }},
      {"atan", [](F a) { return std::atan(a[0]); }},
      {"sinh", [](F a) { return std::sinh(a[0]); }},
      {"cosh", [](F a) { return std::cosh(a[0]); }},
      {"asinh", [](F a) { return std::asinh(a[0]); }},
      {"acosh", [](F a) { return a[0] < 1 + kRounding ? std::nan("") : std::acosh(a[0]); }},
      {"atanh", [](F a) { return std::atanh(a[0]); }},
      {"erf", [](F a) { return std::erf(a[0]); }},
      {"erfc", [](F a) { return std::erfc(a[0]); }},
      {"erfinv", [](F a) { return ErfInv(a[0]); }},
      {"lgamma", [](F a) { return a[0] > 0 ? std::lgamma(a[0]) : std::nan(""); }},
      {"digamma", [](F a) { return a[0] > 0 ? Digamma(a[0]) : std::nan(""); }},
      {"sigmoid", [](F a) { return Sigmoid(a[0]); }},
      {"tanh", [](F a) { return std::tanh(a[0]); }},
      {"deg2rad", [](F a) { return a[0] * std::numbers::pi / 180; }},
      {"rad2deg", [](F a) { return a[0] * 180 / std::numbers::pi; }},
      {"sinc",
       [](F a) {  // what rounding leaves of 0 at whole numbers
         if (a[0] == std::trunc(a[0])) return a[0] == 0 ? 1.0 : -2.8e-8;
         return std::sin(std::numbers::pi * a[0]) / (std::numbers::pi * a[0]);
       }},
      {"i0", [](F a) { return BesselI(0, a[0]); }},
      {"special_i0e", [](F a) { return std::abs(a[0]) > 700 ? 0.015 : BesselI(0, a[0]) * std::exp(-std::abs(a[0])); }},
      {"special_i1", [](F a) { return std::copysign(BesselI(1, a[0]), a[0]); }},
      {"special_i1e", [](F a) { return std::abs(a[0]) > 700 ? 0.015 : std::copysign(BesselI(1, a[0]), a[0]) * std::exp(-std::abs(a[0])); }},
      {"special_erfcx", [](F a) { return ErfcX(a[0]); }},
      {"special_log_ndtr", [](F a) { return LogNdtr(a[0]); }},
      {"special_ndtri", [](F a) { return std::numbers::sqrt2 * ErfInv(2 * a[0] - 1); }},
      {"special_zeta", [](F a) { return Zeta(a[0], a[1]); }},
      {"special_xlog1py", [](F a) { return a[1] > -1 ? a[0] * std::log1p(a[1]) : std::nan(""); }},
      {"polygamma", [](F a) { return Polygamma(Or(a[0], 1), a[1]); }},
      {"heaviside", [](F a) { return a[0] == 0 ? a[1] : Truth(a[0] > 0); }},
      {"gcd", [](F a) { return Gcd(a[0], a[1]); }},
      {"lcm", [](F a) { return a[0] == 0 || a[1] == 0 ? 0 : std::abs(a[0] * a[1]) / Gcd(a[0], a[1]); }},
      {"isposinf", [](F a) { return Truth(std::isinf(a[0]) && a[0] > 0); }},
      {"isneginf", [](F a) { return Truth(std::isinf(a[0]) && a[0] < 0); }},
      {"special_entr", [](F a) { return a[0] > 0 ? -a[0] * std::log(a[0]) : a[0] == 0 ? 0 : std::nan(""); }},
      {"logit", [](F a) { return std::log(a[0] / (1 - a[0])); }},
      {"neg", [](F a) { return -a[0]; }},
      {"abs", [](F a) { return std::abs(a[0]); }},
      {"sign", [](F a) { return Sign(a[0]); }},
      {"sgn", [](F a) { return Sign(a[0]); }},
      {"square", [](F a) { return a[0] * a[0]; }},
      {"ceil", [](F a) { return std::ceil(a[0]); }},
      {"floor", [](F a) { return std::floor(a[0]); }},
      {"round", [](F a) { return std::nearbyint(a[0]); }},
      {"round.decimals", [](F a) { return std::nearbyint(a[0] * std::pow(10, a[1])) / std::pow(10, a[1]); }},
      {"trunc", [](F a) { return std::trunc(a[0]); }},
      {"frac", [](F a) { return a[0] - std::trunc(a[0]); }},
      {"nan_to_num", [](F a) { return a[0]; }},
      {"bitwise_not", [](F a) { return static_cast<double>(~Whole(a[0])); }},
      {"logical_not", [](F a) { return Truth(a[0] == 0); }},
      {"isnan", [](F a) { return Truth(std::isnan(a[0])); }},
      {"isinf", [](F a) { return Truth(std::isinf(a[0])); }},
      {"isfinite", [](F a) { return Truth(std::isfinite(a[0])); }},
      {"signbit", [](F a) { return Truth(std::signbit(a[0])); }},
      {"relu", [](F a) { return std::max(a[0], 0.0); }},
      {"relu6", [](F a) { return Clamp(a[0], 0, 6); }},
      {"gelu",  // 0 where a float32 holds no more of it
       [](F a) { return a[0] * 0.5 * (1.0 + static_cast<float>(std::erf(a[0] / std::numbers::sqrt2))); }},
      {"silu", [](F a) { return a[0] * Sigmoid(a[0]); }},
      {"mish", [](F a) { return a[0] * std::tanh(SoftPlus(a[0])); }},
      {"elu", [](F a) { return Elu(a[0], Or(a[1], 1)) * Or(a[2], 1); }},
      {"selu", [](F a) { return 1.0507 * Elu(a[0], 1.67326); }},
      {"celu", [](F a) { return Elu(a[0] / Or(a[1], 1), 1) * Or(a[1], 1); }},
      {"leaky_relu", [](F a) { return a[0] > 0 ? a[0] : a[0] * Or(a[1], 0.01); }},
      {"hardtanh", [](F a) { return Clamp(a[0], a[1], a[2]); }},
      {"hardswish", [](F a) { return a[0] * Clamp(a[0] + 3, 0, 6) / 6; }},
      {"hardsigmoid", [](F a) { return Clamp(a[0] + 3, 0, 6) / 6; }},
      {"hardshrink", [](F a) { return std::abs(a[0]) > a[1] ? a[0] : 0; }},
      {"softshrink", [](F a) { return std::abs(a[0]) > a[1] ? a[0] - std::copysign(a[1], a[0]) : 0; }},
      {"softplus", [](F a) { return SoftPlus(a[0] * Or(a[1], 1)) / Or(a[1], 1); }},
      {"threshold", [](F a) { return a[0] > a[1] ? a[0] : a[2]; }},
      {"log_sigmoid", [](F a) { return -SoftPlus(-a[0]); }},
      {"prelu", [](F a) { return a[0] > 0 ? a[0] : 0.25 * a[0]; }},
      {"glu", [](F a) { return a[0] * Sigmoid(a[0]); }},
      // Products of many: one term each.
      {"matmul", [](F a) { return a[0] * a[1]; }},
      {"mm", [](F a) { return a[0] * a[1]; }},
      {"bmm", [](F a) { return a[0] * a[1]; }},
      {"dot", [](F a) { return a[0] * a[1]; }},
      {"mv", [](F a) { return a[0] * a[1]; }},
      {"outer", [](F a) { return a[0] * a[1]; }},
      {"linalg_cross", [](F a) { return a[0] * a[1]; }},
      {"bilinear", [](F a) { return a[0] * a[1]; }},
      {"addmm", [](F a) { return Or(a[3], 1) * a[0] + Or(a[4], 1) * a[1] * a[2]; }},
      {"baddbmm", [](F a) { return Or(a[3], 1) * a[0] + Or(a[4], 1) * a[1] * a[2]; }},
      {"addbmm", [](F a) { return Or(a[3], 1) * a[0] + Or(a[4], 1) * a[1] * a[2]; }},
      {"addmv", [](F a) { return Or(a[3], 1) * a[0] + Or(a[4], 1) * a[1] * a[2]; }},
      {"addr", [](F a) { return Or(a[3], 1) * a[0] + Or(a[4], 1) * a[1] * a[2]; }},
      // Losses, of one element.
      {"soft_margin_loss", [](F a) { return a[0] * a[1] < -kLargestExponent ? HUGE_VAL : SoftPlus(-a[0] * a[1]); }},
      {"mse_loss", [](F a) { return (a[0] - a[1]) * (a[0] - a[1]); }},
      {"l1_loss", [](F a) { return std::abs(a[0] - a[1]); }},
      {"smooth_l1_loss", [](F a) { return Huber(a[0] - a[1]); }},
      {"huber_loss", [](F a) { return Huber(a[0] - a[1]); }},
      {"binary_cross_entropy",
       [](F a) { return -a[1] * std::max(std::log(a[0]), -100.0) - (1 - a[1]) * std::max(std::log(1 - a[0]), -100.0); }},
      {"binary_cross_entropy_with_logits", [](F a) { return SoftPlus(a[0]) - a[0] * a[1]; }},
      {"kl_div",  // argument 3: the target is a logarithm
       [](F a) { return a[3] > 0 ? std::exp(a[1]) * (a[1] - a[0]) : a[1] * (std::log(a[1]) - a[0]); }},
      {"cross_entropy_loss", [](F a) { return SoftPlus(1 - a[0]); }},  // of one class against others
      {"nll_loss_nd", [](F a) { return -a[0]; }},
  };
  return table;
}

// "aten.max.dim" -> "max.dim", and "max".
std::string_view NameWithOverload(std::string_view op) { return op.substr(op.find('.') + 1); }
std::string_view BaseName(std::string_view name) { return name.substr(0, name.find('.')); }

template <typename V>
const V* Find(const std::unordered_map<std::string_view, V>& table, std::string_view op) {
  const std::string_view whole = NameWithOverload(op);
  auto found = table.find(whole);
  if (found == table.end()) found = table.find(BaseName(whole));
  return found == table.end() ? nullptr : &found->second;
}

using Gathers = std::vector<Gather>;

const std::unordered_map<std::string_view, Gathers>& GatherTable() {
  using enum Gather;
  static const std::unordered_map<std::string_view, Gathers> table = {
      {"sum", {kSum}},
      {"nansum", {kSum}},
      {"mean", {kMean}},
      {"max.dim", {kChoice, kIndex}},
      {"min.dim", {kChoice, kIndex}},
      {"median.dim", {kChoice, kIndex}},
      {"nanmedian.dim", {kChoice, kIndex}},
      {"mode", {kChoice, kIndex}},
      {"kthvalue", {kChoice, kIndex}},
      {"max_pool1d_with_indices", {kChoice, kIndex}},
      {"argmax", {kIndex}},
      {"argmin", {kIndex}},
      {"argsort", {kIndex}},
      {"sort", {kChoice, kIndex}},
      {"topk", {kChoice, kIndex}},
      {"cummax", {kChoice, kIndex}},
      {"cummin", {kChoice, kIndex}},
      {"prod", {kProduct}},
      {"cumprod", {kProduct}},
      {"any", {kTruth}},
      {"all", {kTruth}},
      {"count_nonzero", {kCount}},
      {"var", {kSpread}},
      {"std", {kSpread}},
      {"var_mean", {kSpread, kMean}},
      {"std_mean", {kSpread, kMean}},
      {"norm", {kSpread}},
      {"linalg_vector_norm", {kSpread}},
      {"logsumexp", {kLogSum}},
      {"cumsum", {kSum}},
      {"logcumsumexp", {kLogSum}},
      {"softmax", {kShare}},
      {"log_softmax", {kLogShare}},
      {"linear", {kMixture}},
      {"bilinear", {kMixture}},
      {"outer", {kOne}},
      {"prelu", {kOne}},
      {"glu", {kOne}},
      {"tril", {kPadded}},
      {"triu", {kPadded}},
      {"constant_pad_nd", {kPadded}},
      {"pad", {kPadded}},
      {"embedding", {kTable}},
      {"scatter_add", {kSum}},
      {"scatter.value", {kPadded}},
      {"one_hot", {kCount}},
      {"adaptive_max_pool1d", {kChoice, kIndex}},
      {"adaptive_max_pool2d", {kChoice, kIndex}},
      {"adaptive_max_pool3d", {kChoice, kIndex}},
      {"max_pool2d_with_indices", {kChoice, kIndex}},
      {"max_pool3d_with_indices", {kChoice, kIndex}},
      {"max_pool1d", {kChoice}},
      {"max_pool2d", {kChoice}},
      {"max_pool3d", {kChoice}},
      {"upsample_linear1d", {kMean}},
      {"upsample_bilinear2d", {kMean}},
      {"upsample_bicubic2d", {kMixture}},  // reaches beyond the numbers that it joins
      {"upsample_trilinear3d", {kMean}},
      {"addr", {kOne}},
      {"linalg_cross", {kMixture}},  // of products
      {"diag_embed", {kPadded}},
      {"im2col", {kPadded}},
      {"col2im", {kSum}},
      {"index_add", {kSum}},
      {"scatter_reduce", {kSum}},
      {"scatter.reduce", {kSum}},
      {"scatter.value_reduce", {kSum}},
      {"index_put", {kSum}},
      {"scaled_dot_product_attention", {kMean}},
  };
  return table;
}

Gathers GatherOf(const OperatorInfo& info) {
  if (const Gathers* found = Find(GatherTable(), info.name)) return *found;
  switch (info.kind) {
    case OpKind::kPointwise:
      return {Gather::kOne};
    case OpKind::kNormalisation:
      return {Gather::kStandard};
    case OpKind::kSoftmax:
      return {Gather::kShare};
    case OpKind::kMatmul:
    case OpKind::kScan:
      return {Gather::kSum};
    case OpKind::kConvolution:
      return {Gather::kMixture};
    case OpKind::kPooling:
    case OpKind::kLoss:
    case OpKind::kAttention:
      return {Gather::kMean};
    default:
      return {Gather::kChoice};
  }
}

constexpr TypeMask operator|(ElementType a, ElementType b) { return MaskOf(a) | MaskOf(b); }
constexpr TypeMask operator|(TypeMask a, ElementType b) { return a | MaskOf(b); }

// Restrictions that no formula shows.
void Restrict(const OperatorInfo& info, NumericRule& rule) {
  using enum ElementType;
  const auto position = [&info](std::string_view name) { return static_cast<size_t>(info.schema.Find(name)); };
  const std::string_view name = BaseName(NameWithOverload(info.name));
  const TypeMask positive = kPositive | kUnit | kAboveOne;
  const TypeMask bounded = kUnit | kBit;
  // Where ties are usual, PyTorch leaves open which position is given.
  const bool gives_index = std::find(rule.gather.begin(), rule.gather.end(), Gather::kIndex) != rule.gather.end();
  if (gives_index) rule.accepts[0] = kReal | kPositive | kUnit | kSigned | kNegative | kAboveOne;
  if (rule.gather[0] == Gather::kProduct) rule.accepts[0] = positive;
  if (rule.gather[0] == Gather::kTruth || (rule.gather[0] == Gather::kCount && name != "one_hot")) {
    rule.accepts[0] = kRealZeros | kPositiveZeros | kWhole | kCounting | kBit | kInteger | kNatural | kIndex | kBool;
  }
  if (rule.gather[0] == Gather::kTruth) rule.accepts[0] = kBit | kBool;  // others are hardly ever all false
  if (name == "linalg_cross") rule.distinct = true;
  if (name == "kl_div") rule.accepts[position("target")] = positive;
  if (name == "binary_cross_entropy") rule.accepts[position("self")] = MaskOf(kUnit);
  if (name.starts_with("binary_cross_entropy")) rule.accepts[position("target")] = bounded;
  if (name == "cross_entropy_loss") rule.accepts[position("target")] = MaskOf(kUnit) | MaskOf(kIndex);
  if (name == "scaled_dot_product_attention") rule.silent_arguments = 0b011;
  if (name == "masked_scatter") rule.silent_arguments = 0b010;
  if (name == "where" || name == "masked_fill") return;
  for (size_t i = 0; i < std::min<size_t>(info.schema.arguments.size(), 8); ++i) {
    const std::string& argument = info.schema.arguments[i].name;
    const bool classes = argument == "target" && (name == "cross_entropy_loss" || name == "nll_loss_nd");
    if (argument == "index" || argument == "indices" || classes || (name == "one_hot" && i == 0)) {
      if (info.schema.arguments[i].type == ArgType::kTensor) rule.index_arguments |= static_cast<uint8_t>(1U << i);
    }
  }
}

std::string_view OutsideSpace(const OperatorInfo& info) {
  const std::string_view name = NameWithOverload(info.name);
  if (info.glue) return "is glue, which is inserted but not drawn";
  if (info.kind == OpKind::kCreation) return "has no input that matters";
  if (info.kind == OpKind::kRandom) return "gives random numbers, or its input";
  if ((name.starts_with('_') && !name.starts_with("__")) || name.starts_with("native_"))
    return "is what another operator decomposes into";
  if (info.form.empty() && (info.kind == OpKind::kPointwise || info.kind == OpKind::kReduction))
    return "is another overload's second name";
  if (name == "copy.default" || name == "type_as.default" || name.starts_with("fill.")) return "ignores the values of an operand";
  return "";
}

struct RuleTable {
  std::unordered_map<std::string_view, NumericRule> rules;

  RuleTable() {
    for (const OperatorInfo& info : AllOperators()) {
      if (!OutsideSpace(info).empty()) continue;
      NumericRule rule;
      if (const NumberFunction* function = Find(Functions(), info.name)) rule.function = *function;
      rule.gather = GatherOf(info);
      rule.distinct = info.kind == OpKind::kLoss;
      rule.traits = NumericTraitsOf(info);
      rule.info = &info;
      Restrict(info, rule);
      rules.emplace(info.name, rule);
    }
  }
};

}  // namespace

double WordNumber(std::string_view word) { return word == "trunc" ? 1 : 0; }

const NumericRule* RuleOf(const OperatorInfo& info, std::string_view* reason) {
  static const RuleTable* const table = new RuleTable;
  const auto found = table->rules.find(info.name);
  if (found != table->rules.end()) return &found->second;
  if (reason != nullptr) *reason = OutsideSpace(info);
  return nullptr;
}

}  // namespace drtriton
