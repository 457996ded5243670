// Arithmetic, comparison, logic and selection: pointwise operators of several operands.
#include <algorithm>
#include <array>

#include "graph/operators.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

// The type in which the operator computes.
DType ComputedDType(ResultType rule, const std::vector<Operand>& promoting) {
  if (rule == ResultType::kFirst) return promoting.front().dtype;
  const DType dtype = ResultDType(promoting);
  return rule == ResultType::kFloat && IsIntegral(dtype, true) ? DType::kFloat32 : dtype;
}

// The result's strides from the operands' as TensorIterator meets them: those of another type than the computation's
// are converted first, which closes gaps.
Shape IteratedStrides(const Call& call, const std::vector<Operand>& operands, const std::vector<bool>& promotes,
                      DType computed, const Shape& shape) {
  const bool may_convert = call.info().result_type != ResultType::kFirst;
  std::vector<Shape> converted;
  converted.reserve(operands.size());  // referred to
  std::vector<Strided> strided;
  strided.reserve(operands.size());
  for (size_t i = 0; i < operands.size(); ++i) {
    const Operand& o = operands[i];
    const bool converts = may_convert && promotes[i] && !o.is_number && o.dtype != computed;
    if (converts) converted.push_back(PreservedStrides(o.shape, o.strides));
    strided.push_back({o.shape, converts ? converted.back() : o.strides});
  }
  return PointwiseStrides(strided, shape);
}

bool IsFloat(const Attr& attr) { return attr.Is<double>(); }

// add, sub and rsub: a fractional alpha needs a floating result; bools cannot be subtracted.
std::vector<InferredValue> InferAdd(const Call& call) {
  std::vector<InferredValue> result = InferPointwise(call);
  const DType dtype = result[0].dtype;
  call.Expect(!IsFloat(call.Arg("alpha")) || !IsIntegral(dtype, true), "alpha is a float but the result is integral");
  call.Expect(!call.Arg("alpha").Is<bool>() || dtype == DType::kBool, "alpha is a bool but the result is not");
  return result;
}

std::vector<InferredValue> InferSubtract(const Call& call) {
  for (const char* name : {"self", "other"}) {
    const Operand operand = call.Tensor(name);
    call.Expect(operand.dtype != DType::kBool, "bools cannot be subtracted");
  }
  return InferAdd(call);
}

std::vector<InferredValue> InferDivideRounded(const Call& call) {
  std::vector<InferredValue> result = InferPointwise(call);
  if (call.Has("rounding_mode")) {
    const std::string& mode = call.String("rounding_mode");
    call.Expect(mode == "floor" || mode == "trunc", "rounding_mode is neither 'floor' nor 'trunc'");
    call.Expect(result[0].dtype != DType::kBool, "bools cannot be divided with rounding");
  } else if (IsIntegral(result[0].dtype, true)) {
    result[0].dtype = DType::kFloat32;
  }
  return result;
}

// Integers cannot be raised to a negative integer.
std::vector<InferredValue> InferPower(const Call& call) {
  const Attr& exponent = call.Arg("exponent");
  const bool integral = IsIntegral(call.Tensor("self").dtype, true);
  const bool negative = exponent.Is<int64_t>() && exponent.AsInt() < 0;
  call.Expect(!integral || !negative, "integers cannot be raised to a negative power");
  return InferPointwise(call);
}

std::vector<InferredValue> InferBitwise(const Call& call) {
  std::vector<InferredValue> result = InferPointwise(call);
  call.Expect(IsIntegral(result[0].dtype, true), "needs integers or bools");
  return result;
}

std::vector<InferredValue> InferShift(const Call& call) {
  std::vector<InferredValue> result = InferBitwise(call);
  call.Expect(result[0].dtype != DType::kBool, "bools cannot be shifted");
  return result;
}

std::vector<InferredValue> InferHeaviside(const Call& call) {
  call.Expect(call.Tensor("self").dtype == call.Tensor("values").dtype, "operands have to be of one dtype");
  return InferPointwise(call);
}

std::vector<InferredValue> InferWhere(const Call& call) {
  const DType condition = call.Tensor("condition").dtype;
  call.Expect(condition == DType::kBool || condition == DType::kUInt8, "the condition has to be bool");
  return InferPointwise(call);
}

std::vector<InferredValue> InferMaskedFill(const Call& call) {
  call.Expect(call.Tensor("mask").dtype == DType::kBool, "the mask has to be bool");
  const Operand value = call.Tensor("value");
  call.Expect(value.shape.empty(), "the value has to be of rank 0");
  std::vector<InferredValue> result = InferPointwise(call);
  // The result is a copy of self, expanded.
  const Operand self = call.Tensor("self");
  const bool plain = self.shape == result[0].shape && IsContiguous(self.shape, self.strides);
  result[0].strides = plain ? std::optional<Shape>(ContiguousStrides(self.shape)) : std::nullopt;
  return result;
}

std::vector<InferredValue> InferClamp(const Call& call) {
  call.Expect(call.Has("min") || call.Has("max"), "needs a minimum or a maximum");
  return InferPointwise(call);
}

std::vector<InferredValue> InferLerp(const Call& call) {
  const DType self = call.Tensor("self").dtype;
  call.Expect(self == call.Tensor("end").dtype, "start and end have to be of one dtype");
  const Operand weight = call.Tensor("weight");
  call.Expect(weight.rank() == 0 || weight.dtype == self, "start and weight have to be of one dtype");
  return InferPointwise(call);
}

double TwoAnElement(const Call& call) { return 2.0 * static_cast<double>(ElementCount(InferPointwise(call)[0].shape)); }

constexpr OpKind kPointwise = OpKind::kPointwise;

OperatorSpec Binary(std::string schema, std::string form, std::string domain = "n",
                    ResultType type = ResultType::kPromote, std::string operands = "self,other",
                    std::vector<InferredValue> (*infer)(const Call&) = InferPointwise) {
  return {.schema_text = std::move(schema),
          .form = std::move(form),
          .kind = kPointwise,
          .domain = std::move(domain),
          .infer = infer,
          .operands = std::move(operands),
          .result_type = type};
}

// The tensor and the scalar form of a comparison or a bitwise operator.
void AddPair(std::vector<OperatorSpec>& table, const std::string& name, const std::string& symbol,
             const std::string& domain, ResultType type, std::vector<InferredValue> (*infer)(const Call&)) {
  const std::string form = "{self} " + symbol + " {other}";
  const std::string scalar = domain == "i" ? "; other=2|1" : "";
  table.push_back(Binary("aten::" + name + ".Tensor(Tensor self, Tensor other) -> Tensor", form, domain, type,
                         "self,other", infer));
  table.push_back(Binary("aten::" + name + ".Scalar(Tensor self, Scalar other) -> Tensor", form, domain + scalar, type,
                         "self,other", infer));
}

void AddArithmetic(std::vector<OperatorSpec>& table) {
  const ResultType promote = ResultType::kPromote;
  const ResultType to_float = ResultType::kFloat;
  const auto add = [&table](OperatorSpec spec) { table.push_back(std::move(spec)); };
  add(Binary("aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", "{self} + {other};;torch.add",
             "a; other=~|2.5|3; alpha=1|1|2|0.5", promote, "self,other", InferAdd));
  add(Binary("aten::add.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", "", "a; alpha=1|2", promote,
             "self,other", InferAdd));
  add(Binary("aten::sub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", "{self} - {other};;torch.sub",
             "a; other=~|2.5|3; alpha=1|1|2|0.5", promote, "self,other", InferSubtract));
  add(Binary("aten::sub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", "", "n; alpha=1|2", promote,
             "self,other", InferSubtract));
  add(Binary("aten::rsub.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", "torch.rsub", "n; alpha=1|2",
             promote, "other,self", InferSubtract));
  add(Binary("aten::rsub.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", "{other} - {self};;torch.rsub",
             "n; alpha=1|2", promote, "other,self", InferSubtract));
  add(Binary("aten::mul.Tensor(Tensor self, Tensor other) -> Tensor", "{self} * {other}", "a; other=~|2.5|3"));
  add(Binary("aten::mul.Scalar(Tensor self, Scalar other) -> Tensor", "", "a"));
  add(Binary("aten::div.Tensor(Tensor self, Tensor other) -> Tensor", "{self} / {other}", "a; other=~|2.5|3",
             to_float));
  add(Binary("aten::div.Scalar(Tensor self, Scalar other) -> Tensor", "", "a", to_float));
  add(Binary("aten::div.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor", "torch.div",
             "n; other=~|2.5|3; rounding_mode='floor'|'trunc'|None", promote, "self,other", InferDivideRounded));
  add(Binary("aten::div.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor", "",
             "n; rounding_mode='floor'|'trunc'|None", promote, "self,other", InferDivideRounded));
  add(Binary("aten::floor_divide(Tensor self, Tensor other) -> Tensor", "{self} // {other}", "n; other=~|2.5|3"));
  add(Binary("aten::floor_divide.Scalar(Tensor self, Scalar other) -> Tensor", ""));
  add(Binary("aten::true_divide.Tensor(Tensor self, Tensor other) -> Tensor", "torch.true_divide", "a", to_float));
  add(Binary("aten::remainder.Tensor(Tensor self, Tensor other) -> Tensor", "{self} % {other}"));
  add(Binary("aten::remainder.Scalar(Tensor self, Scalar other) -> Tensor", "{self} % {other}"));
  add(Binary("aten::remainder.Scalar_Tensor(Scalar self, Tensor other) -> Tensor", "{self} % {other}"));
  add(Binary("aten::fmod.Tensor(Tensor self, Tensor other) -> Tensor", "torch.fmod"));
  add(Binary("aten::fmod.Scalar(Tensor self, Scalar other) -> Tensor", "torch.fmod"));
  add(Binary("aten::pow.Tensor_Tensor(Tensor self, Tensor exponent) -> Tensor", "{self} ** {exponent}", "n", promote,
             "self,exponent"));
  add(Binary("aten::pow.Tensor_Scalar(Tensor self, Scalar exponent) -> Tensor", "{self} ** {exponent}",
             "n; exponent=2|0.5|-1", promote, "self,exponent", InferPower));
  add(Binary("aten::pow.Scalar(Scalar self, Tensor exponent) -> Tensor", "{self} ** {exponent}", "n", promote,
             "self,exponent"));
  for (const char* name : {"maximum", "minimum", "fmax", "fmin"}) {
    add(Binary("aten::" + std::string(name) + "(Tensor self, Tensor other) -> Tensor", "torch." + std::string(name),
               "a"));
  }
  for (const char* name : {"hypot", "nextafter", "logaddexp", "logaddexp2"}) {
    add(Binary("aten::" + std::string(name) + "(Tensor self, Tensor other) -> Tensor", "torch." + std::string(name),
               "f"));
  }
  for (const char* name : {"gcd", "lcm"}) {
    add(Binary("aten::" + std::string(name) + "(Tensor self, Tensor other) -> Tensor", "torch." + std::string(name),
               "z"));
  }
  add(Binary("aten::heaviside(Tensor self, Tensor values) -> Tensor", "torch.heaviside",
             "n; self=~:=; values=~:=", promote, "self,values", InferHeaviside));
  add(Binary("aten::special_xlog1py(Tensor self, Tensor other) -> Tensor", "torch.special.xlog1py", "n", to_float));
  add(Binary("aten::special_zeta(Tensor self, Tensor other) -> Tensor", "torch.special.zeta", "f", to_float));
  add(Binary("aten::atan2(Tensor self, Tensor other) -> Tensor", "torch.atan2", "n", to_float));
  add(Binary("aten::copysign.Tensor(Tensor self, Tensor other) -> Tensor", "torch.copysign", "n", to_float));
  add(Binary("aten::copysign.Scalar(Tensor self, Scalar other) -> Tensor", "torch.copysign", "n", to_float));
  add(Binary("aten::xlogy.Tensor(Tensor self, Tensor other) -> Tensor", "torch.xlogy", "n", to_float));
  add(Binary("aten::xlogy.Scalar_Other(Tensor self, Scalar other) -> Tensor", "torch.xlogy", "n", to_float));
  add(Binary("aten::xlogy.Scalar_Self(Scalar self, Tensor other) -> Tensor", "torch.xlogy", "n", to_float));
}

void AddTernary(std::vector<OperatorSpec>& table) {
  const auto add = [&table](OperatorSpec spec) { table.push_back(std::move(spec)); };
  for (const char* name : {"addcmul", "addcdiv"}) {
    OperatorSpec spec = Binary(
        "aten::" + std::string(name) + "(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
        "torch." + std::string(name), "f; value=1|0.5", ResultType::kPromote, "self,tensor1,tensor2");
    spec.flops = TwoAnElement;
    add(std::move(spec));
  }
  const std::string same = "f; self=~:=; end=~:=; weight=~:=|[]:n";
  add(Binary("aten::lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor", "torch.lerp", same,
             ResultType::kPromote, "self,end,weight", InferLerp));
  add(Binary("aten::lerp.Scalar(Tensor self, Tensor end, Scalar weight) -> Tensor", "torch.lerp",
             "f; self=~:=; end=~:=", ResultType::kFirst, "self,end", InferLerp));
}

void AddLogic(std::vector<OperatorSpec>& table) {
  constexpr std::array<std::array<const char*, 2>, 6> comparisons = {
      {{"eq", "=="}, {"ne", "!="}, {"lt", "<"}, {"le", "<="}, {"gt", ">"}, {"ge", ">="}}};
  for (const auto& [name, symbol] : comparisons) AddPair(table, name, symbol, "a", ResultType::kBool, InferPointwise);
  constexpr std::array<std::array<const char*, 2>, 3> bitwise = {
      {{"bitwise_and", "&"}, {"bitwise_or", "|"}, {"bitwise_xor", "^"}}};
  for (const auto& [name, symbol] : bitwise) AddPair(table, name, symbol, "i", ResultType::kPromote, InferBitwise);
  for (const char* name : {"logical_and", "logical_or", "logical_xor"}) {
    table.push_back(Binary("aten::" + std::string(name) + "(Tensor self, Tensor other) -> Tensor",
                           "torch." + std::string(name), "a", ResultType::kBool));
  }
  for (const auto& [name, symbol] :
       {std::array<const char*, 2>{"left", "<<"}, std::array<const char*, 2>{"right", ">>"}}) {
    const std::string base = "aten::bitwise_" + std::string(name) + "_shift";
    const std::string form = "{self} " + std::string(symbol) + " {other}";
    table.push_back(Binary(base + ".Tensor(Tensor self, Tensor other) -> Tensor", form, "z", ResultType::kPromote,
                           "self,other", InferShift));
    table.push_back(Binary(base + ".Tensor_Scalar(Tensor self, Scalar other) -> Tensor", "", "z; other=1|2",
                           ResultType::kPromote, "self,other", InferShift));
  }
  table.push_back(Binary("aten::__lshift__.Scalar(Tensor self, Scalar other) -> Tensor", "{self} << {other}",
                         "z; other=1|2", ResultType::kPromote, "self,other", InferShift));
  table.push_back(Binary("aten::__rshift__.Scalar(Tensor self, Scalar other) -> Tensor", "{self} >> {other}",
                         "z; other=1|2", ResultType::kPromote, "self,other", InferShift));
}

void AddSelection(std::vector<OperatorSpec>& table) {
  const auto add = [&table](std::string schema, std::string form, std::string domain, std::string operands,
                            std::vector<InferredValue> (*infer)(const Call&), ResultType type = ResultType::kPromote) {
    table.push_back(Binary(std::move(schema), std::move(form), std::move(domain), type, std::move(operands), infer));
  };
  const std::string where = "a; condition=~:b";
  for (const char* types :
       {"self(Tensor condition, Tensor self, Tensor", "ScalarSelf(Tensor condition, Scalar self, Tensor",
        "ScalarOther(Tensor condition, Tensor self, Scalar", "Scalar(Tensor condition, Scalar self, Scalar"}) {
    add("aten::where." + std::string(types) + " other) -> Tensor", "torch.where", where, "?condition,self,other",
        InferWhere);
  }
  add("aten::masked_fill.Scalar(Tensor self, Tensor mask, Scalar value) -> Tensor", ".masked_fill", "f; mask=~:b",
      "self,?mask", InferMaskedFill, ResultType::kFirst);
  add("aten::masked_fill.Tensor(Tensor self, Tensor mask, Tensor value) -> Tensor", ".masked_fill",
      "f; self=~:=; mask=~:b; value=[]:=", "self,?mask", InferMaskedFill, ResultType::kFirst);
  add("aten::clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor", "torch.clamp",
      "n; min=-1|None|0.5; max=2|2.5", "self,min,max", InferClamp);
  add("aten::clamp.Tensor(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor", "torch.clamp",
      "n; min=~|None; max=~", "self,min,max", InferClamp);
  add("aten::clamp_min(Tensor self, Scalar min) -> Tensor", "torch.clamp_min", "n", "self,min", InferPointwise);
  add("aten::clamp_min.Tensor(Tensor self, Tensor min) -> Tensor", "torch.clamp_min", "n", "self,min", InferPointwise);
  add("aten::clamp_max(Tensor self, Scalar max) -> Tensor", "torch.clamp_max", "n", "self,max", InferPointwise);
  add("aten::clamp_max.Tensor(Tensor self, Tensor max) -> Tensor", "torch.clamp_max", "n", "self,max", InferPointwise);
}

}  // namespace

std::vector<InferredValue> InferPointwise(const Call& call) {
  const OperatorInfo& info = call.info();
  std::vector<Operand> operands;
  std::vector<Operand> promoting;
  std::vector<bool> promotes;  // for each of `operands`
  operands.reserve(info.operand_indices.size());
  promoting.reserve(info.operand_indices.size());
  for (size_t i = 0; i < info.operand_indices.size(); ++i) {
    const Attr& attr = call.Arg(static_cast<size_t>(info.operand_indices[i]));
    if (attr.IsNone()) continue;
    operands.push_back(call.ToOperand(attr));
    promotes.push_back(info.operand_promotes[i]);
    if (promotes.back()) promoting.push_back(operands.back());
  }
  const DType computed = ComputedDType(info.result_type, promoting);
  InferredValue result;
  result.dtype = info.result_type == ResultType::kBool ? DType::kBool : computed;
  result.shape = BroadcastAll(call, operands);
  result.strides = IteratedStrides(call, operands, promotes, computed, result.shape);
  return {std::move(result)};
}

std::vector<OperatorSpec> ArithmeticOperators() {
  std::vector<OperatorSpec> table;
  AddArithmetic(table);
  AddTernary(table);
  AddLogic(table);
  AddSelection(table);
  return table;
}

}  // namespace drtriton
