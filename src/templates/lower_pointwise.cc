// Arithmetic, comparisons, selection, casts and constants.
#include <cmath>
#include <limits>

#include "templates/lower_ops.h"

namespace drtriton {
namespace {

int Category(DType dtype) {
  if (dtype == DType::kBool) return 0;
  return IsFloating(dtype) ? 2 : 1;
}

// operator -> function with the result's type
const std::vector<std::pair<const char*, const char*>> kUnary = {
    {"abs", "abs"}, {"neg", "neg"}, {"sign", "sign"}, {"square", "square"}, {"exp", "exp"}, {"exp2", "exp2"},
    {"expm1", "expm1"}, {"log", "log"}, {"log2", "log2"}, {"log10", "log10"}, {"log1p", "log1p"}, {"sqrt", "sqrt"},
    {"rsqrt", "rsqrt"}, {"reciprocal", "reciprocal"}, {"sin", "sin"}, {"cos", "cos"}, {"tanh", "tanh"}, {"erf", "erf"},
    {"floor", "floor"}, {"ceil", "ceil"}, {"round", "round"}, {"trunc", "trunc"}, {"sigmoid", "sigmoid"},
    {"bitwise_not", "bitwise_not"}, {"tan", "tan"}, {"asin", "asin"}, {"acos", "acos"}, {"atan", "atan"}, {"sinh", "sinh"},
    {"cosh", "cosh"}, {"asinh", "asinh"}, {"acosh", "acosh"}, {"atanh", "atanh"}, {"erfc", "erfc"}, {"erfinv", "erfinv"},
    {"lgamma", "lgamma"}, {"i0", "i0"}, {"special_i1", "i1"}, {"special_erfcx", "erfcx"}, {"sgn", "sign"}};

const std::vector<std::pair<const char*, const char*>> kBinary = {
    {"mul.Tensor", "mul"}, {"mul.Scalar", "mul"}, {"div.Tensor", "div"}, {"div.Scalar", "div"}, {"true_divide.Tensor", "div"},
    {"maximum.default", "maximum"}, {"minimum.default", "minimum"}, {"max.other", "maximum"}, {"min.other", "minimum"},
    {"remainder.Tensor", "remainder"}, {"remainder.Scalar", "remainder"}, {"fmod.Tensor", "fmod"}, {"fmod.Scalar", "fmod"},
    {"floor_divide.default", "floor_divide"}, {"floor_divide.Scalar", "floor_divide"}, {"bitwise_and.Tensor", "bitwise_and"}, {"bitwise_or.Tensor", "bitwise_or"},
    {"bitwise_xor.Tensor", "bitwise_xor"}, {"bitwise_and.Scalar", "bitwise_and"}, {"bitwise_or.Scalar", "bitwise_or"},
    {"bitwise_xor.Scalar", "bitwise_xor"}, {"__and__.Tensor", "bitwise_and"}, {"__or__.Tensor", "bitwise_or"},
    {"__xor__.Tensor", "bitwise_xor"}, {"remainder.Scalar_Tensor", "remainder"}, {"fmax.default", "fmax"}, {"fmin.default", "fmin"},
    {"hypot.default", "hypot"}, {"atan2.default", "atan2"}, {"nextafter.default", "nextafter"}, {"copysign.Tensor", "copysign"},
    {"copysign.Scalar", "copysign"}, {"logaddexp.default", "logaddexp"}, {"logaddexp2.default", "logaddexp2"}};

// Result is bool; operands are compared in their promoted type.
const std::vector<std::pair<const char*, const char*>> kComparisons = {
    {"eq", "eq"}, {"ne", "ne"}, {"lt", "lt"}, {"le", "le"}, {"gt", "gt"}, {"ge", "ge"}};

void Binary(const OpCall& call, const std::string& function) {
  call.Define(call.draft.Pointwise(function, call.type(), {call.Operand(0, call.type()), call.Operand(1, call.type())}));
}

// a + alpha * b and a - alpha * b
void AddLike(const OpCall& call, const std::string& function, size_t alpha) {
  DType type = call.type();
  Term a = call.Operand(0, type), b = call.Operand(1, type);
  if (call.Given(alpha) && call.arg(alpha).AsDouble() != 1) {
    b = call.draft.Pointwise("mul", type, {b, call.draft.Literal(call.arg(alpha), type)});
  }
  if (type == DType::kBool) {
    if (function != "add") throw Refusal{"subtraction of booleans"};
    call.Define(call.draft.Pointwise("bitwise_or", type, {a, b}));
    return;
  }
  call.Define(call.draft.Pointwise(function, type, {a, b}));
}

void RightSubtract(const OpCall& call) {
  DType type = call.type();
  Term a = call.Operand(0, type), b = call.Operand(1, type);
  if (call.Given(2) && call.arg(2).AsDouble() != 1) {
    a = call.draft.Pointwise("mul", type, {a, call.draft.Literal(call.arg(2), type)});
  }
  call.Define(call.draft.Pointwise("sub", type, {b, a}));
}

void DivideMode(const OpCall& call) {
  if (!call.Given(2)) return Binary(call, "div");
  const std::string& mode = call.arg(2).AsString();
  if (mode == "floor") return Binary(call, "floor_divide");
  DType type = call.type();
  if (!IsFloating(type)) return Binary(call, "trunc_divide");
  Term quotient = call.draft.Pointwise("div_rn", type, {call.Operand(0, type), call.Operand(1, type)});
  call.Define(call.draft.Pointwise("trunc", type, {quotient}));
}

// Exponents that PyTorch and everybody else take apart; the rest goes through float64.
void PowerScalar(const OpCall& call) {
  DType type = call.type();
  Term x = call.Operand(0, type);
  double exponent = call.arg(1).AsDouble();
  if (exponent == 0.0) return call.Define(call.draft.Pointwise("add", type, {call.draft.Pointwise("mul", type, {x, call.Literal(0, type)}), call.Literal(1, type)}));
  auto unary = [&](const char* function, Term operand) { return call.draft.Pointwise(function, type, {operand}); };
  if (exponent == 1.0) return call.Define(call.draft.Cast(x, type));
  if (exponent == 2.0) return call.Define(unary("square", x));
  if (exponent == 3.0) return call.Define(call.draft.Pointwise("mul", type, {unary("square", x), x}));
  if (exponent == 4.0) return call.Define(unary("square", unary("square", x)));
  if (!IsFloating(type)) return call.Define(call.draft.Pointwise("pow", type, {x, call.draft.Literal(call.arg(1), type)}));
  if (exponent == 0.5) return call.Define(unary("sqrt", x));
  if (exponent == -0.5) return call.Define(unary("rsqrt", x));
  if (exponent == -1.0) return call.Define(unary("reciprocal", x));
  if (exponent == -2.0) return call.Define(unary("reciprocal", unary("square", x)));
  call.Define(call.draft.Pointwise("pow", type, {x, call.Literal(exponent, type)}));
}

void PowerTensor(const OpCall& call) {
  DType type = call.type();
  Term base = call.Operand(0, type), exponent = call.Operand(1, type);
  if (!call.arg(0).IsValue()) {   // a number in the shape of the exponents: helpers work on blocks
    base = call.draft.Where(call.draft.Pointwise("eq", DType::kBool, {exponent, exponent}, type), base, base, type);
  }
  call.Define(call.draft.Pointwise("pow", type, {base, exponent}));
}

void Clamp(const OpCall& call, size_t low, size_t high) {
  DType type = call.type();
  Term x = call.draft.Cast(call.Tensor(0), type);
  if (low != 0 && call.Given(low)) x = call.draft.Pointwise("maximum", type, {x, call.Operand(low, type)});
  if (high != 0 && call.Given(high)) x = call.draft.Pointwise("minimum", type, {x, call.Operand(high, type)});
  call.Define(x);
}

void MaskedFill(const OpCall& call) {
  DType type = call.type();
  call.Define(call.draft.Where(call.Tensor(1), call.Operand(2, type), call.Tensor(0), type));
}

void NanToNum(const OpCall& call) {
  DType type = call.type();
  if (!IsFloating(type)) return call.Define(call.Tensor(0));
  double largest = type == DType::kFloat64    ? std::numeric_limits<double>::max()
                   : type == DType::kFloat16  ? 65504.0
                   : type == DType::kBFloat16 ? 3.3895313892515355e38
                                              : std::numeric_limits<float>::max();
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  auto replace = [&](const Term& condition, double value) { x = draft.Where(condition, call.Literal(value, type), x, type); };
  Term original = x;
  const double infinity = std::numeric_limits<double>::infinity();
  replace(draft.Pointwise("isnan", DType::kBool, {original}, type), call.Number(1, 0));
  replace(draft.Pointwise("eq", DType::kBool, {original, call.Literal(infinity, type)}, type), call.Number(2, largest));
  replace(draft.Pointwise("eq", DType::kBool, {original, call.Literal(-infinity, type)}, type), call.Number(3, -largest));
  call.Define(x);
}

void Logical(const OpCall& call, const std::string& function) {
  Term a = call.draft.Cast(call.Tensor(0), DType::kBool), b = call.draft.Cast(call.Tensor(1), DType::kBool);
  call.Define(call.draft.Pointwise(function, DType::kBool, {a, b}));
}

// A tensor filled with one value, in the result's shape.
void Filled(const OpCall& call, const Attr& value) {
  Term literal = call.draft.Literal(value, call.type());
  call.Define(call.draft.Expand(literal, call.Result().shape));
}

// start + step * i; integers take the whole parts of both.
void Arange(const OpCall& call, size_t start, size_t step) {
  Draft& draft = call.draft;
  const std::vector<AxisList> dims = draft.FreshDims(call.Result().shape);
  const double first = start == SIZE_MAX ? 0 : call.Number(start, 0), by = step == SIZE_MAX ? 1 : call.Number(step, 1);
  if (!IsFloating(call.type())) {
    return call.Define(draft.Cast(draft.IndexOver(dims, 0, static_cast<int64_t>(first), static_cast<int64_t>(by)), call.type()));
  }
  const DType wide = DType::kFloat64;
  const Term distance = draft.Pointwise("mul", wide, {draft.Cast(draft.IndexOver(dims, 0, 0, 1), wide), call.Literal(by, wide)});
  call.Define(draft.Cast(draft.Pointwise("add", wide, {distance, call.Literal(first, wide)}), call.type()));
}

// tril keeps column - row <= diagonal, triu column - row >= diagonal.
void Triangle(const OpCall& call, const std::string& comparison) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  Term row = draft.Index(x, x.rank() - 2, 0, 1), column = draft.Index(x, x.rank() - 1, 0, 1);
  Term distance = draft.Pointwise("sub", DType::kInt64, {column, row});
  Term keep = draft.Pointwise(comparison, DType::kBool, {distance, draft.Literal(Attr(call.Int(1, 0)), DType::kInt64)}, DType::kInt64);
  call.Define(draft.Where(keep, x, draft.Literal(Attr(0), call.type()), call.type()));
}

// 1 where row and column are the same.
void Eye(const OpCall& call) {
  Draft& draft = call.draft;
  std::vector<AxisList> dims = draft.FreshDims(call.Result().shape);
  Term same = draft.Pointwise("eq", DType::kBool, {draft.IndexOver(dims, 0, 0, 1), draft.IndexOver(dims, 1, 0, 1)}, DType::kInt64);
  call.Define(draft.Cast(same, call.type()));
}

// From both ends towards the middle, as PyTorch does, so that both are exact.
void Linspace(const OpCall& call) {
  Draft& draft = call.draft;
  const DType type = DType::kFloat32;
  double start = call.Number(0, 0), end = call.Number(1, 0);
  int64_t steps = call.Result().shape[0];
  double step = steps > 1 ? (end - start) / static_cast<double>(steps - 1) : 0;
  std::vector<AxisList> dims = draft.FreshDims({steps});
  auto from = [&](double origin, double by, const Term& index) {
    Term distance = draft.Pointwise("mul", type, {draft.Cast(index, type), call.Literal(by, type)});
    return draft.Pointwise("add", type, {call.Literal(origin, type), distance});
  };
  Term index = draft.IndexOver(dims, 0, 0, 1), half = draft.Literal(Attr(steps / 2), DType::kInt64);
  Term first = draft.Pointwise("lt", DType::kBool, {index, half}, DType::kInt64);
  call.Define(draft.Cast(draft.Where(first, from(start, step, index), from(end, step, draft.IndexOver(dims, 0, 1 - steps, 1)), type), call.type()));
}

void AddConstants(HandlerTable& table) {
  table["aten.eye.default"] = table["aten.eye.m"] = Eye;
  table["aten.linspace.default"] = Linspace;
  table["aten.fill.Scalar"] = [](const OpCall& call) { Filled(call, call.arg(1)); };
  table["aten.fill.Tensor"] = [](const OpCall& call) { call.Define(call.draft.Cast(call.Tensor(1), call.type())); };
  for (const char* op : {"aten.zeros_like.default", "aten.zeros.default", "aten.new_zeros.default", "aten.empty_like.default", "aten.new_empty.default",
                         "aten.empty.memory_format"}) {
    table[op] = [](const OpCall& call) { Filled(call, Attr(0)); };
  }
  for (const char* op : {"aten.ones_like.default", "aten.ones.default", "aten.new_ones.default"}) {
    table[op] = [](const OpCall& call) { Filled(call, Attr(1)); };
  }
  table["aten.full.default"] = table["aten.full_like.default"] = [](const OpCall& call) { Filled(call, call.arg(1)); };
  table["aten.new_full.default"] = [](const OpCall& call) { Filled(call, call.arg(2)); };
  table["aten.scalar_tensor.default"] = [](const OpCall& call) { Filled(call, call.arg(0)); };
  table["aten.arange.default"] = [](const OpCall& call) { Arange(call, SIZE_MAX, SIZE_MAX); };
  table["aten.arange.start"] = [](const OpCall& call) { Arange(call, 0, SIZE_MAX); };
  table["aten.arange.start_step"] = [](const OpCall& call) { Arange(call, 0, 2); };
  table["aten.tril.default"] = [](const OpCall& call) { Triangle(call, "le"); };
  table["aten.triu.default"] = [](const OpCall& call) { Triangle(call, "ge"); };
}

void AddSelections(HandlerTable& table) {
  for (const char* op : {"aten.where.self", "aten.where.ScalarOther", "aten.where.ScalarSelf", "aten.where.Scalar"}) {
    table[op] = [](const OpCall& call) {
      DType type = call.type();
      call.Define(call.draft.Where(call.Tensor(0), call.Operand(1, type), call.Operand(2, type), type));
    };
  }
  table["aten.masked_fill.Scalar"] = table["aten.masked_fill.Tensor"] = MaskedFill;
  table["aten.clamp.default"] = table["aten.clamp.Tensor"] = table["aten.clip.default"] =
      [](const OpCall& call) { Clamp(call, 1, 2); };
  table["aten.clamp_min.default"] = table["aten.clamp_min.Tensor"] = [](const OpCall& call) { Clamp(call, 1, 0); };
  table["aten.clamp_max.default"] = table["aten.clamp_max.Tensor"] = [](const OpCall& call) { Clamp(call, 0, 1); };
  table["aten.nan_to_num.default"] = NanToNum;
}

void AddCasts(HandlerTable& table) {
  auto cast = [](const OpCall& call) { call.Define(call.draft.Cast(call.Tensor(0), call.type())); };
  for (const char* op : {"to.dtype", "to.dtype_layout", "to.other", "to.device", "_to_copy.default", "type_as.default",
                         "clone.default", "lift_fresh_copy.default"}) {
    table[std::string("aten.") + op] = cast;
  }
  auto dropout = [cast](const OpCall& call) {
    if (call.Flag(2, false) && call.Number(1, 0) != 0) throw Refusal{"dropout in training mode draws random numbers"};
    cast(call);
  };
  for (const char* op : {"dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"}) {
    table[std::string("aten.") + op + ".default"] = dropout;
  }
}

// a + value * b * c and a + value * b / c
void AddCompound(const OpCall& call, const std::string& function) {
  DType type = call.type();
  Draft& draft = call.draft;
  Term product = draft.Pointwise(function, type, {call.Tensor(1), call.Tensor(2)});
  if (call.Given(3) && call.arg(3).AsDouble() != 1) {
    product = draft.Pointwise("mul", type, {product, draft.Literal(call.arg(3), type)});
  }
  call.Define(draft.Pointwise("add", type, {call.Tensor(0), product}));
}

void Lerp(const OpCall& call) {
  DType type = call.type();
  Draft& draft = call.draft;
  Term a = call.Tensor(0), b = call.Tensor(1), weight = call.Operand(2, type);
  Term delta = draft.Pointwise("sub", type, {b, a});
  Term low = draft.Pointwise("add", type, {a, draft.Pointwise("mul", type, {weight, delta})});
  Term rest = draft.Pointwise("sub", type, {call.Literal(1, type), weight});
  Term high = draft.Pointwise("sub", type, {b, draft.Pointwise("mul", type, {delta, rest})});
  Term small = draft.Pointwise("lt", DType::kBool, {draft.Pointwise("abs", type, {weight}), call.Literal(0.5, type)}, type);
  call.Define(draft.Where(small, low, high, type));
}

}  // namespace

Term OpCall::Operand(size_t i, DType dtype) const {
  if (arg(i).IsValue()) return Tensor(i);
  return draft.Literal(arg(i), dtype);
}

const Value& OpCall::Result(size_t output) const {
  if (Used(output)) return draft.value(node.outputs[output]);
  for (ValueId id : node.outputs) {
    if (id >= 0) return draft.value(id);
  }
  throw Refusal{node.op + " has no result that is used"};
}

void OpCall::Define(Term term, size_t output) const {
  if (!Used(output)) return;
  const Value& result = draft.value(node.outputs[output]);
  Term typed = draft.Cast(term, result.dtype);
  if (draft.ShapeOf(typed) != result.shape) typed = draft.Expand(typed, result.shape);
  draft.Define(node.outputs[output], std::move(typed));
}

DType ComputeType(const OpCall& call, const std::vector<size_t>& arguments) {
  std::optional<DType> ranked, scalar_tensor;
  int number_category = -1;
  for (size_t i : arguments) {
    const Attr& arg = call.arg(i);
    if (arg.IsValue()) {
      const Value& value = call.draft.value(arg.AsValue());
      std::optional<DType>& kind = value.shape.empty() ? scalar_tensor : ranked;
      kind = kind ? Promote(*kind, value.dtype) : value.dtype;
    } else if (arg.IsNumber()) {
      number_category = std::max(number_category, arg.Is<double>() ? 2 : arg.Is<bool>() ? 0 : 1);
    }
  }
  DType type = ranked.value_or(scalar_tensor.value_or(DType::kBool));
  if (ranked && scalar_tensor && Category(*scalar_tensor) > Category(*ranked)) type = *scalar_tensor;
  if (number_category > Category(type)) type = number_category == 2 ? DType::kFloat32 : DType::kInt64;
  return type;
}

void LowerPointwise(HandlerTable& table) {
  for (const auto& [op, function] : kUnary) {
    table[std::string("aten.") + op + ".default"] = [function = std::string(function)](const OpCall& call) {
      call.Define(call.draft.Pointwise(function, call.type(), {call.Tensor(0)}));
    };
  }
  for (const auto& [op, function] : kBinary) {
    table[std::string("aten.") + op] = [function = std::string(function)](const OpCall& call) { Binary(call, function); };
  }
  for (const auto& [op, function] : kComparisons) {
    auto handler = [function = std::string(function)](const OpCall& call) {
      DType compute = ComputeType(call, {0, 1});
      call.Define(call.draft.Pointwise(function, DType::kBool, {call.Operand(0, compute), call.Operand(1, compute)}, compute));
    };
    table[std::string("aten.") + op + ".Tensor"] = table[std::string("aten.") + op + ".Scalar"] = handler;
  }
  for (const char* name : {"isnan", "isinf", "isfinite"}) {
    auto handler = [function = std::string(name)](const OpCall& call) {
      Term x = call.Tensor(0);
      call.Define(call.draft.Pointwise(function, DType::kBool, {x}, x.dtype));
    };
    table[std::string("aten.") + name + ".default"] = handler;
  }
  for (const char* kind : {"Tensor", "Scalar"}) {
    table[std::string("aten.add.") + kind] = [](const OpCall& call) { AddLike(call, "add", 2); };
    table[std::string("aten.sub.") + kind] = [](const OpCall& call) { AddLike(call, "sub", 2); };
    table[std::string("aten.rsub.") + kind] = RightSubtract;
    table[std::string("aten.div.") + kind + "_mode"] = DivideMode;
    table[std::string("aten.lerp.") + kind] = Lerp;
  }
  table["aten.pow.Tensor_Scalar"] = PowerScalar;
  table["aten.pow.Tensor_Tensor"] = table["aten.pow.Scalar"] = PowerTensor;
  table["aten.addcmul.default"] = [](const OpCall& call) { AddCompound(call, "mul"); };
  table["aten.addcdiv.default"] = [](const OpCall& call) { AddCompound(call, "div"); };
  table["aten.logical_not.default"] = [](const OpCall& call) {
    Term x = call.draft.Cast(call.Tensor(0), DType::kBool);
    call.Define(call.draft.Pointwise("logical_not", DType::kBool, {x}));
  };
  table["aten.logical_and.default"] = [](const OpCall& call) { Logical(call, "bitwise_and"); };
  table["aten.logical_or.default"] = [](const OpCall& call) { Logical(call, "bitwise_or"); };
  table["aten.logical_xor.default"] = [](const OpCall& call) { Logical(call, "bitwise_xor"); };
  AddSelections(table);
  AddCasts(table);
  AddConstants(table);
}

}  // namespace drtriton
