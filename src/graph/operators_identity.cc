// Operators that give their input back where they can, and a copy of it where not: contiguous, to, dropout, alias.
#include "graph/operators.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

Views ViewIfContiguous(const Call& call) {
  const Operand self = call.Tensor("self");
  const Attr& format = call.Arg("memory_format");
  const bool row_major =
      format.Is<MemoryFormatAttr>() && std::get<MemoryFormatAttr>(format.variant()).name == "contiguous_format";
  const bool fits = row_major ? IsContiguous(self.shape, self.strides) : IsChannelsLast(self.shape, self.strides);
  return fits ? ViewWhole(call) : std::nullopt;
}

std::vector<InferredValue> InferContiguous(const Call& call) {
  if (call.info().view(call)) return InferView(call);
  const Operand self = call.Tensor("self");
  const Attr& format = call.Arg("memory_format");
  const bool row_major =
      format.Is<MemoryFormatAttr>() && std::get<MemoryFormatAttr>(format.variant()).name == "contiguous_format";
  const Shape strides = row_major ? ContiguousStrides(self.shape) : ChannelsLastStrides(self.shape);
  return {InferredValue{self.dtype, self.shape, strides}};
}

Views ViewIfSameDType(const Call& call) {
  const Operand self = call.Tensor("self");
  const bool has_other = call.info().schema.Find("other") >= 0;
  const DType wanted = has_other ? call.Tensor("other").dtype : call.Arg("dtype").AsDType();
  const bool copies = !has_other && call.Bool("copy");
  return wanted == self.dtype && !copies ? ViewWhole(call) : std::nullopt;
}

std::vector<InferredValue> InferTo(const Call& call) {
  if (call.info().view(call)) return InferView(call);
  const Operand self = call.Tensor("self");
  const bool has_other = call.info().schema.Find("other") >= 0;
  const DType wanted = has_other ? call.Tensor("other").dtype : call.Arg("dtype").AsDType();
  return {InferredValue{wanted, self.shape, PreservedStrides(self.shape, self.strides)}};
}

// Dropout in evaluation gives its input back.
Views ViewOutsideTraining(const Call& call) {
  return call.Bool("train") && call.Number("p") > 0 ? std::nullopt : ViewWhole(call);
}

std::vector<InferredValue> InferDropout(const Call& call) {
  const double p = call.Number("p");
  call.Expect(p >= 0 && p <= 1, "the probability has to lie between 0 and 1");
  const Operand input = call.Tensor("input");
  return {InferredValue{input.dtype, input.shape,
                        call.Bool("train") ? PreservedStrides(input.shape, input.strides) : input.strides}};
}

}  // namespace

std::vector<OperatorSpec> IdentityOperators() {
  std::vector<OperatorSpec> table;
  const ViewAdder add(table);
  add("alias(Tensor(a) self) -> Tensor(a)", "", "self=~", ViewWhole).glue = true;
  add("detach(Tensor(a) self) -> Tensor(a)", ".detach", "self=~", ViewWhole).glue = true;
  add("positive(Tensor(a) self) -> Tensor(a)", "+{self}", "self=[*,A]:n", ViewWhole).glue = true;
  add("lift_fresh(Tensor(a) self) -> Tensor(a)", "", "self=~", ViewWhole).glue = true;
  add("contiguous(Tensor(a) self, *, MemoryFormat memory_format=0) -> Tensor(a)", ".contiguous", "self=~",
      ViewIfContiguous, InferContiguous)
      .glue = true;
  add("to.dtype(Tensor(a) self, ScalarType dtype, bool non_blocking=False, bool copy=False, MemoryFormat? "
      "memory_format=None) -> "
      "Tensor(a)",
      "", "dtype=float32|float16|int64; copy=False|True", ViewIfSameDType, InferTo);
  add("type_as(Tensor self, Tensor other) -> Tensor", ".type_as", "self=~; other=~", ViewIfSameDType, InferTo);
  for (const std::string name : {"dropout", "feature_dropout", "alpha_dropout"}) {
    add(name + "(Tensor input, float p, bool train) -> Tensor", "torch." + name,
        "input=[A,B,C]:f; p=0.5|0.1; train=False", ViewOutsideTraining, InferDropout);
    table.back().kind = OpKind::kRandom;
  }
  return table;
}

}  // namespace drtriton
