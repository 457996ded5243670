// Reductions, scans and sorting.
#include <algorithm>
#include <cmath>

#include "graph/operators.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

Shape Reduced(const Shape& shape, const std::vector<bool>& reduced, bool keepdim) {
  Shape result;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (!reduced[i]) {
      result.push_back(shape[i]);
    } else if (keepdim) {
      result.push_back(1);
    }
  }
  return result;
}

bool HasArgument(const Call& call, std::string_view name) { return call.info().schema.Find(name) >= 0; }

// For each dimension of self whether `dim` names it; all of them where the operator has no `dim` or it is None or [].
std::vector<bool> ReducedDims(const Call& call, const Operand& self) {
  return HasArgument(call, "dim") ? call.Dims("dim", self.rank()) : std::vector<bool>(self.shape.size(), true);
}

Shape ReducedShape(const Call& call) {
  const Operand self = call.Tensor("self");
  return Reduced(self.shape, ReducedDims(call, self), HasArgument(call, "keepdim") && call.Bool("keepdim"));
}

// Extremes of nothing do not exist.
void ExpectElements(const Call& call) {
  const Operand self = call.Tensor("self");
  const std::vector<bool> reduced = ReducedDims(call, self);
  for (size_t i = 0; i < self.shape.size(); ++i) {
    call.Expect(!reduced[i] || self.shape[i] > 0, "a dimension of size 0 has no extreme");
  }
}

// sum, prod and their like: integers accumulate in int64.
DType SumDType(const Call& call) {
  const DType self = call.Tensor("self").dtype;
  const std::optional<DType> wanted = call.DTypeOr("dtype");
  return wanted ? *wanted : IsIntegral(self, true) ? DType::kInt64 : self;
}

std::vector<InferredValue> InferSum(const Call& call) { return {Contiguous(SumDType(call), ReducedShape(call))}; }

std::vector<InferredValue> InferMean(const Call& call) {
  const DType dtype = call.DTypeOr("dtype").value_or(call.Tensor("self").dtype);
  call.Expect(!IsIntegral(dtype, true), "the mean of integers needs a floating dtype");
  return {Contiguous(dtype, ReducedShape(call))};
}

std::vector<InferredValue> InferExtreme(const Call& call) {
  ExpectElements(call);
  return {Contiguous(call.Tensor("self").dtype, ReducedShape(call))};
}

// NaN for nothing.
std::vector<InferredValue> InferMedian(const Call& call) { return {Contiguous(call.Tensor("self").dtype, {})}; }

std::vector<InferredValue> InferExtremeWithIndex(const Call& call) {
  ExpectElements(call);
  const Shape shape = ReducedShape(call);
  return {Contiguous(call.Tensor("self").dtype, shape), Contiguous(DType::kInt64, shape)};
}

std::vector<InferredValue> InferKthValue(const Call& call) {
  const Operand self = call.Tensor("self");
  const size_t dim = static_cast<size_t>(call.Dim("dim", self.rank()));
  const int64_t size = self.rank() > 0 ? self.shape[dim] : 1;
  call.Expect(call.Int("k") >= 1 && call.Int("k") <= size, "k is out of range");
  return InferExtremeWithIndex(call);
}

std::vector<InferredValue> InferTwoExtremes(const Call& call) {
  ExpectElements(call);
  const InferredValue one = Contiguous(call.Tensor("self").dtype, ReducedShape(call));
  return {one, one};
}

std::vector<InferredValue> InferArgExtreme(const Call& call) {
  ExpectElements(call);
  return {Contiguous(DType::kInt64, ReducedShape(call))};
}

std::vector<InferredValue> InferVariance(const Call& call) {
  const DType self = call.Tensor("self").dtype;
  call.Expect(IsFloating(self), "the variance of integers is not defined");
  const InferredValue one = Contiguous(self, ReducedShape(call));
  return std::vector<InferredValue>(call.info().schema.results.size(), one);
}

std::vector<InferredValue> InferNorm(const Call& call) {
  DType dtype = call.Tensor("self").dtype;
  call.Expect(IsFloating(dtype), "the norm of integers is not defined");
  const Attr& order = call.Arg(HasArgument(call, "ord") ? "ord" : "p");
  if (order.IsNumber() && (order.AsDouble() < 0 || std::isinf(order.AsDouble()))) ExpectElements(call);
  if (HasArgument(call, "dtype")) {
    const DType wanted = call.DTypeOr("dtype").value_or(dtype);
    call.Expect(Promote(dtype, wanted) == wanted, Name(dtype), " does not convert to ", Name(wanted), " without loss");
    dtype = wanted;
  }
  call.Expect(IsFloating(dtype), "the norm's dtype has to be floating");
  return {Contiguous(dtype, ReducedShape(call))};
}

std::vector<InferredValue> InferLogSumExp(const Call& call) {
  const DType self = call.Tensor("self").dtype;
  return {Contiguous(IsIntegral(self, true) ? DType::kFloat32 : self, ReducedShape(call))};
}

std::vector<InferredValue> InferAnyAll(const Call& call) {
  const DType dtype = call.Tensor("self").dtype == DType::kUInt8 ? DType::kUInt8 : DType::kBool;
  return {Contiguous(dtype, ReducedShape(call))};
}

std::vector<InferredValue> InferCount(const Call& call) { return {Contiguous(DType::kInt64, ReducedShape(call))}; }

std::vector<InferredValue> InferCumulative(const Call& call) {
  const Operand self = call.Tensor("self");
  call.Dim("dim", self.rank());
  return {Contiguous(HasArgument(call, "dtype") ? SumDType(call) : self.dtype, self.shape)};
}

std::vector<InferredValue> InferCumulativeExtreme(const Call& call) {
  const Operand self = call.Tensor("self");
  call.Dim("dim", self.rank());
  return {Contiguous(self.dtype, self.shape), Contiguous(DType::kInt64, self.shape)};
}

// Values and positions, or positions alone.
std::vector<InferredValue> SortedLike(const Call& call, const InferredValue& values) {
  InferredValue positions = values;
  positions.dtype = DType::kInt64;
  if (call.info().schema.results.size() == 1) return {positions};
  return {values, positions};
}

std::vector<InferredValue> InferSort(const Call& call) {
  const Operand self = call.Tensor("self");
  call.Dim("dim", self.rank());
  return SortedLike(call, {self.dtype, self.shape, PreservedStrides(self.shape, self.strides)});
}

std::vector<InferredValue> InferTopK(const Call& call) {
  const Operand self = call.Tensor("self");
  const int64_t dim = call.Dim("dim", self.rank());
  const int64_t k = call.Int("k");
  const int64_t available = self.rank() > 0 ? self.shape[static_cast<size_t>(dim)] : 1;
  call.Expect(k >= 0 && k <= available, "k is out of range");
  Shape shape = self.shape;
  if (!shape.empty()) shape[static_cast<size_t>(dim)] = k;
  return SortedLike(call, ContiguousIf(IsRowMajor(self), self.dtype, shape));
}

void AddReductions(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kReduction);
  const std::string typed = "; dtype=None|None|float32";
  const std::string along = "; dim=dims; keepdim=False|True";
  const std::string one = "; dim=dim; keepdim=False|True";
  add("sum(Tensor self, *, ScalarType? dtype=None) -> Tensor", "torch.sum", "a" + typed, InferSum);
  add("sum.dim_IntList(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
      "torch.sum({self}, dim={dim}[, keepdim={keepdim}][, dtype={dtype}])", "a" + along + typed, InferSum);
  add("nansum(Tensor self, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
      "torch.nansum({self}[, dim={dim}][, keepdim={keepdim}][, dtype={dtype}])", "f" + along, InferSum);
  add("mean(Tensor self, *, ScalarType? dtype=None) -> Tensor", "torch.mean", "f" + typed, InferMean);
  add("mean.dim(Tensor self, int[1]? dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
      "torch.mean({self}, dim={dim}[, keepdim={keepdim}][, dtype={dtype}])", "f" + along + typed, InferMean);
  for (const std::string name : {"max", "min"}) {
    add("a" + name + "(Tensor self, int[1] dim=[], bool keepdim=False) -> Tensor",
        "torch.a" + name + "({self}[, dim={dim}][, keepdim={keepdim}])", "n" + along, InferExtreme);
    add(name + "(Tensor self) -> Tensor", "torch." + name, "n", InferExtreme);
    add(name + ".dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
        "torch." + name + "({self}, dim={dim}[, keepdim={keepdim}])", "n" + one, InferExtremeWithIndex);
    add("arg" + name + "(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
        "torch.arg" + name + "({self}[, dim={dim}][, keepdim={keepdim}])", "n; dim=dim|None; keepdim=False|True",
        InferArgExtreme);
  }
  add("aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)", "torch.aminmax",
      "n; dim=dim; keepdim=False|True", InferTwoExtremes);
  add("median(Tensor self) -> Tensor", "torch.median", "n", InferMedian);
  add("median.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
      "torch.median({self}, dim={dim}[, keepdim={keepdim}])", "n" + one, InferExtremeWithIndex);
  add("nanmedian(Tensor self) -> Tensor", "torch.nanmedian", "n", InferMedian);
  add("nanmedian.dim(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
      "torch.nanmedian({self}, dim={dim}[, keepdim={keepdim}])", "n" + one, InferExtremeWithIndex);
  add("mode(Tensor self, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
      "torch.mode({self}[, dim={dim}][, keepdim={keepdim}])", "n" + one, InferExtremeWithIndex);
  add("kthvalue(Tensor self, SymInt k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
      "torch.kthvalue({self}, {k}[, dim={dim}][, keepdim={keepdim}])", "n; k=1" + one, InferKthValue);
  add("prod(Tensor self, *, ScalarType? dtype=None) -> Tensor", "torch.prod", "a" + typed, InferSum);
  add("prod.dim_int(Tensor self, int dim, bool keepdim=False, *, ScalarType? dtype=None) -> Tensor",
      "torch.prod({self}, dim={dim}[, keepdim={keepdim}][, dtype={dtype}])", "a" + one + typed, InferSum);
  add("any(Tensor self) -> Tensor", "torch.any", "a", InferAnyAll);
  add("all(Tensor self) -> Tensor", "torch.all", "a", InferAnyAll);
  for (const std::string name : {"any", "all"}) {
    const std::string form = "torch." + name + "({self}, dim={dim}[, keepdim={keepdim}])";
    add(name + ".dim(Tensor self, int dim, bool keepdim=False) -> Tensor", form, "a" + one, InferAnyAll);
    add(name + ".dims(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor", form, "a" + along, InferAnyAll);
  }
  add("count_nonzero(Tensor self, int? dim=None) -> Tensor", "torch.count_nonzero({self}[, dim={dim}])",
      "a; dim=dim|None", InferCount);
  add("count_nonzero.dim_IntList(Tensor self, int[] dim) -> Tensor", "torch.count_nonzero({self}, dim={dim})",
      "a; dim=dims", InferCount);
}

void AddMoments(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kReduction);
  const std::string along = "; dim=dims|None; correction=None|0|1; keepdim=False|True";
  const std::string corrected = "(Tensor self, int[1]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> ";
  for (const std::string name : {"var", "std"}) {
    add(name + "(Tensor self, bool unbiased=True) -> Tensor", "torch." + name + "({self}[, unbiased={unbiased}])",
        "f; unbiased=True|False", InferVariance);
    add(name + ".dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> Tensor", "",
        "f; dim=dims; unbiased=True|False; keepdim=False|True", InferVariance);
    add(name + "_mean(Tensor self, bool unbiased=True) -> (Tensor, Tensor)",
        "torch." + name + "_mean({self}[, unbiased={unbiased}])", "f; unbiased=True|False", InferVariance);
    add(name + "_mean.dim(Tensor self, int[1]? dim, bool unbiased=True, bool keepdim=False) -> (Tensor, Tensor)", "",
        "f; dim=dims; unbiased=True|False; keepdim=False|True", InferVariance);
    const std::string form = "({self}, dim={dim}[, correction={correction}][, keepdim={keepdim}])";
    add(name + ".correction" + corrected + "Tensor", "torch." + name + form, "f" + along, InferVariance);
    add(name + "_mean.correction" + corrected + "(Tensor, Tensor)", "torch." + name + "_mean" + form, "f" + along,
        InferVariance);
  }
  const std::string dims = "; dim=dims; keepdim=False|True";
  add("norm.Scalar(Tensor self, Scalar p=2) -> Tensor", "torch.norm", "f; p=2|1|3.0", InferNorm);
  add("norm.ScalarOpt_dim(Tensor self, Scalar? p, int[1] dim, bool keepdim=False) -> Tensor",
      "torch.norm({self}, p={p}, dim={dim}[, keepdim={keepdim}])", "f; p=2|1|None" + dims, InferNorm);
  add("norm.ScalarOpt_dtype(Tensor self, Scalar? p, *, ScalarType dtype) -> Tensor",
      "torch.norm({self}, p={p}, dtype={dtype})", "f; p=2|1|None; dtype=float64|float64|float32", InferNorm);
  add("norm.ScalarOpt_dim_dtype(Tensor self, Scalar? p, int[1] dim, bool keepdim, *, ScalarType dtype) -> Tensor",
      "torch.norm({self}, p={p}, dim={dim}, keepdim={keepdim}, dtype={dtype})",
      "f; p=2|1|None; dtype=float64|float64|float32" + dims, InferNorm);
  add("linalg_vector_norm(Tensor self, Scalar ord=2, int[1]? dim=None, bool keepdim=False, *, ScalarType? dtype=None) "
      "-> Tensor",
      "torch.linalg.vector_norm({self}[, ord={ord}][, dim={dim}][, keepdim={keepdim}][, dtype={dtype}])",
      "f; ord=2|1|inf; dim=dims|None; keepdim=False|True", InferNorm);
  add("logsumexp(Tensor self, int[1] dim, bool keepdim=False) -> Tensor",
      "torch.logsumexp({self}, dim={dim}[, keepdim={keepdim}])", "n" + dims, InferLogSumExp);
}

void AddScansAndSorts(std::vector<OperatorSpec>& table) {
  const RowAdder scan(table, OpKind::kScan);
  const RowAdder other(table, OpKind::kOther);
  for (const std::string name : {"cumsum", "cumprod"}) {
    scan(name + "(Tensor self, int dim, *, ScalarType? dtype=None) -> Tensor",
         "torch." + name + "({self}, dim={dim}[, dtype={dtype}])", "n; dim=dim; dtype=None|None|float32",
         InferCumulative);
  }
  scan("logcumsumexp(Tensor self, int dim) -> Tensor", "torch.logcumsumexp({self}, dim={dim})", "f; dim=dim",
       InferCumulative);
  for (const std::string name : {"cummax", "cummin"}) {
    scan(name + "(Tensor self, int dim) -> (Tensor values, Tensor indices)", "torch." + name + "({self}, dim={dim})",
         "n; dim=dim", InferCumulativeExtreme);
  }
  other("sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
        "torch.sort({self}[, dim={dim}][, descending={descending}])", "n; dim=dim; descending=False|True", InferSort);
  other(
      "sort.stable(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
      "torch.sort({self}, stable={stable}[, dim={dim}][, descending={descending}])",
      "n; stable=True|False; dim=dim; descending=False|True", InferSort);
  other("argsort.stable(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor",
        "torch.argsort({self}, stable={stable}[, dim={dim}][, descending={descending}])",
        "n; stable=True|False; dim=dim; descending=False|True", InferSort);
  other("argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor",
        "torch.argsort({self}[, dim={dim}][, descending={descending}])", "n; dim=dim; descending=False|True",
        InferSort);
  other(
      "topk(Tensor self, SymInt k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)",
      "torch.topk({self}, {k}[, dim={dim}][, largest={largest}][, sorted={sorted}])",
      "n; self=[*,N]; k=1|N; largest=True|False", InferTopK);
}

}  // namespace

std::vector<OperatorSpec> ReductionOperators() {
  std::vector<OperatorSpec> table;
  AddReductions(table);
  AddMoments(table);
  AddScansAndSorts(table);
  return table;
}

}  // namespace drtriton
