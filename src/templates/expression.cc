// See expression.h.  The helpers' text is in helpers.cc.  Tested by expression_test.cc and, for values, by
// python/tests/test_templates.py.
#include "templates/expression.h"

#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>

#include "base/error.h"
#include "templates/lowered.h"

namespace drtriton {
namespace {


struct FunctionEntry {
  // Texts with %0, %1, %2 for operands and DTYPE for the type computed in.
  std::string floating;
  std::string integer;      // empty: not defined on integers
  std::string boolean;      // empty: as integer
  std::string helper;       // for `floating`
  std::string helper64;     // for float64; empty: as `helper`
  std::string integer_helper;
  double cost = 1;
};

FunctionEntry Same(const std::string& text, double cost = 1) { return {text, text, "", "", "", "", cost}; }
FunctionEntry Floating(const std::string& text, double cost = 1) { return {text, "", "", "", "", "", cost}; }
// A helper called with the operands.
FunctionEntry Helper(const std::string& name, const std::string& arguments, double cost, const std::string& name64 = "") {
  return {name + "(" + arguments + ")", "", "", name, name64, "", cost};
}

const char kNan[] = ", propagate_nan=tl.PropagateNan.ALL)";

std::map<std::string, FunctionEntry> MakeTable() {
  std::map<std::string, FunctionEntry> table;
  table["add"] = Same("%0 + %1");
  table["sub"] = Same("%0 - %1");
  table["mul"] = {"%0 * %1", "%0 * %1", "%0 & %1"};
  table["div"] = Floating("%0 / %1", 4);
  table["div_rn"] = Floating("tl.div_rn(%0, %1)", 8);
  table["square"] = Same("%0 * %0");
  table["neg"] = Same("-%0");
  table["abs"] = Same("tl.abs(%0)");
  table["sign"] = Same("(%0 > 0).to(DTYPE) - (%0 < 0).to(DTYPE)", 3);
  table["reciprocal"] = Floating("1.0 / %0", 4);
  table["sqrt"] = Floating("tl.sqrt_rn(%0)", 8);
  table["rsqrt"] = Floating("tl.rsqrt(%0)", 4);
  table["exp_fast"] = Floating("tl.exp(%0)", 4);
  table["exp"] = Helper("accurate_exp", "%0", 12, "exp64");
  table["exp2"] = Floating("tl.exp2(%0)", 4);
  table["expm1"] = Helper("expm1", "%0", 30, "expm1_64");
  table["log"] = Floating("tl.log(%0)", 12);
  table["log2"] = Floating("tl.log2(%0)", 12);
  table["log10"] = Floating("tl.log(%0) * 0.4342944819032518", 13);
  table["log1p"] = Floating("libdevice.log1p(%0)", 20);
  table["sin"] = Floating("tl.sin(%0)", 20);
  table["cos"] = Floating("tl.cos(%0)", 20);
  table["tanh"] = Helper("tanh", "%0", 16, "tanh_64");
  table["erf"] = Floating("tl.erf(%0)", 20);
  for (const char* name : {"tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh", "erfc", "erfinv", "erfcx"}) {
    table[name] = Floating(std::string("libdevice.") + name + "(%0)", 24);
  }
  // Near its zeros and for large numbers digits would get lost that what follows may ask for.
  table["lgamma"] = Floating("libdevice.lgamma(%0.to(tl.float64)).to(DTYPE)", 200);
  table["sinc"] = Floating("tl.where(%0 == 0.0, 1.0, libdevice.sinpi(%0.to(tl.float64)) / (3.141592653589793 * %0)).to(DTYPE)", 80);
  table["ndtri"] = Floating("libdevice.normcdfinv(%0.to(tl.float64)).to(DTYPE)", 200);
  table["zeta"] = Helper("zeta", "%0, %1", 9000);
  for (const auto& [name, helper] : {std::pair{"i0", "bessel_i0"}, {"i0e", "bessel_i0e"}, {"i1", "bessel_i1"}, {"i1e", "bessel_i1e"},
                                     {"digamma", "digamma"}, {"trigamma", "trigamma"}, {"log_ndtr", "log_ndtr"}}) {
    table[name] = Helper(helper, "%0", 300);
  }
  table["gcd"] = {"", "greatest_divisor(%0, %1)", "", "", "", "greatest_divisor", 600};
  table["lcm"] = {"", "least_multiple(%0, %1)", "", "", "", "least_multiple", 600};
  for (const char* name : {"hypot", "atan2", "nextafter", "copysign"}) {
    table[name] = Floating(std::string("libdevice.") + name + "(%0, %1)", 20);
  }
  table["signbit"] = {"libdevice.signbit(%0) != 0", "%0 < 0"};
  table["fmax"] = {"tl.maximum(%0, %1)", "tl.maximum(%0, %1)", "%0 | %1"};   // NaN gives way to a number
  table["fmin"] = {"tl.minimum(%0, %1)", "tl.minimum(%0, %1)", "%0 & %1"};
  table["logaddexp"] = Helper("log_add_exp", "%0, %1", 40);
  table["logaddexp2"] = Helper("log2_add_exp2", "%0, %1", 40);
  table["shift_left"] = {"", "%0 << %1"};
  table["shift_right"] = {"", "%0 >> %1"};
  table["floor"] = {"tl.floor(%0)", "%0"};
  table["ceil"] = {"tl.ceil(%0)", "%0"};
  table["round"] = {"round_half_even(%0)", "%0", "", "round_half_even", "round_half_even_64", "", 4};
  table["trunc"] = {"truncate(%0)", "%0", "", "truncate", "", "", 3};
  table["sigmoid"] = Floating("tl.sigmoid(%0)", 8);
  table["silu"] = Floating("%0 * tl.sigmoid(%0)", 9);
  table["mish"] = Helper("mish", "%0", 14);
  table["gelu"] = Floating("0.5 * %0 * (1.0 + tl.erf(%0 * 0.7071067811865476))", 24);
  // 0.5 x (1 + tanh(u)) = x sigmoid(2 u), u = sqrt(2/pi) (x + 0.044715 x^3)
  table["gelu_tanh"] = Floating("%0 * tl.sigmoid(1.5957691216057308 * (%0 + 0.044715 * %0 * %0 * %0))", 14);
  table["softplus"] = Helper("softplus", "%0", 26);
  table["log_sigmoid"] = Helper("log_sigmoid", "%0", 26);
  table["relu"] = {std::string("tl.maximum(%0, 0.0") + kNan, "tl.maximum(%0, 0)"};
  table["maximum"] = {std::string("tl.maximum(%0, %1") + kNan, "tl.maximum(%0, %1)", "%0 | %1"};
  table["minimum"] = {std::string("tl.minimum(%0, %1") + kNan, "tl.minimum(%0, %1)", "%0 & %1"};
  table["pow"] = {"power(%0, %1)", "int_power(%0, %1)", "", "power", "", "int_power", 80};
  table["fmod"] = {"libdevice.fmod(%0, %1)", "int_fmod(%0, %1)", "", "", "", "int_fmod", 30};
  table["remainder"] = {"float_remainder(%0, %1)", "int_remainder(%0, %1)", "", "float_remainder", "", "int_remainder", 32};
  table["floor_divide"] = {"float_floor_divide(%0, %1)", "int_floor_divide(%0, %1)", "", "float_floor_divide", "", "int_floor_divide", 30};
  table["trunc_divide"] = {"", "int_trunc_divide(%0, %1)", "", "", "", "int_trunc_divide", 20};
  // The first operand where both are: gives it the second's axes, so that a reduction counts it once for each.
  table["spread"] = {"%0 + %1 * 0.0", "%0 + %1 * 0", "%0 & (%1 | True)"};
  table["floor_divide_positive"] = {"", "%0 // %1"};   // of indices
  table["remainder_positive"] = {"", "%0 % %1"};
  table["bitwise_and"] = {"", "%0 & %1"};
  table["bitwise_or"] = {"", "%0 | %1"};
  table["bitwise_xor"] = {"", "%0 ^ %1"};
  table["bitwise_not"] = {"", "~%0", "%0 == 0"};
  table["logical_not"] = {"", "%0 == 0"};
  table["eq"] = Same("%0 == %1");
  table["ne"] = Same("%0 != %1");
  table["lt"] = Same("%0 < %1");
  table["le"] = Same("%0 <= %1");
  table["gt"] = Same("%0 > %1");
  table["ge"] = Same("%0 >= %1");
  table["isnan"] = Same("%0 != %0");
  table["isinf"] = Floating("tl.abs(%0) == float(\"inf\")");
  table["isfinite"] = {"tl.abs(%0) < float(\"inf\")", "%0 == %0"};
  table["where"] = Same("tl.where(%0, %1, %2)");
  return table;
}

const std::map<std::string, FunctionEntry>& Table() {
  static const auto* table = new std::map<std::string, FunctionEntry>(MakeTable());
  return *table;
}

const std::string& Pattern(const FunctionEntry& entry, DType compute) {
  if (IsFloating(compute)) return entry.floating;
  if (compute == DType::kBool && !entry.boolean.empty()) return entry.boolean;
  return entry.integer;
}

void ReplaceAll(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

std::string FillIn(const std::string& pattern, const std::vector<std::string>& operands) {
  std::string text;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '%' && i + 1 < pattern.size() && pattern[i + 1] >= '0' && pattern[i + 1] <= '9') {
      text += operands.at(static_cast<size_t>(pattern[++i] - '0'));
    } else {
      text += pattern[i];
    }
  }
  return text;
}

std::string CastText(DType from, DType to, const std::string& operand) {
  if (to == DType::kBool) return operand + " != 0";
  // An 8-bit unsigned result of a negative float wraps through a wider integer, as a C cast on the GPU does.
  if (IsFloating(from) && to == DType::kUInt8) return operand + ".to(tl.int32).to(tl.uint8)";
  return operand + ".to(" + std::string(TritonName(to)) + ")";
}

std::string IntegerLimit(DType dtype, bool largest) {
  switch (dtype) {
    case DType::kBool: return largest ? "1" : "0";
    case DType::kUInt8: return largest ? "255" : "0";
    case DType::kInt8: return largest ? "127" : "-128";
    case DType::kInt16: return largest ? "32767" : "-32768";
    case DType::kInt32: return largest ? "2147483647" : "-2147483648";
    default: return largest ? "9223372036854775807" : "-9223372036854775808";
  }
}

std::string FloatText(double value) {
  if (std::isnan(value)) return "float(\"nan\")";
  if (std::isinf(value)) return value > 0 ? "float(\"inf\")" : "float(\"-inf\")";
  std::array<char, 40> text{};
  auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  std::string result(text.data(), end);
  if (result.find_first_of(".e") == std::string::npos) result += ".0";
  return result;
}

}  // namespace

bool HasFunction(const std::string& function, DType compute) {
  if (function == "cast") return true;
  auto entry = Table().find(function);
  return entry != Table().end() && !Pattern(entry->second, compute).empty();
}

std::string FunctionText(const std::string& function, DType compute, DType result, const std::vector<std::string>& operands,
                         HelperSet& helpers) {
  if (function == "cast") return CastText(compute, RegisterType(result), operands.at(0));
  auto found = Table().find(function);
  Require(found != Table().end(), "a scalar function without an entry");
  const FunctionEntry& entry = found->second;
  std::string pattern = Pattern(entry, compute);
  Require(!pattern.empty(), "a scalar function that is not defined on this type");
  if (IsFloating(compute) && !entry.helper.empty()) {
    bool wide = compute == DType::kFloat64 && !entry.helper64.empty();
    if (wide && entry.helper64 == "exp64") return "tl.exp(" + operands.at(0) + ")";
    helpers.insert(wide ? entry.helper64 : entry.helper);
    if (wide) pattern = entry.helper64 + pattern.substr(entry.helper.size());
  }
  if (!IsFloating(compute) && !entry.integer_helper.empty()) helpers.insert(entry.integer_helper);
  if (compute == DType::kFloat64) {   // correctly rounded as they are
    if (function == "sqrt") pattern = "tl.sqrt(%0)";
    if (function == "div_rn") pattern = "%0 / %1";
  }
  std::string text = FillIn(pattern, operands);
  ReplaceAll(text, "DTYPE", std::string(TritonName(compute)));
  return text;
}

double FunctionCost(const std::string& function) {
  auto entry = Table().find(function);
  return entry == Table().end() ? 1 : entry->second.cost;
}

std::string LiteralText(const Attr& value, DType dtype) {
  if (dtype == DType::kBool) return value.AsDouble() != 0 ? "True" : "False";
  if (IsFloating(dtype)) return FloatText(value.AsDouble());
  return std::to_string(value.AsInt());
}

std::string ReduceText(const std::string& function, const std::string& value, int axis, bool keep_dims, DType dtype,
                       HelperSet& helpers) {
  std::string where = "axis=" + std::to_string(axis) + (keep_dims ? ", keep_dims=True" : "");
  bool is_max = function == "max" || function == "max_number" || function == "any";
  if (dtype == DType::kBool) {   // any and all, and the extremes of booleans
    return "tl." + std::string(is_max ? "max" : "min") + "(" + value + ".to(tl.int32), " + where + ") != 0";
  }
  if (function == "sum") return "tl.sum(" + value + ", " + where + ")";
  if (function == "prod") {
    helpers.insert("multiply");
    return "tl.reduce(" + value + ", " + std::to_string(axis) + ", multiply" + (keep_dims ? ", keep_dims=True)" : ")");
  }
  if (function == "max_number" || !IsFloating(dtype)) {
    return "tl." + std::string(is_max ? "max" : "min") + "(" + value + ", " + where + ")";
  }
  helpers.insert(function + "_or_nan");
  return function + "_or_nan(" + value + ", " + std::to_string(axis) + ", " + (keep_dims ? "True" : "False") + ")";
}

std::string CombineText(const std::string& function, const std::string& a, const std::string& b, DType dtype,
                        HelperSet& helpers) {
  if (function == "any") return a + " | " + b;
  if (function == "all") return a + " & " + b;
  if (function == "max_number") return "tl.maximum(" + a + ", " + b + ")";
  std::string pointwise = function == "sum" ? "add" : function == "prod" ? "mul" : function == "max" ? "maximum" : "minimum";
  return FunctionText(pointwise, RegisterType(dtype), dtype, {a, b}, helpers);
}

std::string NeutralText(const std::string& function, DType dtype) {
  if (function == "any") return "False";
  if (function == "all") return "True";
  bool floating = IsFloating(dtype);
  if (function == "sum") return floating ? "0.0" : "0";
  if (function == "prod") return floating ? "1.0" : "1";
  bool largest = function == "min" || function == "argmin";
  if (floating) return largest ? "float(\"inf\")" : "float(\"-inf\")";
  if (dtype == DType::kBool) return largest ? "True" : "False";
  return IntegerLimit(dtype, largest);
}

}  // namespace drtriton
