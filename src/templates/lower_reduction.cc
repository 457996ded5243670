// Reductions and softmax.
#include <cmath>
#include <limits>

#include "templates/lower_ops.h"

namespace drtriton {
namespace {

// The list at argument `i`; all dimensions when it is absent, None or empty.
std::vector<int64_t> Dims(const OpCall& call, const Term& x, size_t i) {
  if (i == SIZE_MAX || !call.Given(i)) return AllDims(x);
  std::vector<int64_t> dims = call.arg(i).AsInts();
  if (dims.empty() || x.rank() == 0) return AllDims(x);
  for (int64_t& dim : dims) dim = WrapDim(dim, x.rank());
  return dims;
}

double Count(const OpCall& call, const Term& x, const std::vector<int64_t>& dims) {
  double count = 1;
  for (int64_t dim : dims) count *= static_cast<double>(call.draft.Size(x, dim));
  return count;
}

// `dims` and `keep` are positions of arguments; SIZE_MAX: the overload has none.
void Simple(const OpCall& call, const std::string& function, size_t dims, size_t keep) {
  Term x = call.Tensor(0);
  bool keeps = keep != SIZE_MAX && call.Flag(keep, false);
  bool is_logical = function == "any" || function == "all";
  Term operand = call.draft.Cast(x, is_logical ? DType::kBool : call.type());
  call.Define(call.draft.Reduce(function, operand, Dims(call, x, dims), keeps));
}

void Mean(const OpCall& call, size_t dims, size_t keep) {
  Term x = call.Tensor(0);
  call.Define(MeanOf(call, x, Dims(call, x, dims), keep != SIZE_MAX && call.Flag(keep, false), call.type()));
}

struct Moments {
  Term mean, variance;
};

// Two passes: the mean, then the mean square of the differences.
Moments MomentsOf(const OpCall& call, const Term& x, const std::vector<int64_t>& dims, bool keep, double correction) {
  Draft& draft = call.draft;
  DType type = x.dtype;
  draft.SetName("mean");
  Term mean = MeanOf(call, x, dims, true, type);
  draft.SetName("squared");
  Term squares = draft.Pointwise("square", type, {draft.Pointwise("sub", type, {x, mean})});
  draft.SetName("variance");
  Term sum = draft.Reduce("sum", squares, dims, keep);
  double divisor = std::max(Count(call, x, dims) - correction, 0.0);
  Term variance = draft.Pointwise("div", type, {sum, call.Literal(divisor, type)});
  if (!keep) mean = draft.Reshape(mean, draft.ShapeOf(variance));
  return {mean, variance};
}

// var, std and their pairs with the mean.  `unbiased`: position of that flag, or of `correction`.
void Spread(const OpCall& call, size_t dims, size_t correction, size_t keep, bool root, bool with_mean) {
  Term x = call.Tensor(0);
  double amount = 1;
  if (correction != SIZE_MAX && call.Given(correction)) amount = call.arg(correction).AsDouble();
  Moments moments = MomentsOf(call, x, Dims(call, x, dims), keep != SIZE_MAX && call.Flag(keep, false), amount);
  Term spread = root ? call.draft.Pointwise("sqrt", x.dtype, {moments.variance}) : moments.variance;
  call.Define(spread, 0);
  if (with_mean) call.Define(moments.mean, 1);
}

void Softmax(const OpCall& call, bool logarithm) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term x = draft.Cast(call.Tensor(0), type);
  std::vector<int64_t> dims = Dims(call, x, 1);
  draft.SetName("largest");
  Term largest = draft.Reduce("max_number", x, dims, true);
  draft.SetName("shifted");
  Term shifted = draft.Pointwise("sub", type, {x, largest});
  draft.SetName("exponential");
  // Triton's exp loses |x| * 2^-24, which shows in small probabilities unless the result is rounded to 16 bits; in a
  // logarithm's sum the large terms count, whose exponents are small.
  bool fast = logarithm || call.Result().dtype != DType::kFloat32;
  Term exponential = draft.Pointwise(fast ? "exp_fast" : "exp", type, {shifted});
  draft.SetName("total");
  Term total = draft.Reduce("sum", exponential, dims, true);
  if (logarithm) {
    call.Define(draft.Pointwise("sub", type, {shifted, draft.Pointwise("log", type, {total})}));
  } else {
    call.Define(draft.Pointwise("div", type, {exponential, total}));
  }
}

// Rows of which nothing is above -infinity give 0 instead of NaN.
void SafeSoftmax(const OpCall& call) {
  Softmax(call, false);
  Draft& draft = call.draft;
  const DType type = call.type();
  const Term x = draft.Cast(call.Tensor(0), type), share = draft.Get(call.node.outputs[0]);
  const Term masked = draft.Pointwise("eq", DType::kBool, {x, call.Literal(-std::numeric_limits<double>::infinity(), type)}, type);
  const Term empty = draft.Reduce("all", masked, Dims(call, x, 1), true);
  call.Define(draft.Where(empty, call.Literal(0, type), share, type));
}

// log(sum(exp(x - m))) + m, with m = 0 where the maximum is infinite.
void LogSumExp(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term x = draft.Cast(call.Tensor(0), type);
  std::vector<int64_t> dims = Dims(call, x, 1);
  bool keep = call.Flag(2, false);
  draft.SetName("largest");
  Term largest = draft.Reduce("max_number", x, dims, true);
  draft.SetName("shift");
  Term infinite = draft.Pointwise("isinf", DType::kBool, {largest}, type);
  Term shift = draft.Where(infinite, call.Literal(0, type), largest, type);
  draft.SetName("exponential");
  Term exponential = draft.Pointwise("exp_fast", type, {draft.Pointwise("sub", type, {x, shift})});
  draft.SetName("total");
  Term total = draft.Reduce("sum", exponential, dims, true);
  Term result = draft.Pointwise("add", type, {draft.Pointwise("log", type, {total}), shift});
  if (!keep) result = draft.Reshape(result, call.Result().shape);
  call.Define(result);
}

// |x|^p summed, to the power 1/p; the infinities and zero are extremes and a count.
void VectorNorm(const OpCall& call, size_t order, size_t dims, size_t keep) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term x = draft.Cast(call.Tensor(0), type);
  double p = call.Number(order, 2);
  std::vector<int64_t> over = Dims(call, x, dims);
  bool keeps = keep != SIZE_MAX && call.Flag(keep, false);
  Term absolute = draft.Pointwise("abs", type, {x});
  if (std::isinf(p)) return call.Define(draft.Reduce(p > 0 ? "max" : "min", absolute, over, keeps));
  if (p == 1) return call.Define(draft.Reduce("sum", absolute, over, keeps));
  if (p == 2) {
    Term sum = draft.Reduce("sum", draft.Pointwise("square", type, {x}), over, keeps);
    return call.Define(draft.Pointwise("sqrt", type, {sum}));
  }
  if (p == 0) {
    Term nonzero = draft.Pointwise("ne", DType::kBool, {x, call.Literal(0, type)}, type);
    return call.Define(draft.Reduce("sum", draft.Cast(nonzero, type), over, keeps));
  }
  Term sum = draft.Reduce("sum", draft.Pointwise("pow", type, {absolute, call.Literal(p, type)}), over, keeps);
  call.Define(draft.Pointwise("pow", type, {sum, call.Literal(1 / p, type)}));
}

// max.dim and min.dim: the extreme and its first position.
void Extreme(const OpCall& call, const std::string& function) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  std::vector<int64_t> dims = x.rank() == 0 ? std::vector<int64_t>{} : std::vector<int64_t>{WrapDim(call.Int(1, 0), x.rank())};
  bool keep = call.Flag(2, false);
  if (call.Used(0)) call.Define(draft.Reduce(function, x, dims, keep), 0);
  draft.SetName("position");
  if (call.Used(1)) call.Define(draft.Reduce("arg" + function, x, dims, keep), 1);
}

// argmax and argmin; without a dimension, of the elements in row-major order.
void ArgExtreme(const OpCall& call, const std::string& function) {
  Term x = call.Tensor(0);
  std::vector<int64_t> dims = Dims(call, x, 1);
  Term position = call.draft.Reduce(function, x, dims, call.Flag(2, false));
  call.Define(position);
}

void BothExtremes(const OpCall& call) {
  Term x = call.Tensor(0);
  std::vector<int64_t> dims = Dims(call, x, 1);
  for (size_t i : {0, 1}) call.Define(call.draft.Reduce(i == 0 ? "min" : "max", x, dims, call.Flag(2, false)), i);
}

// The sum of what is not NaN.
void NanSum(const OpCall& call) {
  Draft& draft = call.draft;
  DType type = call.type();
  Term x = draft.Cast(call.Tensor(0), type);
  if (IsFloating(type)) x = draft.Where(draft.Pointwise("isnan", DType::kBool, {x}, type), call.Literal(0, type), x, type);
  call.Define(draft.Reduce("sum", x, Dims(call, x, 1), call.Flag(2, false)));
}

void CountNonzero(const OpCall& call) {
  Term x = call.draft.Cast(call.draft.Cast(call.Tensor(0), DType::kBool), DType::kInt64);
  call.Define(call.draft.Reduce("sum", x, Dims(call, x, 1), false));
}

// Only where it averages everything: output size 1 in each dimension.
void AdaptiveAveragePool(const OpCall& call, int64_t spatial) {
  Term x = call.Tensor(0);
  std::vector<int64_t> dims;
  for (int64_t size : call.arg(1).AsInts()) {
    if (size != 1) throw Refusal{"adaptive pooling to more than one element"};
  }
  for (int64_t i = 0; i < spatial; ++i) dims.push_back(x.rank() - spatial + i);
  call.Define(MeanOf(call, x, dims, true, call.type()));
}

void AddStatistics(HandlerTable& table) {
  for (bool root : {false, true}) {
    for (bool pair : {false, true}) {
      std::string name = std::string("aten.") + (root ? "std" : "var") + (pair ? "_mean" : "");
      table[name + ".default"] = [=](const OpCall& call) { Spread(call, SIZE_MAX, 1, SIZE_MAX, root, pair); };
      table[name + ".dim"] = table[name + ".correction"] = [=](const OpCall& call) { Spread(call, 1, 2, 3, root, pair); };
    }
  }
}

}  // namespace

std::vector<int64_t> AllDims(const Term& term) {
  std::vector<int64_t> dims;
  for (int64_t dim = 0; dim < term.rank(); ++dim) dims.push_back(dim);
  return dims;
}

Term MeanOf(const OpCall& call, const Term& x, const std::vector<int64_t>& dims, bool keep, DType type) {
  Term sum = call.draft.Reduce("sum", call.draft.Cast(x, type), dims, keep);
  return call.draft.Pointwise("div", type, {sum, call.Literal(Count(call, x, dims), type)});
}

Term LogSoftmaxOf(const OpCall& call, const Term& given, int64_t dim, DType type) {
  Draft& draft = call.draft;
  Term x = draft.Cast(given, type);
  draft.SetName("largest");
  Term largest = draft.Reduce("max_number", x, {dim}, true);
  draft.SetName("shifted");
  Term shifted = draft.Pointwise("sub", type, {x, largest});
  draft.SetName("exponential");
  Term exponential = draft.Pointwise("exp_fast", type, {shifted});
  draft.SetName("total");
  Term total = draft.Reduce("sum", exponential, {dim}, true);
  draft.SetName("log_probability");
  return draft.Pointwise("sub", type, {shifted, draft.Pointwise("log", type, {total})});
}

void LowerReductions(HandlerTable& table) {
  auto simple = [&](const char* op, const char* function, size_t dims, size_t keep) {
    table[std::string("aten.") + op] = [=](const OpCall& call) { Simple(call, function, dims, keep); };
  };
  simple("sum.default", "sum", SIZE_MAX, SIZE_MAX);
  simple("sum.dim_IntList", "sum", 1, 2);
  simple("amax.default", "max", 1, 2);
  simple("amin.default", "min", 1, 2);
  simple("max.default", "max", SIZE_MAX, SIZE_MAX);
  simple("min.default", "min", SIZE_MAX, SIZE_MAX);
  simple("prod.default", "prod", SIZE_MAX, SIZE_MAX);
  simple("prod.dim_int", "prod", 1, 2);
  for (const char* name : {"any", "all"}) {
    simple((std::string(name) + ".default").c_str(), name, SIZE_MAX, SIZE_MAX);
    simple((std::string(name) + ".dim").c_str(), name, 1, 2);
    simple((std::string(name) + ".dims").c_str(), name, 1, 2);
  }
  table["aten.mean.default"] = [](const OpCall& call) { Mean(call, SIZE_MAX, SIZE_MAX); };
  table["aten.mean.dim"] = [](const OpCall& call) { Mean(call, 1, 2); };
  table["aten.max.dim"] = [](const OpCall& call) { Extreme(call, "max"); };
  table["aten.min.dim"] = [](const OpCall& call) { Extreme(call, "min"); };
  table["aten.argmax.default"] = [](const OpCall& call) { ArgExtreme(call, "argmax"); };
  table["aten.argmin.default"] = [](const OpCall& call) { ArgExtreme(call, "argmin"); };
  table["aten.aminmax.default"] = BothExtremes;
  table["aten.nansum.default"] = NanSum;
  table["aten.count_nonzero.default"] = table["aten.count_nonzero.dim_IntList"] = CountNonzero;
  AddStatistics(table);
  table["aten.softmax.int"] = table["aten._softmax.default"] = [](const OpCall& call) { Softmax(call, false); };
  table["aten._safe_softmax.default"] = SafeSoftmax;
  table["aten.log_softmax.int"] = table["aten._log_softmax.default"] = [](const OpCall& call) { Softmax(call, true); };
  table["aten.logsumexp.default"] = LogSumExp;
  table["aten.linalg_vector_norm.default"] = [](const OpCall& call) { VectorNorm(call, 1, 2, 3); };
  table["aten.norm.Scalar"] = [](const OpCall& call) { VectorNorm(call, 1, SIZE_MAX, SIZE_MAX); };
  table["aten.norm.ScalarOpt_dtype"] = [](const OpCall& call) { VectorNorm(call, 1, SIZE_MAX, SIZE_MAX); };
  table["aten.norm.ScalarOpt_dim_dtype"] = [](const OpCall& call) { VectorNorm(call, 1, 2, 3); };
  table["aten.norm.ScalarOpt_dim"] = [](const OpCall& call) { VectorNorm(call, 1, 2, 3); };
  for (int64_t rank : {1, 2, 3}) {
    std::string name = "adaptive_avg_pool" + std::to_string(rank) + "d.default";
    auto handler = [rank](const OpCall& call) { AdaptiveAveragePool(call, rank); };
    table["aten." + name] = handler;
    if (rank > 1) table["aten._" + name] = handler;
  }
}

}  // namespace drtriton
