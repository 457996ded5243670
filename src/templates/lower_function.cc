// Elementary functions that are formulas of others, and shifts.
#include <cmath>

#include "templates/lower_ops.h"

namespace drtriton {
namespace {

class Formula {
 public:
  explicit Formula(const OpCall& call) : call_(call), type_(call.type()) {}
  Term X(size_t i = 0) const { return call_.draft.Cast(call_.Operand(i, type_), type_); }
  Term F(const std::string& function, std::vector<Term> operands) const { return call_.draft.Pointwise(function, type_, std::move(operands)); }
  Term N(double value) const { return call_.Literal(value, type_); }
  Term Test(const std::string& comparison, const Term& a, const Term& b) const {
    return call_.draft.Pointwise(comparison, DType::kBool, {a, b}, type_);
  }
  Term Test(const std::string& property, const Term& x) const { return call_.draft.Pointwise(property, DType::kBool, {x}, type_); }
  Term If(const Term& condition, const Term& a, const Term& b) const { return call_.draft.Where(condition, a, b, type_); }
  void Define(const Term& term) const { call_.Define(term); }

 private:
  const OpCall& call_;
  DType type_;
};

// x log(y), 0 where x is 0 unless y is NaN.
void XLogY(const OpCall& call, const std::string& logarithm) {
  Formula f(call);
  Term x = f.X(0), y = f.X(1);
  Term product = f.If(f.Test("eq", x, f.N(0)), f.N(0), f.F("mul", {x, f.F(logarithm, {y})}));
  f.Define(f.If(f.Test("isnan", y), y, product));
}

void Logit(const OpCall& call) {
  Formula f(call);
  Term x = f.X();
  if (call.Given(1)) x = f.F("minimum", {f.F("maximum", {x, f.N(call.Number(1, 0))}), f.N(1 - call.Number(1, 0))});
  f.Define(f.F("log", {f.F("div", {x, f.F("sub", {f.N(1), x})})}));
}

void Entropy(const OpCall& call) {
  Formula f(call);
  Term x = f.X();
  Term below = f.If(f.Test("eq", x, f.N(0)), f.N(0), f.If(f.Test("isnan", x), x, f.N(-INFINITY)));
  f.Define(f.If(f.Test("gt", x, f.N(0)), f.F("neg", {f.F("mul", {x, f.F("log", {x})})}), below));
}

// digamma and trigamma; above, derivatives of the logarithm of the gamma function by the zeta function.
void PolyGamma(const OpCall& call) {
  const int64_t order = call.Int(0, 0);
  Draft& draft = call.draft;
  const DType type = call.type();
  Term x = draft.Cast(call.Tensor(1), type);
  if (order < 2) return call.Define(draft.Pointwise(order == 0 ? "digamma" : "trigamma", type, {x}));
  const Term s = draft.Where(draft.Pointwise("isnan", DType::kBool, {x}, type), x, call.Literal(static_cast<double>(order + 1), type), type);
  const double factor = (order % 2 == 1 ? 1 : -1) * std::exp(std::lgamma(static_cast<double>(order + 1)));
  call.Define(draft.Pointwise("mul", type, {draft.Pointwise("zeta", type, {s, x}), call.Literal(factor, type)}));
}

// sin(pi x) / (pi x).  Of an integer PyTorch gives what the rounding of pi x leaves.
void Sinc(const OpCall& call) {
  Formula f(call);
  Term x = f.X(), angle = f.F("mul", {x, f.N(M_PI)});
  if (IsFloating(call.Tensor(0).dtype)) return f.Define(f.F("sinc", {x}));
  f.Define(f.If(f.Test("eq", x, f.N(0)), f.N(1), f.F("div", {f.F("sin", {angle}), angle})));
}

void Plain(const OpCall& call, const std::string& function, size_t operands) {
  std::vector<Term> terms;
  for (size_t i = 0; i < operands; ++i) terms.push_back(call.Operand(i, call.type()));
  call.Define(call.draft.Pointwise(function, call.type(), std::move(terms)));
}

void RoundDecimals(const OpCall& call) {
  Formula f(call);
  int64_t decimals = call.Int(1, 0);
  double power = std::pow(10.0, static_cast<double>(std::abs(decimals)));
  const char *up = decimals >= 0 ? "mul" : "div_rn", *down = decimals >= 0 ? "div_rn" : "mul";
  f.Define(f.F(down, {f.F("round", {f.F(up, {f.X(), f.N(power)})}), f.N(power)}));
}

void Scaled(const OpCall& call, double factor) {
  Formula f(call);
  f.Define(f.F("mul", {f.X(), f.N(factor)}));
}

// Where the sign decides: 0, `values`, 1.
void Heaviside(const OpCall& call) {
  Formula f(call);
  Term x = f.X(0);
  f.Define(f.If(f.Test("eq", x, f.N(0)), f.X(1), f.If(f.Test("lt", x, f.N(0)), f.N(0), f.N(1))));
}

void IsInfinite(const OpCall& call, double infinity) {
  Term x = call.Tensor(0);
  if (!IsFloating(x.dtype)) {
    call.Define(call.draft.Cast(call.Literal(0, DType::kBool), DType::kBool));
    return;
  }
  call.Define(call.draft.Pointwise("eq", DType::kBool, {x, call.Literal(infinity, x.dtype)}, x.dtype));
}

// By as many bits as the type has, or more: 0 to the left, the sign to the right; so do negative amounts.
void Shift(const OpCall& call, bool left) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term x = call.Operand(0, type), by = call.Operand(1, type);
  const int64_t bits = 8 * ElementBytes(type);
  Term last = draft.Literal(Attr(bits - 1), type), zero = draft.Literal(Attr(0), type);
  Term inside = draft.Pointwise("bitwise_and", DType::kBool, {draft.Pointwise("ge", DType::kBool, {by, zero}, type),
                                                             draft.Pointwise("le", DType::kBool, {by, last}, type)});
  Term amount = draft.Where(inside, by, left ? zero : last, type);
  Term shifted = draft.Pointwise(left ? "shift_left" : "shift_right", type, {x, amount});
  call.Define(left ? draft.Where(inside, shifted, zero, type) : shifted);
}

void SignBit(const OpCall& call) {
  Term x = call.Tensor(0);
  if (x.dtype == DType::kBool || x.dtype == DType::kUInt8) return call.Define(call.Literal(0, DType::kBool));
  Term zero = call.draft.Literal(Attr(0), x.dtype);
  call.Define(IsFloating(x.dtype) ? call.draft.Pointwise("signbit", DType::kBool, {x}, x.dtype)
                                  : call.draft.Pointwise("lt", DType::kBool, {x, zero}, x.dtype));
}

}  // namespace

void LowerFunctions(HandlerTable& table) {
  for (const char* kind : {"Tensor", "Scalar_Other", "Scalar_Self"}) {
    table[std::string("aten.xlogy.") + kind] = [](const OpCall& call) { XLogY(call, "log"); };
  }
  table["aten.special_xlog1py.default"] = [](const OpCall& call) { XLogY(call, "log1p"); };
  table["aten.logit.default"] = Logit;
  table["aten.special_entr.default"] = Entropy;
  for (const char* name : {"i0e", "i1e", "log_ndtr", "ndtri"}) {
    table[std::string("aten.special_") + name + ".default"] = [function = std::string(name)](const OpCall& call) { Plain(call, function, 1); };
  }
  table["aten.digamma.default"] = [](const OpCall& call) { Plain(call, "digamma", 1); };
  table["aten.sinc.default"] = Sinc;
  for (const char* name : {"gcd", "lcm"}) {
    table[std::string("aten.") + name + ".default"] = [function = std::string(name)](const OpCall& call) { Plain(call, function, 2); };
  }
  table["aten.special_zeta.default"] = [](const OpCall& call) { Plain(call, "zeta", 2); };
  table["aten.polygamma.default"] = PolyGamma;
  table["aten.round.decimals"] = RoundDecimals;
  table["aten.deg2rad.default"] = [](const OpCall& call) { Scaled(call, M_PI / 180); };
  table["aten.rad2deg.default"] = [](const OpCall& call) { Scaled(call, 180 / M_PI); };
  table["aten.frac.default"] = [](const OpCall& call) {
    Formula f(call);
    f.Define(f.F("sub", {f.X(), f.F("trunc", {f.X()})}));
  };
  table["aten.heaviside.default"] = Heaviside;
  table["aten.isposinf.default"] = [](const OpCall& call) { IsInfinite(call, INFINITY); };
  table["aten.isneginf.default"] = [](const OpCall& call) { IsInfinite(call, -INFINITY); };
  table["aten.signbit.default"] = SignBit;
  for (const char* op : {"bitwise_left_shift.Tensor", "bitwise_left_shift.Tensor_Scalar", "__lshift__.Scalar", "__lshift__.Tensor"}) {
    table[std::string("aten.") + op] = [](const OpCall& call) { Shift(call, true); };
  }
  for (const char* op : {"bitwise_right_shift.Tensor", "bitwise_right_shift.Tensor_Scalar", "__rshift__.Scalar", "__rshift__.Tensor"}) {
    table[std::string("aten.") + op] = [](const OpCall& call) { Shift(call, false); };
  }
}

}  // namespace drtriton
