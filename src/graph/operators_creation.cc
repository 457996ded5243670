// Creation: constants, ranges and random tensors.
#include <cmath>

#include "graph/operators.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

Shape CheckedSizes(const Call& call, std::string_view name) {
  Shape shape = call.Ints(name);
  for (int64_t size : shape) call.Expect(size >= 0, "a size is negative");
  return shape;
}

std::vector<InferredValue> InferFull(const Call& call) {
  return {Contiguous(call.DTypeOr("dtype").value_or(NumberDType(call.Arg("fill_value"))), CheckedSizes(call, "size"))};
}

std::vector<InferredValue> InferEmpty(const Call& call) {
  return {Contiguous(call.DTypeOr("dtype").value_or(DType::kFloat32), CheckedSizes(call, "size"))};
}

std::vector<InferredValue> InferScalar(const Call& call) {
  return {Contiguous(call.DTypeOr("dtype").value_or(DType::kFloat32), {})};
}

// ceil((end - start) / step) elements; integers unless a bound is a float.
std::vector<InferredValue> InferArange(const Call& call) {
  const auto has = [&call](const char* name) { return call.info().schema.Find(name) >= 0; };
  const Attr start = has("start") ? call.Arg("start") : Attr(0);
  const Attr step = has("step") ? call.Arg("step") : Attr(1);
  const Attr end = call.Arg("end");
  const bool is_float = start.Is<double>() || end.Is<double>() || step.Is<double>();
  const DType dtype = call.DTypeOr("dtype").value_or(is_float ? DType::kFloat32 : DType::kInt64);
  // An integral dtype cuts the bounds first.
  const auto bound = [&](const Attr& attr) {
    return IsIntegral(dtype, true) ? std::trunc(attr.AsDouble()) : attr.AsDouble();
  };
  call.Expect(bound(step) != 0, "the step is 0");
  const double count = (bound(end) - bound(start)) / bound(step);
  call.Expect(count >= 0, "the bounds do not fit the step's sign");
  return {Contiguous(dtype, {static_cast<int64_t>(std::ceil(count))})};
}

std::vector<InferredValue> InferLinspace(const Call& call) {
  const int64_t steps = call.Int("steps");
  call.Expect(steps >= 0, "steps is negative");
  return {Contiguous(call.DTypeOr("dtype").value_or(DType::kFloat32), {steps})};
}

std::vector<InferredValue> InferEye(const Call& call) {
  const int64_t n = call.Int("n");
  const int64_t m = call.info().schema.Find("m") >= 0 ? call.Int("m") : n;
  call.Expect(n >= 0 && m >= 0, "a size is negative");
  return {Contiguous(call.DTypeOr("dtype").value_or(DType::kFloat32), {n, m})};
}

std::vector<InferredValue> InferLike(const Call& call) {
  const Operand self = call.Tensor("self");
  const Attr& format = call.Arg("memory_format");
  const bool row_major =
      format.Is<MemoryFormatAttr>() && std::get<MemoryFormatAttr>(format.variant()).name == "contiguous_format";
  const DType dtype = call.DTypeOr("dtype").value_or(self.dtype);
  call.Expect(call.info().kind != OpKind::kRandom || IsFloating(dtype), "needs a floating dtype");
  const Shape strides = row_major ? ContiguousStrides(self.shape) : PreservedStrides(self.shape, self.strides);
  return {InferredValue{dtype, self.shape, strides}};
}

std::vector<InferredValue> InferNew(const Call& call) {
  return {Contiguous(call.DTypeOr("dtype").value_or(call.Tensor("self").dtype), CheckedSizes(call, "size"))};
}

std::vector<InferredValue> InferBernoulli(const Call& call) {
  const Operand self = call.Tensor("self");
  return {ContiguousIf(IsRowMajor(self), self.dtype, self.shape)};
}

}  // namespace

std::vector<OperatorSpec> CreationOperators() {
  std::vector<OperatorSpec> table;
  const auto adder = [](const RowAdder& add) {
    return [add](std::string schema, std::string form, const std::string& domain, Rule infer) {
      add(std::move(schema), std::move(form), "a; " + domain, infer);
    };
  };
  const auto creation = adder({table, OpKind::kCreation});
  const auto random = adder({table, OpKind::kRandom});
  const std::string where = "ScalarType? dtype=None, Layout? layout=None, Device? device=None, bool? pin_memory=None";
  const std::string end = ") -> Tensor";
  const std::string format = ", MemoryFormat? memory_format=None";
  const std::string typed = "; dtype=None|float16|int64";
  const std::string sized = "size=[A,B]|[]|[A]" + typed;
  creation("full(SymInt[] size, Scalar fill_value, *, " + where + end, "torch.full", sized + "; fill_value=2|0.5",
           InferFull);
  creation("zeros(SymInt[] size, *, " + where + end, "torch.zeros", sized, InferEmpty);
  creation("ones(SymInt[] size, *, " + where + end, "torch.ones", sized, InferEmpty);
  creation("empty.memory_format(SymInt[] size, *, " + where + format + end, "torch.empty", sized, InferEmpty);
  creation("arange(Scalar end, *, " + where + end, "torch.arange", "end=5|2.5" + typed, InferArange);
  creation("arange.start(Scalar start, Scalar end, *, " + where + end, "torch.arange", "start=1|0.5; end=7|9.5" + typed,
           InferArange);
  creation("arange.start_step(Scalar start, Scalar end, Scalar step=1, *, " + where + end,
           "torch.arange({start}, {end}, {step}[, dtype={dtype}][, device={device}])",
           "start=1|0.5; end=7; step=2|1" + typed, InferArange);
  creation("linspace(Scalar start, Scalar end, int steps, *, " + where + end, "torch.linspace",
           "start=0; end=1.5; steps=1..5", InferLinspace);
  creation("scalar_tensor(Scalar s, *, " + where + end, "torch.scalar_tensor", "s=2|0.5" + typed, InferScalar);
  creation("eye(SymInt n, *, " + where + end, "torch.eye", "n=1..4" + typed, InferEye);
  creation("eye.m(SymInt n, SymInt m, *, " + where + end, "torch.eye", "n=1..4; m=2..3" + typed, InferEye);
  creation("full_like(Tensor self, Scalar fill_value, *, " + where + format + end, "torch.full_like",
           "fill_value=2" + typed, InferLike);
  for (const std::string name : {"zeros_like", "ones_like", "empty_like"}) {
    creation(name + "(Tensor self, *, " + where + format + end, "torch." + name, "self=~" + typed, InferLike);
  }
  for (const std::string name : {"new_zeros", "new_ones", "new_empty"}) {
    creation(name + "(Tensor self, SymInt[] size, *, " + where + end, "." + name, sized, InferNew);
  }
  creation("new_full(Tensor self, SymInt[] size, Scalar fill_value, *, " + where + end, ".new_full",
           sized + "; fill_value=2", InferNew);
  random("rand(SymInt[] size, *, " + where + end, "torch.rand", "size=[A,B]|[A]", InferEmpty);
  random("randn(SymInt[] size, *, " + where + end, "torch.randn", "size=[A,B]|[A]", InferEmpty);
  random("rand_like(Tensor self, *, " + where + format + end, "torch.rand_like", "self=[*,A]:f", InferLike);
  random("randn_like(Tensor self, *, " + where + format + end, "torch.randn_like", "self=[*,A]:f", InferLike);
  random("bernoulli(Tensor self, *, Generator? generator=None) -> Tensor", "torch.bernoulli", "self=[*,A]:f",
         InferBernoulli);
  random("bernoulli.p(Tensor self, float p, *, Generator? generator=None) -> Tensor", "torch.bernoulli",
         "self=[*,A]:f; p=0.5", InferBernoulli);
  return table;
}

}  // namespace drtriton
