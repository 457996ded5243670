#include "rewrite/editor.h"

#include <utility>

#include "graph/registry.h"

namespace drtriton {
namespace {

std::vector<bool> NeededNodes(const Program& program) {
  std::vector<bool> needed(program.nodes.size(), false);
  std::vector<int32_t> open;
  auto need = [&](ValueId id) {
    const int32_t node = program.value(id).node;
    if (node < 0 || needed[static_cast<size_t>(node)]) return;
    needed[static_cast<size_t>(node)] = true;
    open.push_back(node);
  };
  for (ValueId id : program.Results()) need(id);
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    if (!IsRandom(program.nodes[i]) || needed[i]) continue;
    needed[i] = true;
    open.push_back(static_cast<int32_t>(i));
  }
  while (!open.empty()) {
    const Node& node = program.nodes[static_cast<size_t>(open.back())];
    open.pop_back();
    for (ValueId input : node.Inputs()) need(input);
  }
  return needed;
}

std::vector<int> CountReaders(const Program& program, const std::vector<bool>& needed) {
  std::vector<int> readers(program.values.size(), 0);
  for (size_t i = 0; i < program.nodes.size(); ++i) {
    if (!needed[i]) continue;
    for (ValueId input : program.nodes[i].Inputs()) ++readers[static_cast<size_t>(input)];
  }
  for (ValueId id : program.Results()) ++readers[static_cast<size_t>(id)];
  return readers;
}

// "aten.mean.dim" -> "mean"
std::string ShortName(std::string_view op) {
  const size_t first = op.find('.') + 1;
  return std::string(op.substr(first, op.find('.', first) - first));
}

}  // namespace

Editor::Editor(const Program& source) : source_(source), target_(source), needed_(NeededNodes(source)) {
  readers_ = CountReaders(source, needed_);
  for (ValueId id : source.Results()) results_.insert(id);
  target_.values.clear();
  target_.nodes.clear();
  for (const Value& value : source.values) names_.insert(value.name);
  for (ValueId leaf : source.Leaves()) {
    target_.values.push_back(source.value(leaf));
    new_[leaf] = static_cast<ValueId>(target_.values.size() - 1);
  }
}

const Node* Editor::Producer(ValueId id) const {
  const int32_t node = source_.value(id).node;
  return node < 0 ? nullptr : &source_.nodes[static_cast<size_t>(node)];
}

Attr Editor::New(const Attr& attr) const {
  if (attr.IsValue()) return ValueRef{New(attr.AsValue())};
  if (!attr.Is<AttrList>()) return attr;
  AttrList list;
  for (const Attr& item : attr.AsList()) list.push_back(New(item));
  return list;
}

std::string Editor::FreshName(std::string name) {
  for (int copy = 1;; ++copy) {
    std::string candidate = name + "_r" + std::to_string(copy);
    if (names_.insert(candidate).second) return candidate;
  }
}

ValueId Editor::AddValue(Value value) {
  target_.values.push_back(std::move(value));
  return static_cast<ValueId>(target_.values.size() - 1);
}

std::vector<ValueId> Editor::AddAll(std::string_view op, AttrList args) {
  Node node{.op = std::string(op), .args = std::move(args)};
  const OperatorInfo* info = FindOperator(op);
  node.schema = info != nullptr ? info->schema_text : "";
  const Schema& schema = SchemaOf(node);
  for (size_t i = node.args.size(); i < schema.arguments.size(); ++i) {
    node.args.push_back(schema.arguments[i].default_value.value_or(Attr()));
  }
  const int32_t index = static_cast<int32_t>(target_.nodes.size());
  for (const InferredValue& result : InferOutputs(target_, node)) {
    Value value{.name = FreshName(ShortName(op)), .dtype = result.dtype, .shape = result.shape};
    value.strides = result.strides.value_or(ContiguousStrides(result.shape));
    value.node = index;
    value.output_index = static_cast<int32_t>(node.outputs.size());
    node.outputs.push_back(AddValue(std::move(value)));
  }
  target_.nodes.push_back(std::move(node));
  return target_.nodes.back().outputs;
}

void Editor::CutBack(const Mark& mark) {
  for (size_t i = mark.values; i < target_.values.size(); ++i) names_.erase(target_.values[i].name);
  target_.values.resize(mark.values);
  target_.nodes.resize(mark.nodes);
}

void Editor::Copy(int32_t index) {
  Node node = source_.nodes[static_cast<size_t>(index)];
  for (Attr& arg : node.args) arg = New(arg);
  for (ValueId& output : node.outputs) {
    if (output < 0) continue;
    Value value = source_.value(output);
    value.node = static_cast<int32_t>(target_.nodes.size());
    output = new_[output] = AddValue(std::move(value));
  }
  if (StridesDiffer(source_.nodes[static_cast<size_t>(index)])) InferStrides(node);
  target_.nodes.push_back(std::move(node));
}

bool Editor::StridesDiffer(const Node& source_node) const {
  for (ValueId input : source_node.Inputs()) {
    if (source_.value(input).strides != target_.value(New(input)).strides) return true;
  }
  return false;
}

// An operand lies otherwise than in the source: a view may have become a copy, and results may lie otherwise too.
void Editor::InferStrides(Node& node) {
  if (node.op == "aten.view.default") {
    node.op = "aten.reshape.default";
    node.schema = FindOperator(node.op)->schema_text;
  }
  if (FindOperator(node.op) == nullptr) return;
  const std::vector<InferredValue> results = InferOutputs(target_, node);
  for (size_t i = 0; i < node.outputs.size() && i < results.size(); ++i) {
    if (node.outputs[i] >= 0 && results[i].strides) target_.value(node.outputs[i]).strides = *results[i].strides;
  }
}

bool Editor::Fits(int32_t index, const std::vector<ValueId>& values) const {
  const std::vector<ValueId>& outputs = source_.nodes[static_cast<size_t>(index)].outputs;
  if (outputs.size() != values.size()) return false;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] < 0 || Readers(outputs[i]) == 0) continue;
    if (values[i] < 0) return false;
    const Value& old = source_.value(outputs[i]);
    const Value& made = target_.value(values[i]);
    if (old.dtype != made.dtype || old.shape != made.shape) return false;
  }
  return true;
}

void Editor::Replace(int32_t index, const std::vector<ValueId>& values) {
  const std::vector<ValueId>& outputs = source_.nodes[static_cast<size_t>(index)].outputs;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i] >= 0 && values[i] >= 0) new_[outputs[i]] = values[i];
  }
}

// Whether a value has memory of its own: it is neither a leaf nor a view.
bool Editor::IsOwn(const Program& program, ValueId id) const {
  const int32_t node = program.value(id).node;
  return node >= 0 && !IsView(program.nodes[static_cast<size_t>(node)].op);
}

void Editor::FinishResults() {
  std::map<ValueId, ValueId> results;   // of the source -> of the target
  std::set<ValueId> given;
  for (ValueId old : source_.Results()) {
    ValueId id = New(old);
    const bool other_strides = target_.value(id).strides != source_.value(old).strides;
    const bool shared = !IsOwn(target_, id) || given.count(id) > 0;
    if (IsOwn(source_, old) && (other_strides || shared)) {
      id = Add("aten.clone.default", {ValueRef{id}});
      target_.value(id).strides = source_.value(old).strides;
    }
    given.insert(id);
    results[old] = id;
  }
  for (ValueId& input : target_.inputs) input = New(input);
  Renumber(target_.arguments, {});
  Renumber(target_.result, results);
  for (Mutation& mutation : target_.mutations) mutation = {New(mutation.target), results.at(mutation.value)};
}

void Editor::Renumber(Tree& tree, const std::map<ValueId, ValueId>& results) const {
  auto number = [&](ValueId id) {
    auto found = results.find(id);
    return found != results.end() ? found->second : New(id);
  };
  if (tree.value >= 0) tree.value = number(tree.value);
  if (tree.alias_of >= 0) tree.alias_of = number(tree.alias_of);
  for (Tree& child : tree.children) Renumber(child, results);
}

Program Editor::Finish() {
  FinishResults();
  target_.Validate();
  return std::move(target_);
}

}  // namespace drtriton
