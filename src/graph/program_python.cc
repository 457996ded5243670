#include "graph/program_python.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "base/join.h"
#include "graph/call_text.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

std::string Numbers(const Shape& shape) {
  std::vector<std::string> parts;
  for (int64_t size : shape) parts.push_back(std::to_string(size));
  return Join(parts);
}

std::vector<std::string> ValueNames(const Program& program, Names names) {
  static constexpr std::array<const char*, 5> kLetters = {"x", "w", "b", "c", "v"};  // in the order of ValueKind
  std::array<int, 5> counts = {};
  std::unordered_set<std::string> taken = {"torch", "F", "nn", "self", "float"};
  std::vector<std::string> result;
  for (const Value& value : program.values) {
    const size_t kind = static_cast<size_t>(value.kind);
    std::string name = names == Names::kOwn ? value.name : kLetters[kind] + std::to_string(counts[kind]++);
    while (!taken.insert(name).second) name += "_";
    result.push_back(std::move(name));
  }
  return result;
}

// Prints the parts that the flat form and the module share.
class Printer {
 public:
  Printer(const Program& program, Names names) : program_(program), names_(ValueNames(program, names)) {
    name_of_ = [this](ValueId id) { return Name(id); };
  }

  const std::string& Name(ValueId id) const { return names_.at(static_cast<size_t>(id)); }

  std::string NodeLine(const Node& node) const {
    const Schema& schema = SchemaOf(node);
    const bool many = schema.results.size() != 1 || schema.results[0].is_list;
    std::vector<std::string> targets, types;
    for (ValueId id : node.outputs) {
      targets.push_back(id >= 0 ? Name(id) : "_");
      types.push_back(id >= 0 ? TypeText(program_.value(id)) : "_");
    }
    const std::string target = Join(targets) + (many && targets.size() == 1 ? "," : "");
    const std::string schema_text = FindOperator(node.op) == nullptr ? "; " + node.schema : "";
    return target + " = " + CallText(node, name_of_) + "  # " + Join(types) + schema_text;
  }

  std::string MutationLine(const Mutation& mutation) const {
    return Name(mutation.target) + ".copy_(" + Name(mutation.value) + ")";
  }

  std::string TreeText(const Tree& tree) const {
    if (tree.kind == Tree::Kind::kValue) return Name(tree.value);
    if (tree.kind == Tree::Kind::kLiteral) return PythonText(tree.literal, name_of_);
    std::vector<std::string> items;
    for (size_t i = 0; i < tree.children.size(); ++i) {
      const std::string key = tree.kind == Tree::Kind::kDict ? PythonText(Attr(tree.keys[i]), name_of_) + ": " : "";
      items.push_back(key + TreeText(tree.children[i]));
    }
    const std::string body = Join(items);
    if (tree.kind == Tree::Kind::kDict) return "{" + body + "}";
    if (tree.kind == Tree::Kind::kList) return "[" + body + "]";
    return "(" + body + (items.size() == 1 ? ",)" : ")");
  }

 private:
  const Program& program_;
  std::vector<std::string> names_;
  NameOf name_of_;
};

// Classes and aliases in a tree, in the order in which its nodes are met.
void CollectNotes(const Tree& tree, const Printer& printer, std::vector<std::string>& classes,
                  std::vector<std::string>& aliases, int& inner, int& leaf) {
  if (tree.kind == Tree::Kind::kValue) {
    if (tree.alias_of >= 0) aliases.push_back(std::to_string(leaf) + " of " + printer.Name(tree.alias_of));
    ++leaf;
    return;
  }
  if (tree.kind == Tree::Kind::kLiteral) return;
  if (tree.class_name) classes.push_back(std::to_string(inner) + " is " + *tree.class_name);
  ++inner;
  for (const Tree& child : tree.children) CollectNotes(child, printer, classes, aliases, inner, leaf);
}

// The lines "# <what> classes: 0 is module:Class" and "# <what> aliases: 1 of x".
std::vector<std::string> NoteLines(const Tree& tree, const Printer& printer, const std::string& what) {
  std::vector<std::string> classes, aliases, lines;
  int inner = 0;
  int leaf = 0;
  CollectNotes(tree, printer, classes, aliases, inner, leaf);
  if (!classes.empty()) lines.push_back("# " + what + " classes: " + Join(classes));
  if (!aliases.empty()) lines.push_back("# " + what + " aliases: " + Join(aliases));
  return lines;
}

// Inputs that are arguments of forward(): a fragment lists its parameters among its inputs too.
std::vector<ValueId> PassedLeaves(const Program& program) {
  std::vector<ValueId> ids = program.inputs;
  std::erase_if(ids, [&](ValueId id) { return program.value(id).kind != ValueKind::kInput; });
  return ids;
}

// The usual call: one positional argument an input.
bool IsPlainArguments(const Program& program) {
  const Tree& tree = program.arguments;
  if (tree.kind != Tree::Kind::kTuple || tree.class_name || tree.Values() != PassedLeaves(program)) return false;
  return std::all_of(tree.children.begin(), tree.children.end(),
                     [](const Tree& t) { return t.kind == Tree::Kind::kValue; });
}

std::string ContextText(const RunContext& context) {
  const RunContext usual;
  std::vector<std::string> facts;
  const auto add = [&](const char* name, bool value, bool otherwise) {
    if (value != otherwise) facts.push_back(std::string(name) + "=" + (value ? "True" : "False"));
  };
  add("training", context.training, usual.training);
  add("matmul_tf32", context.matmul_tf32, usual.matmul_tf32);
  add("cudnn_tf32", context.cudnn_tf32, usual.cudnn_tf32);
  add("reduced_precision_bf16", context.reduced_precision_bf16, usual.reduced_precision_bf16);
  add("reduced_precision_fp16", context.reduced_precision_fp16, usual.reduced_precision_fp16);
  return Join(facts);
}

std::vector<ValueId> LeavesBehindInputs(const Program& program) {
  std::vector<ValueId> rest = program.Leaves();
  std::erase_if(rest, [&](ValueId id) {
    return std::find(program.inputs.begin(), program.inputs.end(), id) != program.inputs.end();
  });
  return rest;
}

std::string LeafLine(const Value& value, const std::string& name) {
  static constexpr std::array<const char*, 4> kKinds = {"", " parameter ", " buffer ", " constant "};
  const std::string kind = kKinds[static_cast<size_t>(value.kind)];
  const std::string target = kind.empty() ? "" : kind + PythonText(Attr(value.target), nullptr);
  return "# " + name + ": " + TypeText(value) + target;
}

// ---- The runnable module

std::string TorchType(DType dtype) { return "torch." + std::string(Name(dtype)); }

// An expression for a tensor of this type with random contents.
std::string RandomTensor(const Value& value) {
  const std::string shape = "(" + Numbers(value.shape) + (value.shape.size() == 1 ? ",)" : ")");
  const std::string strides = "(" + Numbers(value.strides) + (value.strides.size() == 1 ? ",)" : ")");
  if (!IsContiguous(value.shape, value.strides)) {
    return "torch.empty_strided(" + shape + ", " + strides + ", dtype=" + TorchType(value.dtype) +
           ").copy_(torch.rand(" + shape + "))";
  }
  if (!IsFloating(value.dtype)) return "torch.randint(0, 2, " + shape + ").to(" + TorchType(value.dtype) + ")";
  // Buffers are often variances: not negative.
  const std::string maker = value.kind == ValueKind::kBuffer ? "torch.rand" : "torch.randn";
  return maker + "(" + shape + (value.dtype == DType::kFloat32 ? ")" : ", dtype=" + TorchType(value.dtype) + ")");
}

std::string AttributeName(const Value& value) {
  std::string name = value.target;
  for (char& c : name) {
    const bool word = c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!word) c = '_';
  }
  return name;
}

std::string InitText(const Program& program) {
  std::string text = "    def __init__(self):\n        super().__init__()\n";
  for (ValueId id : program.Leaves()) {
    const Value& value = program.value(id);
    const std::string name = AttributeName(value);
    if (value.kind == ValueKind::kParameter)
      text += "        self." + name + " = nn.Parameter(" + RandomTensor(value) + ")\n";
    if (value.kind == ValueKind::kBuffer)
      text += "        self.register_buffer('" + name + "', " + RandomTensor(value) + ")\n";
    if (value.kind == ValueKind::kConstant) {
      text += "        self.register_buffer('" + name + "', " + RandomTensor(value) + ", persistent=False)\n";
    }
  }
  return text;
}

std::string ForwardHead(const Program& program, const Printer& printer) {
  std::vector<std::string> parameters = {"self"};
  for (ValueId id : PassedLeaves(program)) parameters.push_back(printer.Name(id));
  return "    def forward(" + Join(parameters) + "):\n";
}

std::string ForwardText(const Program& program, const Printer& printer) {
  std::string text = ForwardHead(program, printer);
  for (ValueId id : program.Leaves()) {
    const Value& value = program.value(id);
    if (value.kind != ValueKind::kInput)
      text += "        " + printer.Name(id) + " = self." + AttributeName(value) + "\n";
  }
  for (const Node& node : program.nodes) text += "        " + printer.NodeLine(node) + "\n";
  for (const Mutation& mutation : program.mutations) text += "        " + printer.MutationLine(mutation) + "\n";
  return text + "        return " + printer.TreeText(program.result) + "\n";
}

}  // namespace

std::string TypeText(const Value& value) {
  std::string text = std::string(ShortName(value.dtype)) + "[" + Numbers(value.shape) + "]";
  if (value.strides != ContiguousStrides(value.shape)) text += "{" + Numbers(value.strides) + "}";
  return text;
}

std::string FlatText(const Program& program, Names names) {
  const Printer printer(program, names);
  std::vector<std::string> parameters;
  for (ValueId id : program.inputs) parameters.push_back(printer.Name(id));
  const std::vector<ValueId> rest = LeavesBehindInputs(program);
  if (!rest.empty()) parameters.push_back("*");
  for (ValueId id : rest) parameters.push_back(printer.Name(id));
  std::vector<std::string> lines = {"# " + program.name + " on " + program.device,
                                    "def forward(" + Join(parameters) + "):"};
  const auto add = [&lines](const std::string& line) { lines.push_back("    " + line); };
  for (const std::vector<ValueId>& ids : {program.inputs, rest}) {
    for (ValueId id : ids) add(LeafLine(program.value(id), printer.Name(id)));
  }
  if (const std::string context = ContextText(program.context); !context.empty()) add("# context: " + context);
  const bool has_arguments = program.arguments.kind != Tree::Kind::kValue || program.arguments.value >= 0;
  if (!IsPlainArguments(program)) add("# arguments: " + (has_arguments ? printer.TreeText(program.arguments) : "none"));
  if (has_arguments) {
    for (const std::string& line : NoteLines(program.arguments, printer, "arguments")) add(line);
  }
  for (const Node& node : program.nodes) add(printer.NodeLine(node));
  for (const Mutation& mutation : program.mutations) add(printer.MutationLine(mutation));
  for (const std::string& line : NoteLines(program.result, printer, "result")) add(line);
  add("return " + printer.TreeText(program.result));
  return Join(lines, "\n") + "\n";
}

std::string ModuleText(const Program& program) {
  const Printer printer(program, Names::kOwn);
  std::vector<std::string> inputs;
  for (ValueId id : PassedLeaves(program)) inputs.push_back(RandomTensor(program.value(id)));
  return "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n\nclass Model(nn.Module):\n" +
         InitText(program) + "\n" + ForwardText(program, printer) + "\n\ndef get_inputs():\n    return [" +
         Join(inputs) + "]\n\n\ndef get_init_inputs():\n    return []\n";
}

std::string LaunchingClassText(const Program& program, std::string_view class_name) {
  const Printer printer(program, Names::kOwn);
  std::vector<std::string> leaves;
  for (ValueId id : program.inputs) {
    const Value& value = program.value(id);
    leaves.push_back(value.kind == ValueKind::kInput ? printer.Name(id) : "self." + AttributeName(value));
  }
  std::string text = "class " + std::string(class_name) + "(nn.Module):\n" + InitText(program) + "\n" + ForwardHead(program, printer);
  if (program.mutations.empty()) return text + "        return launch(" + Join(leaves) + ")\n";
  text += "        results = launch(" + Join(leaves) + ")\n";
  const std::vector<ValueId> results = program.Results();
  for (const Mutation& mutation : program.mutations) {
    const auto place = std::find(results.begin(), results.end(), mutation.value) - results.begin();
    const Value& target = program.value(mutation.target);
    const std::string name = target.kind == ValueKind::kInput ? printer.Name(mutation.target) : "self." + AttributeName(target);
    text += "        " + name + ".copy_(results[" + std::to_string(place) + "])\n";
  }
  return text + "        return results[:" + std::to_string(program.result.children.size()) + "]\n";
}

}  // namespace drtriton
