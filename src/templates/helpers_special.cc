// Special functions as @triton.jit helpers.  They compute in float64 whatever they are given: with float32 arithmetic their
// series would lose digits that PyTorch's may keep.  Formulas and the places of NaN and infinity are PyTorch's
// (aten/src/ATen/native/cuda/Math.cuh), which follows the Cephes library; so are the Chebyshev coefficients.
#include <array>
#include <charconv>
#include <span>

#include "templates/helper_text.h"

namespace drtriton {
namespace {

// exp(-x) I0(x) on [0, 8], exp(-x) sqrt(x) I0(x) behind it; exp(-x) I1(x) / x and exp(-x) sqrt(x) I1(x) likewise.
constexpr double kI0Near[] = {
    -4.4153416464793395e-18, 3.3307945188222384e-17, -2.431279846547955e-16, 1.715391285555133e-15,
    -1.1685332877993451e-14, 7.676185498604936e-14, -4.856446783111929e-13, 2.95505266312964e-12,
    -1.726826291441556e-11, 9.675809035373237e-11, -5.189795601635263e-10, 2.6598237246823866e-09,
    -1.300025009986248e-08, 6.046995022541919e-08, -2.670793853940612e-07, 1.1173875391201037e-06,
    -4.4167383584587505e-06, 1.6448448070728896e-05, -5.754195010082104e-05, 0.00018850288509584165,
    -0.0005763755745385824, 0.0016394756169413357, -0.004324309995050576, 0.010546460394594998,
    -0.02373741480589947, 0.04930528423967071, -0.09490109704804764, 0.17162090152220877, -0.3046826723431984,
    0.6767952744094761};
constexpr double kI0Far[] = {
    -7.233180487874754e-18, -4.830504485944182e-18, 4.46562142029676e-17, 3.461222867697461e-17,
    -2.8276239805165836e-16, -3.425485619677219e-16, 1.7725601330565263e-15, 3.8116806693526224e-15,
    -9.554846698828307e-15, -4.150569347287222e-14, 1.54008621752141e-14, 3.8527783827421426e-13,
    7.180124451383666e-13, -1.7941785315068062e-12, -1.3215811840447713e-11, -3.1499165279632416e-11,
    1.1889147107846439e-11, 4.94060238822497e-10, 3.3962320257083865e-09, 2.266668990498178e-08,
    2.0489185894690638e-07, 2.8913705208347567e-06, 6.889758346916825e-05, 0.0033691164782556943,
    0.8044904110141088};
constexpr double kI1Near[] = {
    2.7779141127610464e-18, -2.111421214358166e-17, 1.5536319577362005e-16, -1.1055969477353862e-15,
    7.600684294735408e-15, -5.042185504727912e-14, 3.223793365945575e-13, -1.9839743977649436e-12,
    1.1736186298890901e-11, -6.663489723502027e-11, 3.625590281552117e-10, -1.8872497517228294e-09,
    9.381537386495773e-09, -4.445059128796328e-08, 2.0032947535521353e-07, -8.568720264695455e-07,
    3.4702513081376785e-06, -1.3273163656039436e-05, 4.781565107550054e-05, -0.00016176081582589674,
    0.0005122859561685758, -0.0015135724506312532, 0.004156422944312888, -0.010564084894626197,
    0.024726449030626516, -0.05294598120809499, 0.1026436586898471, -0.17641651835783406, 0.25258718644363365};
constexpr double kI1Far[] = {
    7.517296310842105e-18, 4.414348323071708e-18, -4.6503053684893586e-17, -3.209525921993424e-17,
    2.96262899764595e-16, 3.3082023109209285e-16, -1.8803547755107825e-15, -3.8144030724370075e-15,
    1.0420276984128802e-14, 4.272440016711951e-14, -2.1015418427726643e-14, -4.0835511110921974e-13,
    -7.198551776245908e-13, 2.0356285441470896e-12, 1.4125807436613782e-11, 3.2526035830154884e-11,
    -1.8974958123505413e-11, -5.589743462196584e-10, -3.835380385964237e-09, -2.6314688468895196e-08,
    -2.512236237870209e-07, -3.882564808877691e-06, -0.00011058893876262371, -0.009761097491361469,
    0.7785762350182801};

std::string NumberText(double value) {
  std::array<char, 40> text{};
  return std::string(text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr);
}

// `result` = the Chebyshev series at `x`, by Clenshaw's recurrence, written out.
std::string Series(std::span<const double> coefficients, const std::string& x, const std::string& result) {
  std::string text = "    a, b = " + x + " * 0.0 + " + NumberText(coefficients[0]) + ", " + x + " * 0.0\n";
  std::string last = "b";
  for (size_t i = 1; i < coefficients.size(); ++i) {
    last = i % 2 == 1 ? "b" : "a";   // takes the new value; the other holds the one before
    const std::string before = i % 2 == 1 ? "a" : "b";
    if (i + 1 == coefficients.size()) {   // (newest - the one before the last) / 2
      return text + "    " + result + " = 0.5 * ((" + x + " * " + before + " - " + last + " + " + NumberText(coefficients[i]) + ") - " + last + ")\n";
    }
    text += "    " + last + " = " + x + " * " + before + " - " + last + " + " + NumberText(coefficients[i]) + "\n";
  }
  return text;
}

std::string ScaledBessel(const std::string& name, std::span<const double> near, std::span<const double> far, bool odd) {
  const std::string order = odd ? "1" : "0";
  return "def " + name + "(w):\n    # exp(-w) I" + order + "(w) of w >= 0 in float64, by Chebyshev series below and above 8\n" +
         "    inner = tl.minimum(w, 8.0, propagate_nan=tl.PropagateNan.ALL) * 0.5 - 2.0\n    outer = 32.0 / tl.maximum(w, 8.0, propagate_nan=tl.PropagateNan.ALL) - 2.0\n" +
         Series(near, "inner", "near") + Series(far, "outer", "far") + "    far = far / tl.sqrt(tl.maximum(w, 8.0))\n" +
         "    return tl.where(w > 8.0, far, near" + (odd ? " * w" : "") + ")\n";
}

constexpr char kGamma[] = R"(def digamma(x):
    # Upwards to 10 by recurrence, then the asymptotic series; negative numbers by reflection.
    w = x.to(tl.float64)
    y = tl.where(w < 0.0, 1.0 - w, w)
    result = w * 0.0
    for _ in range(10):
        low = y < 10.0
        result = tl.where(low, result - 1.0 / y, result)
        y = tl.where(low, y + 1.0, y)
    z = 1.0 / (y * y)
    tail = (((((8.33333333333333333333e-2 * z - 2.10927960927960927961e-2) * z + 7.57575757575757575758e-3) * z
              - 4.16666666666666666667e-3) * z + 3.96825396825396825397e-3) * z - 8.33333333333333333333e-3) * z
    result += libdevice.log(y) - 0.5 / y - (tail + 8.33333333333333333333e-2) * z
    part = w - tl.where(w < 0.0, tl.ceil(w), tl.floor(w))
    negative = tl.where(part == 0.0, float("nan"), result - 3.14159265358979323846 / libdevice.tan(3.14159265358979323846 * part))
    result = tl.where(w < 0.0, negative, result)
    result = tl.where(w == 0.0, -1.0 / w, result)
    return tl.where(w == float("inf"), w, result).to(x.dtype)
)";

constexpr char kTrigamma[] = R"(def trigamma(x):
    w = x.to(tl.float64)
    low = w < 0.5
    sine = libdevice.sin(3.14159265358979323846 * w)
    result = tl.where(low, -9.869604401089358 / (sine * sine), 0.0)
    w = tl.where(low, 1.0 - w, w)
    for _ in range(6):
        result += 1.0 / (w * w)
        w += 1.0
    z = 1.0 / (w * w)
    result += (1.0 + 1.0 / (2.0 * w) + z * (0.16666666666666666 - z * (0.03333333333333333 - z * 0.023809523809523808))) / w
    return tl.where(low, -result, result).to(x.dtype)
)";

constexpr char kZeta[] = R"(def zeta(x, q):
    # Hurwitz's: a sum of powers up to where Euler and Maclaurin's formula takes over.
    s = x.to(tl.float64)
    start = s * 0.0 + q
    s += start * 0.0
    total = libdevice.pow(start, -s)
    a = start
    b = start * 0.0
    for step in range(48):   # nine terms, and as many as negative q needs to pass 9
        go_on = (step < 9) | (a <= 9.0)
        a = tl.where(go_on, a + 1.0, a)
        b = tl.where(go_on, libdevice.pow(a, -s), b)
        total = tl.where(go_on, total + b, total)
    total += b * a / (s - 1.0) - 0.5 * b
    factor = s
    b = b / a
EULER
    undefined = (s < 1.0) | ((start <= 0.0) & (s != tl.floor(s)))
    whole = (start <= 0.0) & (start == tl.floor(start))
    total = tl.where(undefined & ((s < 1.0) | (whole == 0)), float("nan"), tl.where(whole | (s == 1.0), float("inf"), total))
    return tl.where((s != s) | (start != start), float("nan"), total).to(x.dtype)
)";

// The twelve terms of the formula's tail: s (s+1) ... / a^(2k+1) over Bernoulli's numbers.
std::string ZetaText() {
  constexpr double kDivisors[] = {12.0, -720.0, 30240.0, -1209600.0, 47900160.0, -1.8924375803183791606e9, 7.47242496e10,
                                  -2.950130727918164224e12, 1.1646782814350067249e14, -4.5979787224074726105e15,
                                  1.8152105401943546773e17, -7.1661652561756670113e18};
  std::string terms;
  for (int k = 0; k < 12; ++k) {
    terms += "    total += factor * b / " + NumberText(kDivisors[k]) + (kDivisors[k] == static_cast<int64_t>(kDivisors[k]) && k < 5 ? ".0" : "") + "\n";
    if (k == 11) break;
    terms += "    factor *= (s + " + std::to_string(2 * k + 1) + ".0) * (s + " + std::to_string(2 * k + 2) + ".0)\n    b = b / (a * a)\n";
  }
  std::string text = kZeta;
  text.replace(text.find("EULER\n"), 6, terms);
  return text;
}

}  // namespace

std::vector<HelperText> SpecialHelpers() {
  const auto call = [](const std::string& name, const std::string& body) { return "def " + name + "(x):\n" + body; };
  const std::string wide = "    w = tl.abs(x.to(tl.float64))\n", sign = "    return tl.where(x < 0.0, -result, result).to(x.dtype)\n";
  return {
      {"bessel_i0_scaled", {}, ScaledBessel("bessel_i0_scaled", kI0Near, kI0Far, false)},
      {"bessel_i1_scaled", {}, ScaledBessel("bessel_i1_scaled", kI1Near, kI1Far, true)},
      {"bessel_i0", {"bessel_i0_scaled"}, call("bessel_i0", wide + "    return (tl.exp(w) * bessel_i0_scaled(w)).to(x.dtype)\n")},
      {"bessel_i0e", {"bessel_i0_scaled"}, call("bessel_i0e", wide + "    return bessel_i0_scaled(w).to(x.dtype)\n")},
      {"bessel_i1", {"bessel_i1_scaled"}, call("bessel_i1", wide + "    result = tl.exp(w) * bessel_i1_scaled(w)\n" + sign)},
      {"bessel_i1e", {"bessel_i1_scaled"}, call("bessel_i1e", wide + "    result = bessel_i1_scaled(w)\n" + sign)},
      {"digamma", {}, kGamma},
      {"trigamma", {}, kTrigamma},
      {"zeta", {}, ZetaText()},
      {"log_ndtr", {}, call("log_ndtr", R"(    # The logarithm of the normal distribution's area below x
    w = x.to(tl.float64)
    t = w * 0.7071067811865476
    low = libdevice.log(0.5 * libdevice.erfcx(-t)) - t * t
    return tl.where(w < -1.0, low, libdevice.log1p(-0.5 * libdevice.erfc(t))).to(x.dtype)
)")},
      {"greatest_divisor", {}, R"(def greatest_divisor(x, y):
    # Euclid; two numbers of n bits take fewer than 1.5 n steps.
    a, b = tl.abs(x) + y * 0, tl.abs(y) + x * 0
    for _ in range(x.dtype.primitive_bitwidth * 3 // 2):
        rest = a % tl.where(b == 0, 1, b)
        a, b = tl.where(b == 0, a, b), tl.where(b == 0, 0, rest)
    return a
)"},
      {"least_multiple", {"greatest_divisor"}, R"(def least_multiple(x, y):
    g = greatest_divisor(x, y)
    return tl.abs(x // tl.where(g == 0, 1, g) * y)
)"},
      {"int_power", {}, R"(def int_power(x, y):
    # By squaring, wrapping around as PyTorch does; of negative powers only those of 1 and -1 are not 0.
    result, base, rest = x * 0 + 1 + y * 0, x + y * 0, y + x * 0
    for _ in range(x.dtype.primitive_bitwidth):
        result = tl.where((rest & 1) != 0, result * base, result)
        base = base * base
        rest = tl.where(rest > 0, rest >> 1, 0)
    odd = (y & 1) != 0
    inverse = tl.where(x == 1, 1, tl.where(x == -1, tl.where(odd, -1, 1), 0))
    return tl.where(y < 0, inverse, result).to(x.dtype)
)"}};
}

}  // namespace drtriton
