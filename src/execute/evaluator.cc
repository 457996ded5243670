#include "execute/evaluator.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <c10/core/InferenceMode.h>

#include "base/error.h"
#include "execute/cpu_operators.h"
#include "execute/device_asserts.h"
#include "execute/operator_name.h"
#include "execute/torch_values.h"

namespace drtriton {
namespace {

std::set<std::string>& OperatorsDone() {
  static std::set<std::string> operators;
  return operators;
}

bool IsFloatTensor(const at::Tensor& tensor) {
  return tensor.defined() && (tensor.is_floating_point() || tensor.is_complex());
}

at::Tensor Prepared(const at::Tensor& tensor, at::Device device, Precision precision) {
  if (!tensor.defined()) return tensor;
  at::Tensor moved = tensor.device() == device ? tensor : tensor.to(device);
  return precision == Precision::kFloat64 ? moved.to(Widened(moved.scalar_type())) : moved;
}

void Flatten(const c10::IValue& value, std::vector<at::Tensor>* tensors) {
  if (value.isTensor()) {
    tensors->push_back(value.toTensor());
  } else if (value.isTensorList()) {
    for (const at::Tensor& tensor : value.toTensorVector()) tensors->push_back(tensor);
  } else if (value.isTuple()) {
    for (const c10::IValue& element : value.toTupleRef().elements()) Flatten(element, tensors);
  } else if (!value.isNone()) {
    tensors->push_back(at::scalar_tensor(value.toScalar()));
  } else {
    tensors->emplace_back();
  }
}

// The fused attention kernels know neither float64 nor a CPU; the plain formula is their definition.
std::vector<at::Tensor> PlainAttention(const c10::FunctionSchema& schema, const std::vector<c10::IValue>& stack) {
  const auto named = [&](std::initializer_list<const char*> names) -> c10::IValue {
    for (const char* name : names) {
      if (const auto index = schema.argumentIndexWithName(name)) return stack.at(static_cast<size_t>(*index));
    }
    return c10::IValue();
  };
  const c10::IValue mask = named({"attn_mask", "attn_bias"}), causal = named({"is_causal"}), scale = named({"scale"});
  const auto result = at::_scaled_dot_product_attention_math(
      named({"query"}).toTensor(), named({"key"}).toTensor(), named({"value"}).toTensor(),
      mask.isTensor() ? std::optional(mask.toTensor()) : std::nullopt, 0.0, causal.isBool() && causal.toBool(), {},
      scale.isDouble() ? std::optional(scale.toDouble()) : std::nullopt);
  std::vector<at::Tensor> outputs(schema.returns().size());
  outputs.front() = std::get<0>(result);
  return outputs;
}

// A number of results that only the node knows (aten.split) is checked by the caller.
std::vector<at::Tensor> CallBoxed(const c10::OperatorHandle& handle, std::vector<c10::IValue> stack, Precision precision) {
  const c10::FunctionSchema& schema = handle.schema();
  const std::string& name = schema.name();
  if (precision == Precision::kFloat64) {
    if (name.starts_with("aten::_scaled_dot_product")) return PlainAttention(schema, stack);
    // Other kernels may lay their results out otherwise, so that a view of one needs a copy here.
    if (name == "aten::view" && schema.overload_name().empty()) return {stack.at(0).toTensor().reshape(stack.at(1).toIntVector())};
    if (const auto widens = schema.argumentIndexWithName("half_to_float")) stack.at(static_cast<size_t>(*widens)) = false;
  }
  for (size_t i = 0; i < schema.arguments().size(); ++i) {   // a Program is functional: nobody writes to a value
    const auto* alias = schema.arguments()[i].alias_info();
    if (alias != nullptr && alias->isWrite() && stack[i].isTensor() && stack[i].toTensor().defined()) stack[i] = stack[i].toTensor().clone();
  }
  handle.callBoxed(&stack);
  std::vector<at::Tensor> outputs;
  for (const c10::IValue& value : stack) Flatten(value, &outputs);
  return outputs;
}

// The first lines of libtorch's message are for people; a C++ backtrace may follow.
std::string FirstLine(const char* what) {
  const std::string text(what);
  return text.substr(0, text.find('\n'));
}

// How often each value is still to be read; kept values are read once more.
std::vector<int> CountUses(const Program& program, const std::vector<bool>& needed, const std::unordered_set<ValueId>& keep) {
  std::vector<int> uses(program.values.size(), 0);
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    if (!needed[i]) continue;
    for (const ValueId id : program.nodes[i].Inputs()) ++uses[static_cast<size_t>(id)];
  }
  for (const ValueId id : keep) ++uses[static_cast<size_t>(id)];
  return uses;
}

std::vector<bool> NeededNodes(const Program& program, const std::unordered_set<ValueId>& keep, const TensorMap* known) {
  std::vector<bool> needed(program.nodes.size(), false);
  const auto need = [&](ValueId id) {
    if (program.value(id).node >= 0 && (known == nullptr || !known->contains(id))) needed[static_cast<size_t>(program.value(id).node)] = true;
  };
  for (const ValueId id : keep) need(id);
  for (size_t i = program.nodes.size(); i-- > 0;) {
    if (!needed[i]) continue;
    for (const ValueId id : program.nodes[i].Inputs()) need(id);
  }
  return needed;
}

// float32 as tensor cores take it under TF32: ten bits of fraction, rounded to the nearest.
at::Tensor RoundedToTf32(const at::Tensor& tensor) {
  if (tensor.scalar_type() != at::kFloat) return tensor;
  const at::Tensor bits = tensor.contiguous().view(at::kInt);
  const at::Tensor rounded = (bits + ((bits.bitwise_right_shift(13)).bitwise_and(1) + 0xfff)).bitwise_and(~0x1fff).view(at::kFloat);
  return at::where(at::isfinite(tensor), rounded, tensor);
}

// Whether a GPU, for which the Program is meant, would multiply in TF32 what is evaluated on a CPU here.
bool WouldUseTf32(const Program& program, const Node& node) {
  if (program.device != "cuda" || !program.context.cudnn_tf32) return false;
  const std::string base = BaseName(node.op);
  return base.starts_with("conv") || base == "convolution";
}

bool TrainsInPlace(const Node& node) { return BaseName(node.op).find("batch_norm") != std::string::npos || BaseName(node.op).find("instance_norm") != std::string::npos; }

// One evaluation of a Program: values come to life in `live_` and leave it after their last use.
class Run {
 public:
  Run(const Evaluator& evaluator, const Program& program, const TensorMap& leaves, const EvaluateOptions& options)
      : evaluator_(evaluator), program_(program), leaves_(leaves), options_(options), keep_(options.keep) {
    if (keep_.empty()) {
      for (const ValueId id : program.Results()) keep_.insert(id);
    }
    needed_ = NeededNodes(program, keep_, options.known);
    uses_ = CountUses(program, needed_, keep_);
  }

  TensorMap Execute() {
    for (size_t i = 0; i < program_.nodes.size(); ++i) {
      if (needed_[i]) ExecuteNode(program_.nodes[i]);
    }
    TensorMap kept;
    for (const ValueId id : keep_) kept[id] = Read(id);
    return kept;
  }

 private:
  at::Tensor Read(ValueId id) {
    const auto live = live_.find(id);
    if (live != live_.end()) return live->second;
    if (options_.known != nullptr) {
      const auto known = options_.known->find(id);
      if (known != options_.known->end()) return known->second;
    }
    const auto leaf = leaves_.find(id);
    if (leaf == leaves_.end()) throw InternalError("value " + program_.value(id).name + " has no tensor");
    at::Tensor tensor = Prepared(leaf->second, evaluator_.device(), options_.precision);
    if (options_.transform && tensor.is_floating_point()) tensor = options_.transform(id, nullptr, std::move(tensor));
    return live_[id] = tensor;
  }

  void ExecuteNode(const Node& node) {
    const bool tf32 = options_.precision == Precision::kUser && evaluator_.device().is_cpu() && WouldUseTf32(program_, node);
    const auto argument = [&](ValueId id) {
      at::Tensor tensor = Read(id);
      if (tf32 && (node.args.at(0) == Attr(ValueRef{id}) || node.args.at(1) == Attr(ValueRef{id}))) tensor = RoundedToTf32(tensor);
      if (options_.transform_argument && tensor.is_floating_point()) tensor = options_.transform_argument(node, id, std::move(tensor));
      // Batch norm in training mode writes its running statistics without saying so in its schema.
      return TrainsInPlace(node) && program_.value(id).kind == ValueKind::kBuffer ? tensor.clone() : tensor;
    };
    std::vector<at::Tensor> outputs = evaluator_.Call(node.op, ArgumentsOf(node), argument, options_.precision);
    if (outputs.size() < node.outputs.size()) throw EvaluationError(node.op + " gave " + std::to_string(outputs.size()) + " results instead of " + std::to_string(node.outputs.size()), false);
    for (size_t i = 0; i < node.outputs.size(); ++i) Store(node, node.outputs[i], std::move(outputs[i]));
    for (const ValueId id : node.Inputs()) {
      if (--uses_[static_cast<size_t>(id)] == 0) live_.erase(id);
    }
  }

  // What stands for an infinity is the largest number of the value's own type, also in float64.
  AttrList ArgumentsOf(const Node& node) const {
    AttrList args = node.args;
    if (options_.precision == Precision::kUser || BaseName(node.op) != "nan_to_num" || args.size() != 4) return args;
    const DType dtype = program_.value(node.outputs.at(0)).dtype;
    if (!IsFloating(dtype)) return args;
    if (args[2].IsNone()) args[2] = Attr(LargestFinite(dtype));
    if (args[3].IsNone()) args[3] = Attr(-LargestFinite(dtype));
    return args;
  }

  void Store(const Node& node, ValueId id, at::Tensor tensor) {
    if (id < 0 || uses_[static_cast<size_t>(id)] == 0) return;
    if (options_.replace != nullptr) {
      const auto found = options_.replace->find(id);
      if (found != options_.replace->end()) {
        live_[id] = Prepared(found->second, evaluator_.device(), options_.precision);
        return;
      }
    }
    if (options_.precision == Precision::kFloat64 && IsFloatTensor(tensor)) tensor = tensor.to(Widened(tensor.scalar_type()));
    if (options_.transform && tensor.defined() && tensor.is_floating_point()) tensor = options_.transform(id, &node, std::move(tensor));
    live_[id] = std::move(tensor);
  }

  const Evaluator& evaluator_;
  const Program& program_;
  const TensorMap& leaves_;
  const EvaluateOptions& options_;
  std::unordered_set<ValueId> keep_;
  std::vector<bool> needed_;
  std::vector<int> uses_;
  TensorMap live_;
};

}  // namespace

TensorMap Evaluator::Evaluate(const Program& program, const TensorMap& leaves, const EvaluateOptions& options) const {
  const c10::InferenceMode inference;
  if (before_) before_();
  return Run(*this, program, leaves, options).Execute();
}

std::vector<at::Tensor> Evaluator::CallOn(at::Device device, const std::string& op, const AttrList& args,
                                          const std::function<at::Tensor(ValueId)>& tensor, Precision precision) const {
  const auto handle = c10::Dispatcher::singleton().findSchema(ToOperatorName(op));
  if (!handle) throw EvaluationError("this PyTorch has no operator " + op, false);
  const auto& arguments = handle->schema().arguments();
  if (arguments.size() != args.size()) {
    throw EvaluationError(op + " takes " + std::to_string(arguments.size()) + " arguments, not " + std::to_string(args.size()), false);
  }
  const AttributeContext context{[&](ValueId id) { return Prepared(tensor(id), device, precision); }, device, precision == Precision::kFloat64};
  std::vector<c10::IValue> stack;
  for (size_t i = 0; i < args.size(); ++i) stack.push_back(ToIValue(args[i], arguments[i], context));
  if (device.is_cuda() && !UncheckedCalls::Active()) {
    if (const std::optional<std::string> why = DeviceAssert(op, stack)) throw EvaluationError(op + ": " + *why, false);
  }
  return CallBoxed(*handle, std::move(stack), precision);
}

std::vector<at::Tensor> Evaluator::Call(const std::string& op, const AttrList& args,
                                        const std::function<at::Tensor(ValueId)>& tensor, Precision precision) const {
  const c10::InferenceMode inference;
  try {
    return CallOn(device_, op, args, tensor, precision);
  } catch (const c10::OutOfMemoryError& error) {
    throw EvaluationError("the GPU has too little memory for " + op, true);
  } catch (const c10::Error& error) {
    if (precision == Precision::kUser || device_.is_cpu()) throw EvaluationError(op + ": " + FirstLine(error.what_without_backtrace()), false);
  } catch (const UserError& error) {
    throw EvaluationError(op + ", " + error.what(), false);
  }
  try {   // no float64 kernel on the GPU
    std::vector<at::Tensor> outputs = CallOn(at::kCPU, op, args, tensor, precision);
    for (at::Tensor& output : outputs) {
      if (output.defined()) output = output.to(device_);
    }
    OperatorsDone().insert(op);
    return outputs;
  } catch (const c10::Error& error) {
    throw EvaluationError(op + " in float64: " + FirstLine(error.what_without_backtrace()), false);
  }
}

const std::set<std::string>& OperatorsOnCpu() { return OperatorsDone(); }

void ApplyContext(const RunContext& context) {
  at::Context& torch = at::globalContext();
  torch.setAllowTF32CuBLAS(context.matmul_tf32);
  torch.setAllowTF32CuDNN(context.cudnn_tf32);
  torch.setAllowBF16ReductionCuBLAS(context.reduced_precision_bf16);
  torch.setAllowFP16ReductionCuBLAS(context.reduced_precision_fp16);
}

}  // namespace drtriton
