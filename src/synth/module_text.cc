#include "synth/module_text.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/error.h"
#include "graph/registry.h"
#include "synth/module_calls.h"
#include "synth/module_layers.h"
#include "synth/module_names.h"
#include "synth/module_sizes.h"
#include "synth/module_tensors.h"

namespace drtriton {
namespace {

constexpr size_t kLineLength = 100;
constexpr std::string_view kIndent = "        ";

// Writes one module.  The parts of the file are written side by side, because what stands at its top (sizes, imports)
// depends on what the rest mentions.
class ModuleWriter {
 public:
  ModuleWriter(const Program& program, const std::vector<LeafFill>& fills)
      : program_(program), fills_(fills), reads_(program.values.size(), 0), names_(program) {
    name_of_ = [this](ValueId id) { return names_.Of(id); };
  }

  std::string Write() {
    CountReads();
    FindLayers();
    for (const ValueId id : program_.inputs) sizes_.AddInput(program_.value(id).shape, IsImage(id));
    WriteConstructor();
    WriteForward();
    WriteInputs();
    return Assemble();
  }

 private:
  const LeafFill& FillOf(ValueId id) const {
    static constexpr LeafFill kUsual;
    const size_t leaf = static_cast<size_t>(std::count_if(
        program_.values.begin(), program_.values.begin() + id, [](const Value& v) { return v.kind != ValueKind::kNode; }));
    return leaf < fills_.size() ? fills_[leaf] : kUsual;
  }

  void CountReads() {
    for (const Node& node : program_.nodes) {
      for (const ValueId id : node.Inputs()) ++reads_[static_cast<size_t>(id)];
    }
    for (const ValueId id : program_.Results()) ++reads_[static_cast<size_t>(id)];
  }

  void FindLayers() {
    layers_.reserve(program_.nodes.size());
    image_.assign(program_.values.size(), false);
    for (const Node& node : program_.nodes) {
      const LayerRule* const layer = FindLayer(program_, node, reads_);
      layers_.push_back(layer);
      if (layer != nullptr) {
        for (const ValueId id : LayerTensors(*layer, node)) owned_.push_back(id);
      }
      const OperatorInfo* const info = FindOperator(node.op);
      if (info == nullptr) throw UserError("the operator " + node.op + " is not in the registry");
      const bool spatial = info->kind == OpKind::kConvolution || info->kind == OpKind::kPooling ||
                           node.op.find("batch_norm") != node.op.npos || node.op == "aten.group_norm.default" ||
                           node.op == "aten.instance_norm.default";
      if (spatial && !node.args.empty() && node.args[0].IsValue()) {
        image_[static_cast<size_t>(node.args[0].AsValue())] = true;
      }
    }
    has_image_ = std::find(image_.begin(), image_.end(), true) != image_.end();
  }

  // A tensor of rank 4 or 5 beside a convolution is an image too, whoever reads it first.
  bool IsImage(ValueId id) const {
    return image_[static_cast<size_t>(id)] || (has_image_ && program_.value(id).shape.size() >= 4);
  }

  bool IsOwned(ValueId id) const { return std::find(owned_.begin(), owned_.end(), id) != owned_.end(); }

  // ---- The constructor

  void WriteConstructor() {
    for (const LayerRule* const layer : layers_) {
      if (layer != nullptr) names_.ExpectAttribute(LayerName(*layer));
    }
    for (size_t i = 0; i < program_.values.size(); ++i) {
      const ValueId id = static_cast<ValueId>(i);
      if (IsTensorOfOurs(id)) names_.ExpectAttribute(names_.TensorBase(id));
    }
    for (size_t i = 0; i < program_.nodes.size(); ++i) {
      if (layers_[i] != nullptr) WriteLayer(i);
    }
    for (size_t i = 0; i < program_.values.size(); ++i) {
      if (IsTensorOfOurs(static_cast<ValueId>(i))) WriteTensor(static_cast<ValueId>(i));
    }
  }

  // A parameter, buffer or constant that no layer owns.
  bool IsTensorOfOurs(ValueId id) const {
    const ValueKind kind = program_.value(id).kind;
    return kind != ValueKind::kInput && kind != ValueKind::kNode && !IsOwned(id);
  }

  void WriteLayer(size_t index) {
    layer_names_.resize(program_.nodes.size());
    layer_names_[index] = names_.NewAttribute(LayerName(*layers_[index]));
    constructor_ += kIndent;
    constructor_ += "self.";
    constructor_ += layer_names_[index];
    constructor_ += " = ";
    AppendLayer(constructor_, *layers_[index], program_, program_.nodes[index], sizes_);
    constructor_ += '\n';
  }

  void WriteTensor(ValueId id) {
    const Value& value = program_.value(id);
    const std::string name = names_.NewAttribute(names_.TensorBase(id));
    names_.Set(id, "self." + name);
    const bool parameter = value.kind == ValueKind::kParameter;
    constructor_ += kIndent;
    constructor_ += parameter ? "self." + name + " = nn.Parameter(" : "self.register_buffer('" + name + "', ";
    AppendTensor(constructor_, value, FillOf(id), [&](std::string& out, size_t dim) {
      sizes_.AppendInConstructor(out, value.shape[dim], dim + 1 == value.shape.size() ? "FEATURES" : "ROWS");
    });
    // Only floating tensors can have gradients.
    if (parameter && !IsFloating(value.dtype)) constructor_ += ", requires_grad=False";
    constructor_ += value.kind == ValueKind::kConstant ? ", persistent=False)\n" : ")\n";
  }

  // ---- forward()

  void WriteForward() {
    for (const ValueId id : program_.inputs) {
      forward_parameters_ += ", ";
      forward_parameters_ += names_.NameInput(id);
    }
    for (size_t i = 0; i < program_.nodes.size(); ++i) {
      names_.ReachNode(static_cast<int32_t>(i));
      expression_.clear();
      AppendExpression(i);
      const bool last = i + 1 == program_.nodes.size();
      forward_ += kIndent;
      if (last && IsTheResult(program_.nodes[i])) {
        forward_ += "return " + expression_ + "\n";
        return;
      }
      AppendTargets(i);
      forward_ += " = " + expression_ + "\n";
    }
    for (const Mutation& mutation : program_.mutations) {
      forward_ += std::string(kIndent) + names_.Of(mutation.target) + ".copy_(" + names_.Of(mutation.value) + ")\n";
    }
    forward_ += std::string(kIndent) + "return ";
    AppendTree(program_.result);
    forward_ += '\n';
  }

  bool IsTheResult(const Node& node) const {
    return program_.mutations.empty() && program_.result.kind == Tree::Kind::kValue && !HasMany(program_.nodes.size() - 1) &&
           node.outputs[0] == program_.result.value;
  }

  // Whether the expression gives a tuple.
  bool HasMany(size_t index) const {
    const Node& node = program_.nodes[index];
    const Schema& schema = SchemaOf(node);
    const bool without_indices = node.op.starts_with("aten.adaptive_max_pool") && node.outputs[1] < 0;
    if (layers_[index] != nullptr || without_indices) return false;
    return schema.results.size() != 1 || schema.results[0].is_list;
  }

  void AppendExpression(size_t index) {
    const Node& node = program_.nodes[index];
    const LayerRule* const layer = layers_[index];
    if (layer == nullptr) return AppendCall(expression_, node, name_of_);
    expression_ += "self.";
    expression_ += layer_names_[index];
    expression_ += '(';
    expression_ += names_.Of(node.args[static_cast<size_t>(LayerInput(*layer))].AsValue());
    if (const int second = LayerSecondInput(*layer); second >= 0) {
      expression_ += ", ";
      expression_ += names_.Of(node.args[static_cast<size_t>(second)].AsValue());
    }
    expression_ += ')';
  }

  void AppendTargets(size_t index) {
    const Node& node = program_.nodes[index];
    const bool many = HasMany(index);
    const size_t count = many ? node.outputs.size() : 1;
    for (size_t k = 0; k < count; ++k) {
      if (k > 0) forward_ += ", ";
      forward_ += node.outputs[k] >= 0 ? names_.NameResult(node.outputs[k]) : "_";
    }
    if (many && count == 1) forward_ += ',';
  }

  void AppendTree(const Tree& tree) {
    if (tree.kind == Tree::Kind::kValue) {
      forward_ += names_.Of(tree.value);
      return;
    }
    Require(tree.kind == Tree::Kind::kTuple || tree.kind == Tree::Kind::kList,
            "a sampled program's result is a tensor, a tuple or a list");
    const bool list = tree.kind == Tree::Kind::kList;
    if (list) forward_ += '[';
    for (size_t i = 0; i < tree.children.size(); ++i) {
      if (i > 0) forward_ += ", ";
      AppendTree(tree.children[i]);
    }
    if (!list && tree.children.size() == 1) forward_ += ',';
    if (list) forward_ += ']';
  }

  // ---- get_inputs()

  void AppendInput(std::string& out, ValueId id) {
    const bool image = IsImage(id);
    const Value& value = program_.value(id);
    AppendTensor(out, value, FillOf(id),
                 [&](std::string& text, size_t dim) { sizes_.AppendInputSize(text, value.shape, dim, image); });
  }

  // On one line where it fits, else a line for each.
  void WriteInputs() {
    inputs_ = "    return [";
    for (const ValueId id : program_.inputs) {
      if (id != program_.inputs.front()) inputs_ += ", ";
      AppendInput(inputs_, id);
    }
    inputs_ += "]\n";
    if (inputs_.size() <= kLineLength) return;
    inputs_.clear();
    std::string names;
    for (const ValueId id : program_.inputs) {
      const std::string& name = names_.InputName(id);
      inputs_ += "    " + name + " = ";
      AppendInput(inputs_, id);
      inputs_ += '\n';
      names += (names.empty() ? "" : ", ") + name;
    }
    inputs_ += "    return [" + names + "]\n";
  }

  // ---- The file

  std::string Assemble() {
    std::string text;
    text.reserve(600 + constructor_.size() + forward_.size() + inputs_.size());
    text += "import torch\nimport torch.nn as nn\n";
    if (forward_.find("F.") != forward_.npos) text += "import torch.nn.functional as F\n";
    text += '\n';
    const size_t before = text.size();
    sizes_.AppendDefinitions(text);
    text += text.size() == before ? "\nclass Model(nn.Module):\n" : "\n\nclass Model(nn.Module):\n";
    if (!constructor_.empty()) {
      text += "    def __init__(self";
      sizes_.AppendConstructorParameters(text);
      text += "):\n        super().__init__()\n";
      text += constructor_;
      text += '\n';
    }
    text += "    def forward(self";
    text += forward_parameters_;
    text += "):\n";
    text += forward_;
    text += "\n\ndef get_inputs():\n";
    text += inputs_;
    text += "\n\ndef get_init_inputs():\n    return [";
    sizes_.AppendConstructorArguments(text);
    text += "]\n";
    return text;
  }

  const Program& program_;
  const std::vector<LeafFill>& fills_;
  std::vector<int32_t> reads_;  // by value: how often a node or the result reads it
  std::vector<const LayerRule*> layers_;  // by node
  std::vector<std::string> layer_names_;  // by node
  std::vector<ValueId> owned_;            // by layers
  std::vector<bool> image_;               // by value: read by an operator over space
  bool has_image_ = false;
  ModuleNames names_;
  ModuleSizes sizes_;
  NameOf name_of_;
  std::string constructor_, forward_, forward_parameters_, inputs_, expression_;
};

}  // namespace

std::string WrittenModule(const Program& program, const std::vector<LeafFill>& fills) {
  return ModuleWriter(program, fills).Write();
}

}  // namespace drtriton
