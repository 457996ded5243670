// Positions of arguments follow the schemas in graph/operators_*.cc; module_text_test.cc imports what is written here.
#include "synth/module_layers.h"

#include <algorithm>
#include <unordered_map>

#include "graph/call_text.h"

namespace drtriton {

struct LayerRule {
  std::string_view name;
  int input = 0;
  int second_input = -1;
  std::vector<int> tensors;    // positions of what the layer owns; None is allowed from `optional` on
  size_t optional = 1;         // how many of `tensors` have to be there
  bool all_or_none = false;    // of `tensors`
  bool (*fits)(const Program&, const Node&) = nullptr;
  void (*write)(std::string&, const Program&, const Node&, ModuleSizes&) = nullptr;
};

namespace {

const Value& ValueAt(const Program& program, const Node& node, size_t position) {
  return program.value(node.args[position].AsValue());
}

bool Has(const Node& node, size_t position) { return position < node.args.size() && !node.args[position].IsNone(); }

// ---- Pieces of a constructor's call

void AppendFlag(std::string& out, std::string_view name, bool value) {
  out += ", ";
  out += name;
  out += value ? "=True" : "=False";
}

void AppendNumber(std::string& out, std::string_view name, const Attr& value) {
  out += ", ";
  out += name;
  out += '=';
  out += PythonText(value, nullptr);
}

void AppendDType(std::string& out, DType dtype) {
  if (dtype == DType::kFloat32) return;
  out += ", dtype=torch.";
  out += Name(dtype);
}

// An int for equal items, else a tuple.
void AppendInts(std::string& out, const std::vector<int64_t>& values) {
  const bool equal = std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == values[0]; });
  if (equal) return AppendInt(out, values[0]);
  for (size_t i = 0; i < values.size(); ++i) {
    out += i == 0 ? "(" : ", ";
    AppendInt(out, values[i]);
  }
  out += ')';
}

// Left out where all are `otherwise`.
void AppendInts(std::string& out, std::string_view name, const Attr& value, int64_t otherwise) {
  const std::vector<int64_t> values = value.AsInts();
  if (std::all_of(values.begin(), values.end(), [&](int64_t v) { return v == otherwise; })) return;
  out += ", ";
  out += name;
  out += '=';
  AppendInts(out, values);
}

// ---- Layers

void WriteLinear(std::string& out, const Program& program, const Node& node, ModuleSizes& sizes) {
  const Value& weight = ValueAt(program, node, 1);
  out += "nn.Linear(";
  sizes.AppendInConstructor(out, weight.shape[1], "FEATURES");
  out += ", ";
  sizes.AppendInConstructor(out, weight.shape[0], "OUT_FEATURES");
  if (!Has(node, 2)) AppendFlag(out, "bias", false);
  AppendDType(out, weight.dtype);
  out += ')';
}

bool FitsLinear(const Program& program, const Node& node) {
  const Value& weight = ValueAt(program, node, 1);
  return weight.shape.size() == 2 && (!Has(node, 2) || ValueAt(program, node, 2).shape == Shape{weight.shape[0]});
}

void WriteBilinear(std::string& out, const Program& program, const Node& node, ModuleSizes& sizes) {
  const Value& weight = ValueAt(program, node, 2);
  out += "nn.Bilinear(";
  sizes.AppendInConstructor(out, weight.shape[1], "FEATURES");
  out += ", ";
  sizes.AppendInConstructor(out, weight.shape[2], "OTHER_FEATURES");
  out += ", ";
  sizes.AppendInConstructor(out, weight.shape[0], "OUT_FEATURES");
  if (!Has(node, 3)) AppendFlag(out, "bias", false);
  AppendDType(out, weight.dtype);
  out += ')';
}

void AppendSpatial(std::string& out, const Value& weight) {
  AppendInt(out, static_cast<int64_t>(weight.shape.size()) - 2);
  out += "d(";
}

// conv1d/2d/3d(input, weight, bias, stride, padding, dilation, groups); padding may be a string.
void WriteConvolution(std::string& out, const Program& program, const Node& node, ModuleSizes& sizes) {
  const Value& weight = ValueAt(program, node, 1);
  const int64_t groups = node.args[6].AsInt();
  out += "nn.Conv";
  AppendSpatial(out, weight);
  sizes.AppendInConstructor(out, weight.shape[1] * groups, "CHANNELS");
  out += ", ";
  sizes.AppendInConstructor(out, weight.shape[0], "OUT_CHANNELS");
  out += ", kernel_size=";
  AppendInts(out, Shape(weight.shape.begin() + 2, weight.shape.end()));
  AppendInts(out, "stride", node.args[3], 1);
  if (node.args[4].Is<std::string>()) {
    out += ", padding='" + node.args[4].AsString() + "'";
  } else {
    AppendInts(out, "padding", node.args[4], 0);
  }
  AppendInts(out, "dilation", node.args[5], 1);
  if (groups != 1) {
    out += ", groups=";
    if (groups == weight.shape[0] || groups == weight.shape[1] * groups) {
      sizes.AppendInConstructor(out, groups, "CHANNELS");
    } else {
      AppendInt(out, groups);
    }
  }
  if (!Has(node, 2)) AppendFlag(out, "bias", false);
  AppendDType(out, weight.dtype);
  out += ')';
}

// conv_transpose(input, weight, bias, stride, padding, output_padding, groups, dilation)
void WriteTransposedConvolution(std::string& out, const Program& program, const Node& node, ModuleSizes& sizes) {
  const Value& weight = ValueAt(program, node, 1);
  const int64_t groups = node.args[6].AsInt();
  out += "nn.ConvTranspose";
  AppendSpatial(out, weight);
  sizes.AppendInConstructor(out, weight.shape[0], "CHANNELS");
  out += ", ";
  sizes.AppendInConstructor(out, weight.shape[1] * groups, "OUT_CHANNELS");
  out += ", kernel_size=";
  AppendInts(out, Shape(weight.shape.begin() + 2, weight.shape.end()));
  AppendInts(out, "stride", node.args[3], 1);
  AppendInts(out, "padding", node.args[4], 0);
  AppendInts(out, "output_padding", node.args[5], 0);
  if (groups != 1) AppendNumber(out, "groups", node.args[6]);
  if (!Has(node, 2)) AppendFlag(out, "bias", false);
  AppendInts(out, "dilation", node.args[7], 1);
  AppendDType(out, weight.dtype);
  out += ')';
}

void AppendNormalizedShape(std::string& out, const Attr& shape, ModuleSizes& sizes) {
  const std::vector<int64_t> values = shape.AsInts();
  if (values.size() > 1) out += '(';
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ", ";
    sizes.AppendInConstructor(out, values[i], i + 1 == values.size() ? "FEATURES" : "LENGTH");
  }
  if (values.size() > 1) out += ')';
}

void AppendEpsilon(std::string& out, const Attr& eps) {
  if (!eps.IsNone() && eps.AsDouble() != 1e-5) AppendNumber(out, "eps", eps);
}

// layer_norm(input, normalized_shape, weight, bias, eps, cudnn_enable)
void WriteLayerNorm(std::string& out, const Program& program, const Node& node, ModuleSizes& sizes) {
  out += "nn.LayerNorm(";
  AppendNormalizedShape(out, node.args[1], sizes);
  AppendEpsilon(out, node.args[4]);
  if (!Has(node, 3)) AppendFlag(out, "bias", false);
  AppendDType(out, ValueAt(program, node, 2).dtype);
  out += ')';
}

// rms_norm(input, normalized_shape, weight, eps)
void WriteRmsNorm(std::string& out, const Program& program, const Node& node, ModuleSizes& sizes) {
  out += "nn.RMSNorm(";
  AppendNormalizedShape(out, node.args[1], sizes);
  if (Has(node, 3)) AppendNumber(out, "eps", node.args[3]);
  AppendDType(out, ValueAt(program, node, 2).dtype);
  out += ')';
}

// group_norm(input, num_groups, weight, bias, eps, cudnn_enabled)
void WriteGroupNorm(std::string& out, const Program& program, const Node& node, ModuleSizes& sizes) {
  const Value& weight = ValueAt(program, node, 2);
  out += "nn.GroupNorm(";
  AppendInt(out, node.args[1].AsInt());
  out += ", ";
  sizes.AppendInConstructor(out, weight.shape[0], "CHANNELS");
  AppendEpsilon(out, node.args[4]);
  AppendDType(out, weight.dtype);
  out += ')';
}

// The number in BatchNorm2d and InstanceNorm2d: vectors and sequences have 1; 0 where PyTorch has no such layer.
int NormDims(const Value& input) {
  const int rank = static_cast<int>(input.shape.size());
  return rank == 2 ? 1 : rank >= 3 && rank <= 5 ? rank - 2 : 0;
}

// batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps, cudnn_enabled), or without
// `training` and what is behind `eps`, which is how it looks after an import: momentum stands at `kMomentum`.
template <size_t kMomentum>
void WriteBatchNorm(std::string& out, const Program& program, const Node& node, ModuleSizes& sizes) {
  const Value& mean = ValueAt(program, node, 3);
  out += "nn.BatchNorm";
  AppendInt(out, NormDims(ValueAt(program, node, 0)));
  out += "d(";
  sizes.AppendInConstructor(out, mean.shape[0], "CHANNELS");
  AppendEpsilon(out, node.args[kMomentum + 1]);
  if (node.args[kMomentum].AsDouble() != 0.1) AppendNumber(out, "momentum", node.args[kMomentum]);
  if (!Has(node, 1)) AppendFlag(out, "affine", false);
  AppendDType(out, mean.dtype);
  out += ')';
}

template <size_t kMomentum>
bool FitsBatchNorm(const Program& program, const Node& node) {
  const bool buffers = Has(node, 3) && Has(node, 4) && ValueAt(program, node, 3).kind == ValueKind::kBuffer &&
                       ValueAt(program, node, 4).kind == ValueKind::kBuffer;
  const bool in_training = kMomentum == 6 && node.args[5].AsBool();
  const bool one_result = node.outputs.size() == 1 || (node.outputs[1] < 0 && node.outputs[2] < 0);
  return buffers && Has(node, 1) == Has(node, 2) && !in_training && one_result &&
         NormDims(ValueAt(program, node, 0)) > 0;
}

// instance_norm(input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, cudnn_enabled)
void WriteInstanceNorm(std::string& out, const Program& program, const Node& node, ModuleSizes& sizes) {
  const Value& input = ValueAt(program, node, 0);
  out += "nn.InstanceNorm";
  AppendInt(out, NormDims(input));
  out += "d(";
  sizes.AppendInConstructor(out, input.shape[1], "CHANNELS");
  AppendEpsilon(out, node.args[7]);
  if (node.args[6].AsDouble() != 0.1) AppendNumber(out, "momentum", node.args[6]);
  if (Has(node, 1)) {
    AppendFlag(out, "affine", true);
    AppendDType(out, ValueAt(program, node, 1).dtype);
  }
  out += ')';
}

// An input of rank 2 or 3 to an InstanceNorm would count as one without a batch.
bool FitsInstanceNorm(const Program& program, const Node& node) {
  const size_t rank = ValueAt(program, node, 0).shape.size();
  return rank >= 3 && rank <= 5 && !Has(node, 3) && !Has(node, 4) && node.args[5].AsBool();
}

// embedding(weight, indices, padding_idx, scale_grad_by_freq, sparse)
void WriteEmbedding(std::string& out, const Program& program, const Node& node, ModuleSizes& sizes) {
  const Value& weight = ValueAt(program, node, 0);
  out += "nn.Embedding(";
  sizes.AppendInConstructor(out, weight.shape[0], "VOCABULARY");
  out += ", ";
  sizes.AppendInConstructor(out, weight.shape[1], "FEATURES");
  if (node.args[2].AsInt() >= 0) AppendNumber(out, "padding_idx", node.args[2]);
  AppendDType(out, weight.dtype);
  out += ')';
}

bool FitsEmbedding(const Program&, const Node& node) {
  return node.args.size() < 5 || (!node.args[3].AsBool() && !node.args[4].AsBool());
}

void WritePRelu(std::string& out, const Program& program, const Node& node, ModuleSizes& sizes) {
  const Value& weight = ValueAt(program, node, 1);
  out += "nn.PReLU(";
  if (weight.shape[0] != 1) sizes.AppendInConstructor(out, weight.shape[0], "CHANNELS");
  if (weight.shape[0] == 1 && weight.dtype != DType::kFloat32) out += '1';
  AppendDType(out, weight.dtype);
  out += ')';
}

bool FitsPRelu(const Program& program, const Node& node) { return ValueAt(program, node, 1).shape.size() == 1; }

const std::unordered_map<std::string_view, LayerRule>& Rules() {
  static const auto* const rules = [] {
    auto* table = new std::unordered_map<std::string_view, LayerRule>;
    (*table)["aten.linear.default"] = {
        .name = "linear", .tensors = {1, 2}, .fits = FitsLinear, .write = WriteLinear};
    (*table)["aten.bilinear.default"] = {
        .name = "bilinear", .second_input = 1, .tensors = {2, 3}, .write = WriteBilinear};
    for (const char* op : {"aten.conv1d.default", "aten.conv2d.default", "aten.conv3d.default", "aten.conv1d.padding",
                           "aten.conv2d.padding", "aten.conv3d.padding"}) {
      (*table)[op] = {.name = "conv", .tensors = {1, 2}, .write = WriteConvolution};
    }
    for (const char* op :
         {"aten.conv_transpose1d.default", "aten.conv_transpose2d.input", "aten.conv_transpose3d.input"}) {
      (*table)[op] = {.name = "deconv", .tensors = {1, 2}, .write = WriteTransposedConvolution};
    }
    (*table)["aten.layer_norm.default"] = {.name = "norm", .tensors = {2, 3}, .write = WriteLayerNorm};
    (*table)["aten.rms_norm.default"] = {.name = "norm", .tensors = {2}, .write = WriteRmsNorm};
    (*table)["aten.group_norm.default"] = {
        .name = "norm", .tensors = {2, 3}, .optional = 2, .write = WriteGroupNorm};
    (*table)["aten.batch_norm.default"] = {
        .name = "norm", .tensors = {3, 4, 1, 2}, .optional = 2, .fits = FitsBatchNorm<6>, .write = WriteBatchNorm<6>};
    (*table)["aten._native_batch_norm_legit_no_training.default"] = {
        .name = "norm", .tensors = {3, 4, 1, 2}, .optional = 2, .fits = FitsBatchNorm<5>, .write = WriteBatchNorm<5>};
    (*table)["aten.instance_norm.default"] = {.name = "norm",
                                              .tensors = {1, 2},
                                              .optional = 0,
                                              .all_or_none = true,
                                              .fits = FitsInstanceNorm,
                                              .write = WriteInstanceNorm};
    (*table)["aten.embedding.default"] = {
        .name = "embedding", .input = 1, .tensors = {0}, .fits = FitsEmbedding, .write = WriteEmbedding};
    (*table)["aten.prelu.default"] = {.name = "prelu", .tensors = {1}, .fits = FitsPRelu, .write = WritePRelu};
    return table;
  }();
  return *rules;
}

// A tensor that a layer may own: read by this node alone, of the usual layout.
bool IsOwned(const Program& program, ValueId id, DType dtype, const std::vector<int32_t>& reads) {
  const Value& value = program.value(id);
  const bool kept = value.kind == ValueKind::kParameter || value.kind == ValueKind::kBuffer;
  return kept && reads[static_cast<size_t>(id)] == 1 && value.dtype == dtype &&
         IsContiguous(value.shape, value.strides);
}

}  // namespace

const LayerRule* FindLayer(const Program& program, const Node& node, const std::vector<int32_t>& reads) {
  const auto found = Rules().find(node.op);
  if (found == Rules().end()) return nullptr;
  const LayerRule& rule = found->second;
  const DType dtype =
      program.value(node.outputs[0] >= 0 ? node.outputs[0] : node.args[static_cast<size_t>(rule.input)].AsValue()).dtype;
  size_t present = 0;
  for (size_t i = 0; i < rule.tensors.size(); ++i) {
    const size_t position = static_cast<size_t>(rule.tensors[i]);
    if (!Has(node, position)) {
      if (i < rule.optional) return nullptr;
      continue;
    }
    ++present;
    if (!IsOwned(program, node.args[position].AsValue(), dtype, reads)) return nullptr;
  }
  if (rule.all_or_none && present != 0 && present != rule.tensors.size()) return nullptr;
  if (rule.fits != nullptr && !rule.fits(program, node)) return nullptr;
  return &rule;
}

std::string_view LayerName(const LayerRule& layer) { return layer.name; }

std::vector<ValueId> LayerTensors(const LayerRule& layer, const Node& node) {
  std::vector<ValueId> ids;
  for (const int position : layer.tensors) {
    if (Has(node, static_cast<size_t>(position))) ids.push_back(node.args[static_cast<size_t>(position)].AsValue());
  }
  return ids;
}

int LayerInput(const LayerRule& layer) { return layer.input; }
int LayerSecondInput(const LayerRule& layer) { return layer.second_input; }

void AppendLayer(std::string& out, const LayerRule& layer, const Program& program, const Node& node,
                 ModuleSizes& sizes) {
  layer.write(out, program, node, sizes);
}

}  // namespace drtriton
