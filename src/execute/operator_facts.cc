// What the numerics have to know about operators beyond calling them; see evaluator.h.
#include <ATen/core/dispatch/Dispatcher.h>

#include <algorithm>
#include <set>
#include <string>

#include "execute/evaluator.h"
#include "execute/operator_name.h"

namespace drtriton {
namespace {

// Floating results that are step functions of floating inputs.
bool IsStep(const std::string& base) {
  static const std::set<std::string> kSteps = {"floor", "ceil", "round", "trunc", "fix", "sign", "sgn", "frac", "fmod",
                                               "remainder", "floor_divide", "heaviside", "hardshrink", "threshold"};
  return kSteps.contains(base);
}

const Attr* ArgumentNamed(const Node& node, const c10::FunctionSchema& schema, const std::string& name) {
  for (size_t i = 0; i < schema.arguments().size() && i < node.args.size(); ++i) {
    if (schema.arguments()[i].name() == name) return &node.args[i];
  }
  return nullptr;
}

bool IsOff(const Node& node, const c10::FunctionSchema& schema) {
  const Attr* train = ArgumentNamed(node, schema, "train");
  if (train == nullptr) train = ArgumentNamed(node, schema, "training");
  if (train != nullptr && train->Is<bool>() && !train->AsBool()) return true;
  for (const char* name : {"dropout_p", "p", "dropout"}) {
    const Attr* probability = ArgumentNamed(node, schema, name);
    if (probability != nullptr && probability->IsNumber() && probability->AsDouble() == 0) return true;
  }
  return false;
}

}  // namespace

bool DrawsRandomNumbers(const Node& node) {
  const auto handle = c10::Dispatcher::singleton().findSchema(ToOperatorName(node.op));
  if (!handle || !handle->hasTag(at::Tag::nondeterministic_seeded)) return false;
  return !IsOff(node, handle->schema());
}

std::unordered_set<ValueId> RandomValues(const Program& program) {
  std::unordered_set<ValueId> values;
  for (const Node& node : program.nodes) {
    if (!DrawsRandomNumbers(node)) continue;
    for (const ValueId id : node.outputs) {
      if (id >= 0) values.insert(id);
    }
  }
  return values;
}

bool Jumps(const Program& program, const Node& node) {
  const auto inputs = node.Inputs();
  const bool reads_floats = std::any_of(inputs.begin(), inputs.end(), [&](ValueId id) { return IsFloating(program.value(id).dtype); });
  if (!reads_floats) return false;
  for (const ValueId id : node.outputs) {
    if (id >= 0 && !IsFloating(program.value(id).dtype)) return true;
  }
  const std::string base = BaseName(node.op);
  if (base == "div" || base == "divide") {
    return std::any_of(node.args.begin(), node.args.end(), [](const Attr& attr) { return attr.Is<std::string>(); });
  }
  return IsStep(base);
}

bool IsExact(const Node& node) {
  static const std::set<std::string> kExact = {
      "clone", "contiguous", "detach", "alias", "lift_fresh_copy", "cat", "stack", "concat", "index_select", "gather", "embedding",
      "constant_pad_nd", "pad", "reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d", "repeat",
      "repeat_interleave", "flip", "roll", "where", "masked_fill", "relu", "max", "min", "amax", "amin", "maximum", "minimum",
      "max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "max_pool3d_with_indices", "adaptive_max_pool1d",
      "adaptive_max_pool2d", "neg", "abs", "clamp", "clamp_min", "clamp_max", "hardtanh", "relu6", "sort", "topk", "tril", "triu",
      "index", "scatter", "slice_scatter", "select_scatter", "index_put", "index_copy", "copy", "masked_select", "take", "tile",
      "kthvalue", "median", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "full", "zeros", "ones", "zeros_like",
      "ones_like", "full_like", "fill", "dropout", "alpha_dropout", "feature_dropout", "unfold", "im2col", "diag", "one_hot", "cummax", "cummin"};
  if (kExact.contains(BaseName(node.op))) return true;
  const auto handle = c10::Dispatcher::singleton().findSchema(ToOperatorName(node.op));
  if (!handle || handle->schema().returns().empty()) return false;
  const auto* alias = handle->schema().returns().front().alias_info();   // a view
  return alias != nullptr && !alias->isWrite();
}

}  // namespace drtriton
