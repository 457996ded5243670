// Renumbers a Program by a walk from its results, then prints and parses it once: what the text does not say (an argument
// that changes nothing, a schema that the registry has) is then the same for all.
#include "language/canonical_fragment.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "graph/base_name.h"
#include "graph/plain_arguments.h"
#include "graph/program_python.h"

namespace drtriton {
namespace {

class Canonicalizer {
 public:
  explicit Canonicalizer(const Program& program) : from_(program), ids_(program.values.size(), -1) {}

  Program Run() {
    to_.name = "fragment";
    to_.device = from_.device;
    to_.context = from_.context;
    for (ValueId id : from_.inputs) AddLeaf(id);
    for (ValueId id : from_.Leaves()) AddLeaf(id);
    visited_.assign(from_.nodes.size(), false);
    for (ValueId id : from_.Results()) Visit(from_.value(id).node);
    for (const Node* node : order_) AddNode(*node);
    AddInterface();
    return std::move(to_);
  }

 private:
  ValueId Add(ValueId from, Value value) {
    const ValueId id = static_cast<ValueId>(to_.values.size());
    to_.values.push_back(std::move(value));
    ids_[static_cast<size_t>(from)] = id;
    return id;
  }

  void AddLeaf(ValueId from) {
    if (ids_[static_cast<size_t>(from)] >= 0) return;
    static constexpr std::array<char, 4> kLetters = {'x', 'w', 'b', 'c'};   // in the order of ValueKind
    Value value = from_.value(from);
    const size_t kind = static_cast<size_t>(value.kind);
    value.name = kLetters.at(kind) + std::to_string(counts_.at(kind)++);
    value.target = value.kind == ValueKind::kInput ? "" : value.name;
    to_.inputs.push_back(Add(from, std::move(value)));
  }

  // Lists the node behind all that it needs.  Without recursion: programs may have thousands of nodes in a row.
  void Visit(int32_t root) {
    std::vector<int32_t> stack = {root};
    while (!stack.empty()) {
      const int32_t top = stack.back();
      if (top < 0 || visited_[static_cast<size_t>(top)]) {
        stack.pop_back();
        continue;
      }
      const Node& node = from_.nodes[static_cast<size_t>(top)];
      const std::vector<ValueId> inputs = node.Inputs();
      const auto missing = std::find_if(inputs.begin(), inputs.end(), [&](ValueId id) {
        const int32_t producer = from_.value(id).node;
        return producer >= 0 && !visited_[static_cast<size_t>(producer)];
      });
      if (missing != inputs.end()) {
        stack.push_back(from_.value(*missing).node);
        continue;
      }
      visited_[static_cast<size_t>(top)] = true;
      order_.push_back(&node);
      stack.pop_back();
    }
  }

  void AddNode(const Node& from) {
    const int32_t number = static_cast<int32_t>(to_.nodes.size());
    Node node{.op = from.op, .args = PlainArguments(from_, from), .outputs = from.outputs, .schema = from.schema};
    for (Attr& arg : node.args) arg = Renumbered(arg);
    const std::string stem = BaseName(from.op) + "_" + std::to_string(number);
    for (size_t i = 0; i < from.outputs.size(); ++i) {
      if (from.outputs[i] < 0) continue;
      Value value = from_.value(from.outputs[i]);
      value.name = from.outputs.size() == 1 ? stem : stem + "_" + std::to_string(i);
      value.node = number;
      node.outputs[i] = Add(from.outputs[i], std::move(value));
    }
    to_.nodes.push_back(std::move(node));
  }

  Attr Renumbered(const Attr& attr) const {
    if (attr.IsValue()) return Attr(ValueRef{Now(attr.AsValue())});
    if (!attr.Is<AttrList>()) return attr;
    AttrList list = attr.AsList();
    for (Attr& element : list) element = Renumbered(element);
    return Attr(std::move(list));
  }

  // Results that are mentioned twice are returned once, as `launch` does.
  void AddInterface() {
    to_.arguments.kind = Tree::Kind::kTuple;
    for (ValueId id : to_.inputs) {
      if (to_.value(id).kind == ValueKind::kInput) to_.arguments.children.push_back(Tree{.value = id});
    }
    to_.result.kind = Tree::Kind::kTuple;
    std::vector<bool> returned(from_.values.size(), false);
    AddResults(from_.result, returned);
    for (const Mutation& mutation : from_.mutations) {
      to_.mutations.push_back({Now(mutation.target), Now(mutation.value)});
    }
  }

  void AddResults(const Tree& tree, std::vector<bool>& returned) {
    for (const Tree& child : tree.children) AddResults(child, returned);
    if (tree.kind != Tree::Kind::kValue || tree.value < 0 || returned[static_cast<size_t>(tree.value)]) return;
    returned[static_cast<size_t>(tree.value)] = true;
    const ValueId alias = tree.alias_of < 0 ? -1 : Now(tree.alias_of);
    to_.result.children.push_back(Tree{.value = Now(tree.value), .alias_of = alias});
  }

  ValueId Now(ValueId from) const { return ids_.at(static_cast<size_t>(from)); }

  const Program& from_;
  Program to_;
  std::vector<ValueId> ids_;   // of from_'s values in to_; -1: not there
  std::array<int, 4> counts_ = {};
  std::vector<bool> visited_;
  std::vector<const Node*> order_;
};

}  // namespace

Fragment CanonicalFragment(const Fragment& fragment) {
  Fragment result;
  result.program = ParseFlatText(FlatText(Canonicalizer(fragment.program).Run()));
  result.id = result.program.name;
  result.fills = fragment.fills;
  return result;
}

}  // namespace drtriton
