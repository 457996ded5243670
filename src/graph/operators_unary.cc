// Elementary functions and activations: pointwise operators of one tensor.
#include <array>

#include "graph/operators.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

std::vector<InferredValue> InferFloatsOnly(const Call& call) {
  const Operand self = call.Tensor(size_t{0});
  call.Expect(IsFloating(self.dtype), "needs a floating tensor");
  return InferPointwise(call);
}

// As a power: bools are counted.
std::vector<InferredValue> InferSquare(const Call& call) {
  std::vector<InferredValue> result = InferPointwise(call);
  if (result[0].dtype == DType::kBool) result[0].dtype = DType::kInt64;
  return result;
}

std::vector<InferredValue> InferHardTanh(const Call& call) {
  call.Expect(call.Number("min_val") <= call.Number("max_val"), "the minimum exceeds the maximum");
  return InferPointwise(call);
}

std::vector<InferredValue> InferPolygamma(const Call& call) {
  call.Expect(call.Int("n") >= 0, "the order is negative");
  return InferPointwise(call);
}

// One weight for all, or one a channel (dimension 1; dimension 0 of a vector).
std::vector<InferredValue> InferPRelu(const Call& call) {
  const Operand self = call.Tensor("self");
  const Operand weight = call.Tensor("weight");
  call.Expect(self.dtype == weight.dtype, "input and weight have to be of one dtype");
  call.Expect(weight.rank() <= 1, "the weight has to be of rank 0 or 1");
  const int64_t channels = self.rank() >= 2 ? self.shape[1] : 1;
  call.Expect(weight.Elements() == 1 || weight.Elements() == channels, "one weight or one a channel is expected");
  return {ContiguousIf(IsRowMajor(self), self.dtype, self.shape)};
}

std::vector<InferredValue> InferGlu(const Call& call) {
  const Operand self = call.Tensor("self");
  call.Expect(self.rank() > 0, "needs a tensor of rank 1 or more");
  Shape shape = self.shape;
  int64_t& size = shape[static_cast<size_t>(call.Dim("dim", self.rank()))];
  call.Expect(size % 2 == 0, "the halved dimension has to be even");
  size /= 2;
  return {ContiguousIf(IsRowMajor(self), self.dtype, std::move(shape))};
}

OperatorSpec Unary(const std::string& schema, std::string form, std::string domain,
                   ResultType type = ResultType::kFirst,
                   std::vector<InferredValue> (*infer)(const Call&) = InferPointwise) {
  return {.schema_text = "aten::" + schema + " -> Tensor",
          .form = std::move(form),
          .kind = OpKind::kPointwise,
          .domain = std::move(domain),
          .infer = infer,
          .operands = "self",
          .result_type = type};
}

void AddFunctions(std::vector<OperatorSpec>& table) {
  // Integers become floats.
  for (const char* name :
       {"sqrt", "rsqrt",  "reciprocal", "exp",     "exp2",    "expm1", "log",     "log2",    "log10", "log1p", "sin",
        "cos",  "tan",    "asin",       "acos",    "atan",    "sinh",  "cosh",    "asinh",   "acosh", "atanh", "erf",
        "erfc", "erfinv", "lgamma",     "digamma", "sigmoid", "tanh",  "deg2rad", "rad2deg", "sinc",  "i0"}) {
    table.push_back(Unary(std::string(name) + "(Tensor self)", "torch." + std::string(name), "a", ResultType::kFloat));
  }
  for (const char* name : {"entr", "erfcx", "i0e", "i1", "i1e", "log_ndtr", "ndtri"}) {
    table.push_back(Unary("special_" + std::string(name) + "(Tensor self)", "torch.special." + std::string(name), "a",
                          ResultType::kFloat));
  }
  table.push_back(
      Unary("polygamma(int n, Tensor self)", "torch.polygamma", "n; n=0..3", ResultType::kFloat, InferPolygamma));
  table.push_back(Unary("logit(Tensor self, float? eps=None)", "torch.logit", "n; eps=None|1e-06", ResultType::kFloat));
  // The type stays.
  table.push_back(Unary("neg(Tensor self)", "-{self}", "n"));
  for (const char* name : {"abs", "sign", "sgn", "ceil", "floor", "round", "trunc"}) {
    table.push_back(Unary(std::string(name) + "(Tensor self)", "torch." + std::string(name), "n"));
  }
  table.push_back(Unary("square(Tensor self)", "torch.square", "a", ResultType::kFirst, InferSquare));
  table.push_back(Unary("round.decimals(Tensor self, *, int decimals)", "torch.round", "f; decimals=0..3"));
  table.push_back(Unary("frac(Tensor self)", "torch.frac", "f", ResultType::kFirst, InferFloatsOnly));
  table.push_back(Unary("nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None)",
                        "torch.nan_to_num", "n; nan=None|0.5; posinf=None|3.0; neginf=None|-3.0"));
  table.push_back(Unary("bitwise_not(Tensor self)", "~{self}", "i"));
  for (const char* name : {"logical_not", "isnan", "isinf", "isfinite", "isposinf", "isneginf", "signbit"}) {
    table.push_back(Unary(std::string(name) + "(Tensor self)", "torch." + std::string(name), "n", ResultType::kBool));
  }
}

void AddActivations(std::vector<OperatorSpec>& table) {
  const auto add = [&table](const char* schema, const char* form, const char* domain) {
    const bool floats = domain[0] == 'f';
    table.push_back(Unary(schema, form, domain, ResultType::kFirst, floats ? InferFloatsOnly : InferPointwise));
  };
  add("relu(Tensor self)", "F.relu", "n");
  add("relu6(Tensor self)", "F.relu6", "n");
  add("gelu(Tensor self, *, str approximate=\"none\")", "F.gelu", "f; approximate='none'|'tanh'");
  add("silu(Tensor self)", "F.silu", "f");
  add("mish(Tensor self)", "F.mish", "f");
  add("elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1)", "F.elu({self}[, {alpha}])",
      "f; alpha=1|0.5; scale=1|1|1|2");
  add("selu(Tensor self)", "F.selu", "f");
  add("celu(Tensor self, Scalar alpha=1.)", "F.celu", "f; alpha=1.0|0.5");
  add("leaky_relu(Tensor self, Scalar negative_slope=0.01)", "F.leaky_relu", "f; negative_slope=0.01|0.2");
  add("hardtanh(Tensor self, Scalar min_val=-1, Scalar max_val=1)", "F.hardtanh", "f; min_val=-1|-2.0; max_val=1|0.5");
  table.back().infer = InferHardTanh;
  add("hardswish(Tensor self)", "F.hardswish", "f");
  add("hardsigmoid(Tensor self)", "F.hardsigmoid", "f");
  add("hardshrink(Tensor self, Scalar lambd=0.5)", "F.hardshrink", "f; lambd=0.5|0.25");
  add("softshrink(Tensor self, Scalar lambd=0.5)", "F.softshrink", "f; lambd=0.5|0.25");
  add("softplus(Tensor self, Scalar beta=1, Scalar threshold=20)", "F.softplus", "f; beta=1|2; threshold=20|10");
  add("threshold(Tensor self, Scalar threshold, Scalar value)", "F.threshold", "f; threshold=0.1|1; value=20|0.0");
  table.back().infer = InferPointwise;
  add("log_sigmoid(Tensor self)", "F.logsigmoid", "f");
  const RowAdder other(table, OpKind::kOther);
  other("prelu(Tensor self, Tensor weight) -> Tensor", "F.prelu", "f; self=[N,C,*]; weight=[C]|[1]", InferPRelu);
  other("glu(Tensor self, int dim=-1) -> Tensor", "F.glu", "f; self=[*,2K]; dim=-1", InferGlu);
}

}  // namespace

std::vector<OperatorSpec> UnaryOperators() {
  std::vector<OperatorSpec> table;
  AddFunctions(table);
  AddActivations(table);
  return table;
}

}  // namespace drtriton
