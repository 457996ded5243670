// Normalisation and softmax.
#include "graph/operators.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

InferredValue LikeInput(const Operand& input) { return ContiguousIf(IsRowMajor(input), input.dtype, input.shape); }

Operand FloatInput(const Call& call) {
  Operand input = call.Tensor("input");
  call.Expect(IsFloating(input.dtype), "needs a floating tensor");
  return input;
}

void ExpectVector(const Call& call, std::string_view name, int64_t size) {
  const std::optional<Operand> operand = call.OptionalTensor(name);
  if (!operand) return;
  call.Expect(operand->rank() == 1 && operand->shape[0] == size, name, " has to be a vector of ", size, ", not ",
              operand->shape);
}

// The input ends in normalized_shape, and so do weight and bias.  Returns the leading shape.
Shape CheckNormalizedShape(const Call& call, const Operand& input) {
  const Shape normalized = call.Ints("normalized_shape");
  call.Expect(!normalized.empty(), "normalized_shape is empty");
  const size_t count = normalized.size();
  const bool fits = input.shape.size() >= count &&
                    std::equal(normalized.begin(), normalized.end(), input.shape.end() - static_cast<int64_t>(count));
  call.Expect(fits, "an input of shape ", input.shape, " does not end in ", normalized);
  for (const char* name : {"weight", "bias"}) {
    if (call.info().schema.Find(name) < 0) continue;
    const std::optional<Operand> operand = call.OptionalTensor(name);
    call.Expect(!operand || operand->shape == normalized, name, " has to be of shape ", normalized);
  }
  return Shape(input.shape.begin(), input.shape.end() - static_cast<int64_t>(count));
}

std::vector<InferredValue> InferLayerNorm(const Call& call) {
  const Operand input = FloatInput(call);
  CheckNormalizedShape(call, input);
  return {LikeInput(input)};
}

// With mean and reciprocal deviation, of size 1 along the normalised dimensions.
std::vector<InferredValue> InferNativeLayerNorm(const Call& call) {
  const Operand input = FloatInput(call);
  Shape leading = CheckNormalizedShape(call, input);
  leading.resize(input.shape.size(), 1);
  const bool low = input.dtype == DType::kFloat16 || input.dtype == DType::kBFloat16;
  const DType moments = low && call.program().device == "cuda" ? DType::kFloat32 : input.dtype;
  std::vector<InferredValue> results = {LikeInput(input)};
  results.resize(call.info().schema.results.size(), Contiguous(moments, leading));
  return results;
}

std::vector<InferredValue> InferRmsNorm(const Call& call) {
  const Operand input = FloatInput(call);
  CheckNormalizedShape(call, input);
  InferredValue result = LikeInput(input);
  if (const std::optional<Operand> weight = call.OptionalTensor("weight"))
    result.dtype = Promote(input.dtype, weight->dtype);
  return {result};
}

std::vector<InferredValue> InferGroupNorm(const Call& call) {
  const Operand input = FloatInput(call);
  call.Expect(input.rank() >= 2, "needs a tensor of rank 2 or more");
  const int64_t groups = call.Int("num_groups");
  call.Expect(groups > 0 && input.shape[1] % groups == 0, input.shape[1], " channels do not split into ", groups,
              " groups");
  ExpectVector(call, "weight", input.shape[1]);
  ExpectVector(call, "bias", input.shape[1]);
  return {LikeInput(input)};
}

std::vector<InferredValue> InferNativeGroupNorm(const Call& call) {
  const Operand input = FloatInput(call);
  const int64_t batch = call.Int("N");
  const int64_t channels = call.Int("C");
  const int64_t groups = call.Int("group");
  call.Expect(input.Elements() == batch * channels * call.Int("HxW"), "N, C and HxW do not fit the input");
  call.Expect(groups > 0 && channels % groups == 0, "the channels do not split into the groups");
  ExpectVector(call, "weight", channels);
  ExpectVector(call, "bias", channels);
  const InferredValue moments = Contiguous(input.dtype, {batch, groups});
  return {LikeInput(input), moments, moments};
}

void CheckChannels(const Call& call, const Operand& input) {
  call.Expect(input.rank() >= 2, "needs a tensor of rank 2 or more");
  for (const char* name : {"weight", "bias", "running_mean", "running_var"}) {
    if (call.info().schema.Find(name) >= 0) ExpectVector(call, name, input.shape[1]);
  }
}

std::vector<InferredValue> InferBatchNorm(const Call& call) {
  const Operand input = FloatInput(call);
  CheckChannels(call, input);
  return {LikeInput(input)};
}

// Results: the normalised tensor, saved mean and deviation, and where the statistics are results
// too, those.
std::vector<InferredValue> InferNativeBatchNorm(const Call& call) {
  const Operand input = FloatInput(call);
  CheckChannels(call, input);
  const bool training = call.info().schema.Find("training") >= 0 && call.Bool("training");
  const bool low = input.dtype == DType::kFloat16 || input.dtype == DType::kBFloat16;
  const DType moments = low ? DType::kFloat32 : input.dtype;
  const bool saves = training || call.program().device == "cuda";  // the CPU saves nothing in evaluation
  const InferredValue saved = Contiguous(moments, {saves ? input.shape[1] : 0});
  std::vector<InferredValue> results = {LikeInput(input), saved, saved};
  if (call.info().schema.results.size() == 5) {
    for (const char* name : {"running_mean", "running_var"}) {
      const Operand statistic = call.Tensor(name);
      const DType dtype = statistic.dtype == input.dtype ? input.dtype : Promote(moments, statistic.dtype);
      results.push_back(Contiguous(dtype, statistic.shape));
    }
  }
  return results;
}

std::vector<InferredValue> InferInstanceNorm(const Call& call) {
  const Operand input = FloatInput(call);
  CheckChannels(call, input);
  call.Expect(input.rank() >= 3, "needs a tensor of rank 3 or more");
  return {LikeInput(input)};
}

std::vector<InferredValue> InferSoftmax(const Call& call) {
  const Operand self = call.Tensor("self");
  call.Dim("dim", self.rank());
  const DType dtype = call.DTypeOr("dtype").value_or(self.dtype);
  return {Contiguous(dtype, self.shape)};
}

std::vector<InferredValue> InferRawSoftmax(const Call& call) {
  const Operand self = call.Tensor("self");
  call.Dim("dim", self.rank());
  const bool widen = call.Bool("half_to_float");
  call.Expect(!widen || self.dtype == DType::kFloat16, "half_to_float needs a float16 tensor");
  return {Contiguous(widen ? DType::kFloat32 : self.dtype, self.shape)};
}

void AddSoftmax(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kSoftmax);
  for (const std::string name : {"softmax", "log_softmax"}) {
    add(name + ".int(Tensor self, int dim, ScalarType? dtype=None) -> Tensor",
        "F." + name + "({self}, dim={dim}[, dtype={dtype}])", "f; dim=dim; dtype=None|None|float32", InferSoftmax);
    add("_" + name + "(Tensor self, int dim, bool half_to_float) -> Tensor", "", "f; dim=dim; half_to_float=False",
        InferRawSoftmax);
  }
  add("_safe_softmax(Tensor self, int dim, ScalarType? dtype=None) -> Tensor", "",
      "f; dim=dim; dtype=None|None|float32", InferSoftmax);
}

void AddLayerNorms(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kNormalisation);
  add("layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, Tensor? bias=None, float "
      "eps=1.0000000000000001e-05, bool cudnn_enable=True) -> Tensor",
      "F.layer_norm({input}, {normalized_shape}[, {weight}, {bias}, {eps}])",
      "f; input=[*,K]; normalized_shape=[K]; weight=None|[K]; bias=None|[K]; eps=1e-05|1e-06", InferLayerNorm);
  add("native_layer_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor, "
      "Tensor, "
      "Tensor)",
      "torch.native_layer_norm",
      "f; input=[*,K,M]; normalized_shape=[K,M]; weight=None|[K,M]; bias=None|[K,M]; eps=1e-05", InferNativeLayerNorm);
  add("rms_norm(Tensor input, SymInt[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
      "F.rms_norm({input}, {normalized_shape}[, {weight}, {eps}])",
      "f; input=[*,K]; normalized_shape=[K]; weight=None|[K]; eps=None|1e-06", InferRmsNorm);
  add("_fused_rms_norm(Tensor input, int[] normalized_shape, Tensor? weight, float? eps) -> (Tensor, Tensor)", "",
      "f; input=[*,K]; normalized_shape=[K]; weight=None|[K]; eps=None|1e-06", InferNativeLayerNorm);
  add("group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, float "
      "eps=1.0000000000000001e-05, bool "
      "cudnn_enabled=True) -> Tensor",
      "F.group_norm({input}, {num_groups}[, {weight}, {bias}, {eps}])",
      "f; input=[N,G*C,H,*]; num_groups=G; weight=None|[G*C]; bias=None|[G*C]; eps=1e-05|1e-06", InferGroupNorm);
  add("native_group_norm(Tensor input, Tensor? weight, Tensor? bias, SymInt N, SymInt C, SymInt HxW, int group, float "
      "eps) -> "
      "(Tensor, Tensor, Tensor)",
      "torch.native_group_norm",
      "f; input=[N,G*C,H,W]; weight=None|[G*C]; bias=None|[G*C]; N=N; C=G*C; HxW=H*W; group=G; eps=1e-05",
      InferNativeGroupNorm);
  add("instance_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool "
      "use_input_stats, "
      "float momentum, float eps, bool cudnn_enabled) -> Tensor",
      "torch.instance_norm",
      "f; input=[N,C,H,W]|[N,C,H]; weight=None|[C]; bias=None|[C]; running_mean=None; running_var=None; "
      "use_input_stats=True; "
      "momentum=0.1; eps=1e-05; cudnn_enabled=True",
      InferInstanceNorm);
}

void AddBatchNorms(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kNormalisation);
  const std::string affine =
      "f; input=[N,C,*]; weight=None|[C]; bias=None|[C]; running_mean=[C]:float32; running_var=[C]:float32; ";
  const std::string rest = "momentum=0.1; eps=1e-05";
  add("batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, bool "
      "training, float "
      "momentum, float eps, bool cudnn_enabled) -> Tensor",
      "torch.batch_norm", affine + rest + "; training=False; cudnn_enabled=True", InferBatchNorm);
  add("_native_batch_norm_legit_no_training(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor "
      "running_var, "
      "float momentum, float eps) -> (Tensor, Tensor, Tensor)",
      "", affine + rest, InferNativeBatchNorm);
  add("_native_batch_norm_legit.no_stats(Tensor input, Tensor? weight, Tensor? bias, bool training, float momentum, "
      "float eps) -> "
      "(Tensor, Tensor, Tensor)",
      "", "f; input=[N,C,H,*]; weight=None|[C]; bias=None|[C]; training=True; " + rest, InferNativeBatchNorm);
  add("_native_batch_norm_legit_functional(Tensor input, Tensor? weight, Tensor? bias, Tensor running_mean, Tensor "
      "running_var, "
      "bool training, float momentum, float eps) -> (Tensor, Tensor, Tensor, Tensor running_mean_out, Tensor "
      "running_var_out)",
      "", "f; input=[N,C,H,*]" + affine.substr(affine.find("; weight")) + "training=True; " + rest,
      InferNativeBatchNorm);
}

}  // namespace

std::vector<OperatorSpec> NormOperators() {
  std::vector<OperatorSpec> table;
  AddSoftmax(table);
  AddLayerNorms(table);
  AddBatchNorms(table);
  return table;
}

}  // namespace drtriton
