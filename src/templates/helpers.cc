// The @triton.jit helpers that expressions call, as text.  Each says what it guards against.
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "templates/expression.h"
#include "templates/helper_text.h"

namespace drtriton {
namespace {

// In the order in which they are printed.
std::vector<HelperText> CommonHelpers() {
  return {
      {"accurate_exp", {}, R"(def accurate_exp(x):
    # exp(x) = 2^n exp(r): the product with log2(e) alone would lose |x| * 2^-24.
    n = tl.floor(x * 1.4426950408889634)
    r = (x - n * 0.693359375) + n * 2.1219444005469057e-4
    return tl.where(tl.abs(x) < 100.0, tl.exp(r) * tl.exp2(n), tl.exp(x))
)"},
      {"expm1", {"accurate_exp"}, R"(def expm1(x):
    # (u - 1) * x / log(u) with u = exp(x): the rounding of u cancels (Kahan).
    u = accurate_exp(x)
    inside = (u != 1.0) & (u > 1e-7) & (u < float("inf"))
    ratio = x / tl.where(inside, tl.log(u), 1.0)
    return tl.where(inside, (u - 1.0) * ratio, tl.where(u == 1.0, x, u - 1.0))
)"},
      {"expm1_64", {}, R"(def expm1_64(x):
    # (u - 1) * x / log(u) with u = exp(x): the rounding of u cancels (Kahan).
    u = tl.exp(x)
    inside = (u != 1.0) & (u > 1e-16) & (u < float("inf"))
    ratio = x / tl.where(inside, tl.log(u), 1.0)
    return tl.where(inside, (u - 1.0) * ratio, tl.where(u == 1.0, x, u - 1.0))
)"},
      {"tanh", {}, R"(def tanh(x):
    # A polynomial near 0, where 1 - exp(-2 |x|) would cancel (Cephes tanhf).
    z = x * x
    small = ((((-5.70498872745e-3 * z + 2.06390887954e-2) * z - 5.37397155531e-2) * z + 1.33314422036e-1) * z
             - 3.33332819422e-1) * z * x + x
    e = tl.exp(-2.0 * tl.abs(x))
    large = (1.0 - e) / (1.0 + e)
    return tl.where(tl.abs(x) < 0.625, small, tl.where(x < 0.0, -large, large))
)"},
      {"tanh_64", {"expm1_64"}, R"(def tanh_64(x):
    t = expm1_64(-2.0 * tl.abs(x))
    large = -t / (2.0 + t)
    return tl.where(x < 0.0, -large, large)
)"},
      {"softplus", {}, R"(def softplus(x):
    # log(1 + exp(x)) without overflow
    return tl.maximum(x, 0.0) + libdevice.log1p(libdevice.exp(-tl.abs(x)))
)"},
      {"log_sigmoid", {}, R"(def log_sigmoid(x):
    return tl.minimum(x, 0.0) - libdevice.log1p(libdevice.exp(-tl.abs(x)))
)"},
      {"mish", {}, R"(def mish(x):
    # tanh(log(1 + e)) = (e^2 + 2 e) / (e^2 + 2 e + 2), e = exp(x); 1 beyond 20
    e = tl.exp(tl.minimum(x, 20.0, propagate_nan=tl.PropagateNan.ALL))
    n = e * (e + 2.0)
    return x * (n / (n + 2.0))
)"},
      {"round_tf32", {}, R"(def round_tf32(x):
    # To the 10 bits of mantissa that TF32 has, half away from zero: tensor cores would cut the others off, which
    # makes every product smaller.  Infinities, NaN and what would overflow stay.
    rounded = ((x.to(tl.int32, bitcast=True) + 0x1000) & -0x2000).to(tl.float32, bitcast=True)
    return tl.where(tl.abs(x) < 3.4e38, rounded, x)
)"},
      {"round_half_even", {}, R"(def round_half_even(x):
    # Adding 1.5 * 2^23 pushes the fraction out of the mantissa.
    rounded = (x + 12582912.0) - 12582912.0
    return tl.where(tl.abs(x) < 4194304.0, rounded, x)
)"},
      {"round_half_even_64", {}, R"(def round_half_even_64(x):
    rounded = (x + 6755399441055744.0) - 6755399441055744.0
    return tl.where(tl.abs(x) < 2251799813685248.0, rounded, x)
)"},
      {"truncate", {}, R"(def truncate(x):
    return tl.where(x < 0.0, tl.ceil(x), tl.floor(x))
)"},
      {"power", {"truncate"}, R"(def power(x, y):
    # |x|^y = 2^(y log2 |x|) in float64, so that large exponents keep float32's digits.
    wide_x = x.to(tl.float64)
    wide_y = tl.zeros_like(wide_x) + y
    wide_x += tl.zeros_like(wide_y)
    magnitude = tl.exp2(wide_y * tl.log2(tl.abs(wide_x)))
    odd = wide_y * 0.5 != truncate(wide_y * 0.5)
    whole = wide_y == truncate(wide_y)
    signed = tl.where(odd, -magnitude, magnitude)
    negative = tl.where(whole, signed, float("nan"))
    result = tl.where(wide_x < 0.0, negative, magnitude)
    result = tl.where((wide_y == 0.0) | (wide_x == 1.0), 1.0, result)
    return result.to(x.dtype)
)"},
      {"float_remainder", {}, R"(def float_remainder(x, y):
    # Python's rule: the sign of y
    r = libdevice.fmod(x, y)
    return tl.where((r != 0.0) & ((r < 0.0) != (y < 0.0)), r + y, r)
)"},
      {"float_floor_divide", {}, R"(def float_floor_divide(x, y):
    # The exact quotient of x less its remainder, one less where the remainder's sign is not that of y.
    r = libdevice.fmod(x, y)
    quotient = (x - r) / y
    quotient = tl.where((r != 0.0) & ((r < 0.0) != (y < 0.0)), quotient - 1.0, quotient)
    below = tl.floor(quotient)
    nearest = tl.where(quotient - below > 0.5, below + 1.0, below)
    return tl.where(y == 0.0, x / y, tl.where(quotient == 0.0, 0.0 * quotient, nearest))
)"},
      {"int_floor_divide", {}, R"(def int_floor_divide(x, y):
    # Rounds towards minus infinity, whichever way // rounds.
    q = x // y
    r = x - q * y
    return tl.where((r != 0) & ((r < 0) != (y < 0)), q - 1, q)
)"},
      {"int_trunc_divide", {}, R"(def int_trunc_divide(x, y):
    # Rounds towards zero, whichever way // rounds.
    q = x // y
    r = x - q * y
    return tl.where((r != 0) & ((r < 0) != (x < 0)), q + 1, q)
)"},
      {"int_remainder", {"int_floor_divide"}, R"(def int_remainder(x, y):
    return x - int_floor_divide(x, y) * y
)"},
      {"int_fmod", {"int_trunc_divide"}, R"(def int_fmod(x, y):
    return x - int_trunc_divide(x, y) * y
)"},
      {"max_or_nan", {}, R"(def max_or_nan(x, AXIS: tl.constexpr, KEEP: tl.constexpr):
    # NaN if any element is: tl.max alone would skip it.
    has_nan = tl.max((x != x).to(tl.int32), axis=AXIS, keep_dims=KEEP)
    return tl.where(has_nan != 0, float("nan"), tl.max(x, axis=AXIS, keep_dims=KEEP))
)"},
      {"min_or_nan", {}, R"(def min_or_nan(x, AXIS: tl.constexpr, KEEP: tl.constexpr):
    # NaN if any element is: tl.min alone would skip it.
    has_nan = tl.max((x != x).to(tl.int32), axis=AXIS, keep_dims=KEEP)
    return tl.where(has_nan != 0, float("nan"), tl.min(x, axis=AXIS, keep_dims=KEEP))
)"},
      {"first_of_max", {}, R"(def first_of_max(a, i, b, j):
    # The larger and its position; of equals the first, NaN before everything.
    better = (b > a) | ((b != b) & (a == a))
    same = (a == b) | ((a != a) & (b != b))
    take_b = better | (same & (j < i))
    return tl.where(take_b, b, a), tl.where(take_b, j, i)
)"},
      {"first_of_min", {}, R"(def first_of_min(a, i, b, j):
    # The smaller and its position; of equals the first, NaN before everything.
    better = (b < a) | ((b != b) & (a == a))
    same = (a == b) | ((a != a) & (b != b))
    take_b = better | (same & (j < i))
    return tl.where(take_b, b, a), tl.where(take_b, j, i)
)"},
      {"last_of_max", {}, R"(def last_of_max(a, i, b, j):
    # The larger and its position; of equals the last, NaN before everything.
    better = (b > a) | ((b != b) & (a == a))
    same = (a == b) | ((a != a) & (b != b))
    take_b = better | (same & (j > i))
    return tl.where(take_b, b, a), tl.where(take_b, j, i)
)"},
      {"last_of_min", {}, R"(def last_of_min(a, i, b, j):
    # The smaller and its position; of equals the last, NaN before everything.
    better = (b < a) | ((b != b) & (a == a))
    same = (a == b) | ((a != a) & (b != b))
    take_b = better | (same & (j > i))
    return tl.where(take_b, b, a), tl.where(take_b, j, i)
)"},
      {"log_add_exp", {}, R"(def log_add_exp(a, b):
    # log(exp(a) + exp(b)) without overflow; equal infinities have no difference.
    largest = tl.maximum(a, b)
    difference = tl.where(a == b, 0.0, tl.minimum(a, b) - largest)
    result = largest + libdevice.log1p(libdevice.exp(difference))
    return tl.where((a != a) | (b != b), a + b, result)
)"},
      {"log2_add_exp2", {}, R"(def log2_add_exp2(a, b):
    # log2(2^a + 2^b) without overflow; equal infinities have no difference.
    largest = tl.maximum(a, b)
    difference = tl.where(a == b, 0.0, tl.minimum(a, b) - largest)
    result = largest + libdevice.log1p(libdevice.exp2(difference)) * 1.4426950408889634
    return tl.where((a != a) | (b != b), a + b, result)
)"},
      {"multiply", {}, R"(def multiply(a, b):
    return a * b
)"},
  };
}

const std::vector<HelperText>& Helpers() {
  static const auto* helpers = [] {
    auto* all = new std::vector<HelperText>(CommonHelpers());
    for (HelperText& special : SpecialHelpers()) all->push_back(std::move(special));
    return all;
  }();
  return *helpers;
}

void AddWithNeeds(const std::string& name, HelperSet& wanted) {
  for (const HelperText& helper : Helpers()) {
    if (helper.name != name) continue;
    wanted.insert(name);
    for (const std::string& need : helper.needs) AddWithNeeds(need, wanted);
    return;
  }
  throw InternalError("an expression asks for a helper that does not exist: " + name);
}

}  // namespace

std::string HelperSource(const HelperSet& helpers) {
  HelperSet wanted;
  for (const std::string& name : helpers) AddWithNeeds(name, wanted);
  std::string text;
  for (const HelperText& helper : Helpers()) {
    if (wanted.count(helper.name) == 0) continue;
    text += std::string("@triton.jit\n") + helper.source + "\n\n";
  }
  return text;
}

}  // namespace drtriton
