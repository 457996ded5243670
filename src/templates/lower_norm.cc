// Normalisations: statistics over some axes in two passes, then scale and shift.
#include <cmath>

#include "templates/lower_ops.h"

namespace drtriton {
namespace {

// Statistics and normalisation run in the register type of `x`, whatever the result's type.
struct Normalized {
  Term value;       // (x - mean) * rstd
  Term mean, rstd;  // with the reduced dimensions kept
};

Normalized Normalize(const OpCall& call, const Term& x, const std::vector<int64_t>& dims, double eps, Term* variance_out = nullptr) {
  Draft& draft = call.draft;
  DType type = RegisterType(x.dtype);
  double count = 1;
  for (int64_t dim : dims) count *= static_cast<double>(draft.Size(x, dim));
  auto mean_of = [&](const Term& term, const std::string& name) {
    draft.SetName(name + "_sum");
    Term sum = draft.Reduce("sum", draft.Cast(term, type), dims, true);
    draft.SetName(name);
    return draft.Pointwise("div", type, {sum, call.Literal(count, type)});
  };
  Term mean = mean_of(x, "mean");
  draft.SetName("centered");
  Term centered = draft.Pointwise("sub", type, {x, mean});
  draft.SetName("squared");
  Term variance = mean_of(draft.Pointwise("square", type, {centered}), "variance");
  if (variance_out != nullptr) *variance_out = variance;
  draft.SetName("rstd");
  Term rstd = draft.Pointwise("rsqrt", type, {draft.Pointwise("add", type, {variance, call.Literal(eps, type)})});
  draft.SetName("normalized");
  return {draft.Pointwise("mul", type, {centered, rstd}), mean, rstd};
}

// value * weight + bias, whichever are given, in the register type.
Term ScaleShift(const OpCall& call, Term value, const std::optional<Term>& weight, const std::optional<Term>& bias) {
  DType type = RegisterType(value.dtype);
  call.draft.SetName("scaled");
  if (weight) value = call.draft.Pointwise("mul", type, {value, *weight});
  if (bias) value = call.draft.Pointwise("add", type, {value, *bias});
  return value;
}

std::optional<Term> Optional(const OpCall& call, size_t i) {
  if (!call.Given(i)) return std::nullopt;
  return call.Tensor(i);
}

// A per-channel tensor (C) shaped to broadcast against (N, C, ...).
std::optional<Term> PerChannel(const OpCall& call, size_t i, int64_t rank) {
  if (!call.Given(i)) return std::nullopt;
  Term term = call.Tensor(i);
  for (int64_t dim = 2; dim < rank; ++dim) term = call.draft.Unsqueeze(term, term.rank());
  return term;
}

void LayerNorm(const OpCall& call) {
  Term x = call.Tensor(0);
  std::vector<int64_t> dims;
  int64_t count = static_cast<int64_t>(call.arg(1).AsInts().size());
  for (int64_t i = 0; i < count; ++i) dims.push_back(x.rank() - count + i);
  Normalized normalized = Normalize(call, x, dims, call.Number(4, 1e-5));
  call.Define(ScaleShift(call, normalized.value, Optional(call, 2), Optional(call, 3)));
  call.Define(normalized.mean, 1);
  call.Define(normalized.rstd, 2);
}

void RmsNorm(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  DType type = RegisterType(x.dtype);
  std::vector<int64_t> dims;
  double count = 1;
  int64_t normalized = static_cast<int64_t>(call.arg(1).AsInts().size());
  for (int64_t i = 0; i < normalized; ++i) {
    dims.push_back(x.rank() - normalized + i);
    count *= static_cast<double>(draft.Size(x, dims.back()));
  }
  draft.SetName("squared");
  Term squares = draft.Pointwise("square", type, {x});
  draft.SetName("mean_square");
  Term sum = draft.Reduce("sum", squares, dims, true);
  Term mean = draft.Pointwise("div", type, {sum, call.Literal(count, type)});
  double eps = call.Number(3, MachineEpsilon(type));
  draft.SetName("rstd");
  Term rstd = draft.Pointwise("rsqrt", type, {draft.Pointwise("add", type, {mean, call.Literal(eps, type)})});
  draft.SetName("normalized");
  call.Define(ScaleShift(call, draft.Pointwise("mul", type, {x, rstd}), Optional(call, 2), std::nullopt));
  call.Define(rstd, 1);
}

// (N, C, ...) as (N, G, C/G * ...): statistics over the last.
void GroupNorm(const OpCall& call, int64_t groups, double eps, size_t weight, size_t bias) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  Shape shape = draft.ShapeOf(x);
  int64_t batch = shape[0];
  Term grouped = draft.Reshape(x, {batch, groups, ElementCount(shape) / (batch * groups)});
  Normalized normalized = Normalize(call, grouped, {2}, eps);
  Term value = draft.Reshape(normalized.value, shape);
  call.Define(ScaleShift(call, value, PerChannel(call, weight, x.rank()), PerChannel(call, bias, x.rank())));
  call.Define(draft.Reshape(normalized.mean, {batch, groups}), 1);
  call.Define(draft.Reshape(normalized.rstd, {batch, groups}), 2);
}

void InstanceNorm(const OpCall& call) {
  Term x = call.Tensor(0);
  if (!call.Flag(5, true)) throw Refusal{"instance_norm with running statistics"};
  std::vector<int64_t> dims;
  for (int64_t dim = 2; dim < x.rank(); ++dim) dims.push_back(dim);
  Normalized normalized = Normalize(call, x, dims, call.Number(7, 1e-5));
  call.Define(ScaleShift(call, normalized.value, PerChannel(call, 1, x.rank()), PerChannel(call, 2, x.rank())));
}

// Evaluation mode: running statistics, so a scale and shift a channel.
void BatchNorm(const OpCall& call, double eps) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  DType type = RegisterType(x.dtype);
  std::optional<Term> mean = PerChannel(call, 3, x.rank()), variance = PerChannel(call, 4, x.rank());
  if (!mean || !variance) throw Refusal{"batch_norm without running statistics"};
  draft.SetName("scale");
  Term rstd = draft.Pointwise("rsqrt", type, {draft.Pointwise("add", type, {*variance, call.Literal(eps, type)})});
  std::optional<Term> weight = PerChannel(call, 1, x.rank());
  if (weight) rstd = draft.Pointwise("mul", type, {rstd, *weight});
  draft.SetName("normalized");
  Term value = draft.Pointwise("mul", type, {draft.Pointwise("sub", type, {x, *mean}), rstd});
  call.Define(ScaleShift(call, value, std::nullopt, PerChannel(call, 2, x.rank())));
}

// Statistics of the batch: (N, C, ...) normalised over everything but C.
Normalized BatchStatistics(const OpCall& call, const Term& x, double eps, Term* variance) {
  std::vector<int64_t> dims;
  for (int64_t dim = 0; dim < x.rank(); ++dim) {
    if (dim != 1) dims.push_back(dim);
  }
  return Normalize(call, x, dims, eps, variance);
}

// Training mode.  Results: the normalised tensor, its mean and 1 / deviation, and where `running` gives the position of
// running_mean, the running statistics after the step: (1 - momentum) old + momentum new, of the unbiased variance.
void TrainBatchNorm(const OpCall& call, size_t running, double momentum, double eps) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  DType type = RegisterType(x.dtype);
  Term variance;
  Normalized normalized = BatchStatistics(call, x, eps, &variance);
  call.Define(ScaleShift(call, normalized.value, PerChannel(call, 1, x.rank()), PerChannel(call, 2, x.rank())));
  const int64_t channels = draft.Size(x, 1);
  call.Define(draft.Reshape(normalized.mean, {channels}), 1);
  call.Define(draft.Reshape(normalized.rstd, {channels}), 2);
  if (running == 0) return;
  double count = static_cast<double>(ElementCount(draft.ShapeOf(x)) / channels);
  auto op = [&](const char* function, const Term& a, double b) { return draft.Pointwise(function, type, {a, call.Literal(b, type)}); };
  Term unbiased = op("mul", variance, count > 1 ? count / (count - 1) : INFINITY);
  for (size_t i : {0, 1}) {
    if (!call.Used(3 + i) || !call.Given(running + i)) continue;
    draft.SetName(i == 0 ? "running_mean_out" : "running_var_out");
    Term fresh = draft.Reshape(i == 0 ? normalized.mean : unbiased, {channels});
    Term kept = op("mul", draft.Cast(call.Tensor(running + i), type), 1 - momentum);
    call.Define(draft.Pointwise("add", type, {kept, op("mul", fresh, momentum)}), 3 + i);
  }
}

// Evaluation mode's saved statistics: none that anybody may use, but the results exist.
void EvalBatchNorm(const OpCall& call, double eps) {
  Draft& draft = call.draft;
  BatchNorm(call, eps);
  DType type = RegisterType(call.Tensor(0).dtype);
  if (call.Used(1)) call.Define(draft.Cast(call.Tensor(3), type), 1);
  if (!call.Used(2)) return;
  Term variance = draft.Cast(call.Tensor(4), type);
  call.Define(draft.Pointwise("rsqrt", type, {draft.Pointwise("add", type, {variance, call.Literal(eps, type)})}), 2);
}

}  // namespace

void LowerNormalizations(HandlerTable& table) {
  table["aten.layer_norm.default"] = table["aten.native_layer_norm.default"] = LayerNorm;
  table["aten.rms_norm.default"] = table["aten._fused_rms_norm.default"] = RmsNorm;
  table["aten.group_norm.default"] = [](const OpCall& call) {
    GroupNorm(call, call.Int(1, 1), call.Number(4, 1e-5), 2, 3);
  };
  table["aten.native_group_norm.default"] = [](const OpCall& call) {
    GroupNorm(call, call.Int(6, 1), call.Number(7, 1e-5), 1, 2);
  };
  table["aten.instance_norm.default"] = InstanceNorm;
  table["aten.batch_norm.default"] = [](const OpCall& call) {
    if (call.Flag(5, false)) throw Refusal{"batch_norm in training mode updates its statistics"};
    BatchNorm(call, call.Number(7, 1e-5));
  };
  table["aten._native_batch_norm_legit_no_training.default"] = [](const OpCall& call) {
    EvalBatchNorm(call, call.Number(6, 1e-5));
  };
  table["aten._native_batch_norm_legit.no_stats"] = [](const OpCall& call) {
    TrainBatchNorm(call, 0, call.Number(4, 0.1), call.Number(5, 1e-5));
  };
  table["aten._native_batch_norm_legit_functional.default"] = [](const OpCall& call) {
    if (!call.Flag(5, true)) throw Refusal{"batch_norm in evaluation mode that gives its statistics back"};
    TrainBatchNorm(call, 3, call.Number(6, 0.1), call.Number(7, 1e-5));
  };
}

}  // namespace drtriton
