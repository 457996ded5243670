// Activation functions.  Those with a formula of their own in expression.cc are one function; the rest decompose.
#include <cmath>

#include "templates/lower_ops.h"

namespace drtriton {
namespace {

// Terms of one floating type with operators, so that formulas read as in the documentation.
class Formula {
 public:
  explicit Formula(const OpCall& call) : call_(call), type_(call.type()) {}
  Term F(const std::string& function, std::vector<Term> operands) const {
    return call_.draft.Pointwise(function, type_, std::move(operands));
  }
  Term N(double value) const { return call_.Literal(value, type_); }
  Term Add(Term a, Term b) const { return F("add", {a, b}); }
  Term Sub(Term a, Term b) const { return F("sub", {a, b}); }
  Term Mul(Term a, Term b) const { return F("mul", {a, b}); }
  Term Div(Term a, Term b) const { return F("div", {a, b}); }
  Term Clamp(Term x, double low, double high) const {
    return F("minimum", {F("maximum", {x, N(low)}), N(high)});
  }
  Term Compare(const char* comparison, Term a, Term b) const {
    return call_.draft.Pointwise(comparison, DType::kBool, {a, b}, type_);
  }
  Term Select(Term condition, Term a, Term b) const { return call_.draft.Where(condition, a, b, type_); }
  // x * factor, or x itself for 1
  Term Scale(Term x, double factor) const { return factor == 1 ? x : Mul(x, N(factor)); }

 private:
  const OpCall& call_;
  DType type_;
};

// x > 0 ? scale * x : scale * alpha * expm1(input_scale * x); NaN takes the second branch and stays NaN.
void Elu(const OpCall& call, double alpha, double scale, double input_scale) {
  Formula f(call);
  Term x = call.Tensor(0);
  Term negative = f.Scale(f.F("expm1", {f.Scale(x, input_scale)}), alpha * scale);
  call.Define(f.Select(f.Compare("gt", x, f.N(0)), f.Scale(x, scale), negative));
}

void LeakyRelu(const OpCall& call) {
  Formula f(call);
  Term x = call.Tensor(0);
  call.Define(f.Select(f.Compare("gt", x, f.N(0)), x, f.Mul(x, f.N(call.Number(1, 0.01)))));
}

// log1p(exp(beta x)) / beta, x itself where beta x > threshold.
void Softplus(const OpCall& call) {
  Formula f(call);
  double beta = call.Number(1, 1), threshold = call.Number(2, 20);
  Term x = call.Tensor(0), scaled = f.Scale(x, beta);
  Term soft = f.F("softplus", {scaled});
  if (beta != 1) soft = f.Div(soft, f.N(beta));
  call.Define(f.Select(f.Compare("gt", scaled, f.N(threshold)), x, soft));
}

void HardSigmoidLike(const OpCall& call, bool times_x) {
  Formula f(call);
  Term x = call.Tensor(0);
  Term gate = f.Clamp(f.Add(x, f.N(3)), 0, 6);
  if (times_x) gate = f.Mul(x, gate);
  call.Define(f.Mul(gate, f.N(1.0 / 6.0)));
}

// Where |x| <= lambda the result is 0; NaN stays.
void Shrink(const OpCall& call, bool soft) {
  Formula f(call);
  Term x = call.Tensor(0);
  double lambda = call.Number(1, 0.5);
  Term above = f.Compare("gt", x, f.N(lambda)), below = f.Compare("lt", x, f.N(-lambda));
  Term high = soft ? f.Sub(x, f.N(lambda)) : x, low = soft ? f.Add(x, f.N(lambda)) : x;
  Term number = f.Compare("eq", x, x);   // NaN stays; what is shrunk away is +0, whatever its sign was
  call.Define(f.Select(above, high, f.Select(below, low, f.Select(number, f.N(0), x))));
}

void Threshold(const OpCall& call) {
  Formula f(call);
  Term x = call.Tensor(0);
  call.Define(f.Select(f.Compare("le", x, f.N(call.Number(1, 0))), f.N(call.Number(2, 0)), x));
}

// prelu's weight runs over dimension 1, or is one number.
void Prelu(const OpCall& call) {
  Formula f(call);
  Term x = call.Tensor(0), weight = call.Tensor(1);
  Shape shape(static_cast<size_t>(x.rank()), 1);
  if (x.rank() > 1) shape[1] = call.draft.ShapeOf(weight).empty() ? 1 : call.draft.Size(weight, 0);
  weight = call.draft.Reshape(weight, shape);
  call.Define(f.Select(f.Compare("gt", x, f.N(0)), x, f.Mul(weight, x)));
}

// The halves of the input along a dimension: a * sigmoid(b).
void Glu(const OpCall& call) {
  Term x = call.Tensor(0);
  if (!x.leaf) throw Refusal{"glu of a computed value slices it"};
  size_t dim = static_cast<size_t>(WrapDim(call.Int(1, -1), x.rank()));
  LeafView half = *x.leaf;
  half.shape[dim] /= 2;
  Term a = call.draft.Load(half);
  half.offset += half.shape[dim] * half.strides[dim];
  Term b = call.draft.Load(half);
  Formula f(call);
  call.Define(f.Mul(a, f.F("sigmoid", {b})));
}

void Gelu(const OpCall& call) {
  bool tanh = call.Given(1) && call.arg(1).AsString() == "tanh";
  call.Define(call.draft.Pointwise(tanh ? "gelu_tanh" : "gelu", call.type(), {call.Tensor(0)}));
}

}  // namespace

void LowerActivations(HandlerTable& table) {
  for (const char* name : {"relu", "silu", "mish"}) {
    table[std::string("aten.") + name + ".default"] = [function = std::string(name)](const OpCall& call) {
      call.Define(call.draft.Pointwise(function, call.type(), {call.Tensor(0)}));
    };
  }
  table["aten.log_sigmoid.default"] = [](const OpCall& call) {
    call.Define(call.draft.Pointwise("log_sigmoid", call.type(), {call.Tensor(0)}));
  };
  table["aten.gelu.default"] = Gelu;
  table["aten.relu6.default"] = [](const OpCall& call) { call.Define(Formula(call).Clamp(call.Tensor(0), 0, 6)); };
  table["aten.hardtanh.default"] = [](const OpCall& call) {
    call.Define(Formula(call).Clamp(call.Tensor(0), call.Number(1, -1), call.Number(2, 1)));
  };
  table["aten.leaky_relu.default"] = LeakyRelu;
  table["aten.elu.default"] = [](const OpCall& call) {
    Elu(call, call.Number(1, 1), call.Number(2, 1), call.Number(3, 1));
  };
  table["aten.celu.default"] = [](const OpCall& call) {
    double alpha = call.Number(1, 1);
    Elu(call, alpha, 1, 1 / alpha);
  };
  table["aten.selu.default"] = [](const OpCall& call) { Elu(call, 1.6732632423543772, 1.0507009873554805, 1); };
  table["aten.softplus.default"] = Softplus;
  table["aten.softsign.default"] = [](const OpCall& call) {
    Formula f(call);
    Term x = call.Tensor(0);
    call.Define(f.Div(x, f.Add(f.F("abs", {x}), f.N(1))));
  };
  table["aten.hardsigmoid.default"] = [](const OpCall& call) { HardSigmoidLike(call, false); };
  table["aten.hardswish.default"] = [](const OpCall& call) { HardSigmoidLike(call, true); };
  table["aten.hardshrink.default"] = [](const OpCall& call) { Shrink(call, false); };
  table["aten.softshrink.default"] = [](const OpCall& call) { Shrink(call, true); };
  table["aten.threshold.default"] = Threshold;
  table["aten.prelu.default"] = table["aten._prelu_kernel.default"] = Prelu;
  table["aten.glu.default"] = Glu;
}

}  // namespace drtriton
