// Losses.  `reduction` is 1 for the mean, 2 for the sum, anything else (0) for none.
#include "graph/operators.h"

namespace drtriton {
namespace {

InferredValue Reduce(const Call& call, DType dtype, Shape shape) {
  const int64_t reduction = call.Int("reduction");
  return reduction == 1 || reduction == 2 ? Contiguous(dtype, {}) : UnknownStrides(dtype, std::move(shape));
}

std::vector<InferredValue> InferElementLoss(const Call& call) {
  const Operand self = call.Tensor(size_t{0});
  const Operand target = call.Tensor(size_t{1});
  const std::optional<Shape> shape = BroadcastShapes(self.shape, target.shape);
  call.Expect(shape.has_value(), "shapes ", self.shape, " and ", target.shape, " do not broadcast");
  return {Reduce(call, ResultDType({self, target}), *shape)};
}

void ExpectReduction(const Call& call) {
  const int64_t reduction = call.Int("reduction");
  call.Expect(reduction >= 0 && reduction <= 2, "the reduction is none of 0, 1 and 2");
}

std::vector<InferredValue> InferHuberLoss(const Call& call) {
  ExpectReduction(call);
  return InferElementLoss(call);
}

std::vector<InferredValue> InferDivergence(const Call& call) {
  for (size_t i : {size_t{0}, size_t{1}}) call.Expect(IsFloating(call.Tensor(i).dtype), "needs floating tensors");
  return InferElementLoss(call);
}

// Input [N, C, ...], target [N, ...] of classes, or of the input's shape: probabilities (cross entropy only).
std::vector<InferredValue> InferClassLoss(const Call& call) {
  const Operand self = call.Tensor("self");
  const Operand target = call.Tensor("target");
  call.Expect(self.rank() >= 1, "needs a tensor of rank 1 or more");
  Shape classes = self.shape;
  classes.erase(classes.begin() + (self.rank() > 1 ? 1 : 0));
  const bool probabilities =
      call.info().schema.Find("label_smoothing") >= 0 && target.shape == self.shape && IsFloating(target.dtype);
  if (call.info().schema.Find("label_smoothing") >= 0) ExpectReduction(call);
  call.Expect(IsFloating(self.dtype), "needs a floating tensor");
  call.Expect(probabilities || IsIntegral(target.dtype, false), "classes have to be integers");
  call.Expect(probabilities || target.shape == classes, "a target of shape ", target.shape, " does not fit");
  return {Reduce(call, self.dtype, classes)};
}

}  // namespace

std::vector<OperatorSpec> LossOperators() {
  std::vector<OperatorSpec> table;
  const RowAdder add_row(table, OpKind::kLoss);
  const auto add = [&add_row](const std::string& schema, const std::string& domain, Rule infer) {
    add_row(schema + " -> Tensor", "", "f; reduction=0..2; " + domain, infer);
  };
  const std::string same = "self=[*,A]:=; target=[*,A]:=";
  add("mse_loss(Tensor self, Tensor target, int reduction=1)", same, InferElementLoss);
  add("l1_loss(Tensor self, Tensor target, int reduction=1)", same, InferElementLoss);
  add("smooth_l1_loss(Tensor self, Tensor target, int reduction=1, float beta=1.)", same + "; beta=1.0|0.5",
      InferElementLoss);
  add("soft_margin_loss(Tensor self, Tensor target, int reduction=1)", same, InferElementLoss);
  add("huber_loss(Tensor self, Tensor target, int reduction=1, float delta=1.)", same + "; delta=1.0|0.5",
      InferHuberLoss);
  add("binary_cross_entropy(Tensor self, Tensor target, Tensor? weight=None, int reduction=1)", same, InferElementLoss);
  add("binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight=None, Tensor? pos_weight=None, int "
      "reduction=1)",
      same, InferElementLoss);
  add("kl_div(Tensor self, Tensor target, int reduction=1, *, bool log_target=False)", same + "; log_target=False|True",
      InferDivergence);
  add("cross_entropy_loss(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100, "
      "float "
      "label_smoothing=0.)",
      "self=[N,C]; target=[N]:i || self=[N,C,H]; target=[N,H]:i || self=[N,C]:=; target=[N,C]:=", InferClassLoss);
  add("nll_loss_nd(Tensor self, Tensor target, Tensor? weight=None, int reduction=1, SymInt ignore_index=-100)",
      "self=[N,C]; target=[N]:i", InferClassLoss);
  return table;
}

}  // namespace drtriton
