// Cutting a Program.  Convexity and extraction look only at nodes between the first and the last of the set, so that a
// cutter may try thousands of small sets of a long program.
#include "core/fragment.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/error.h"

namespace drtriton {
namespace {

std::vector<int32_t> Sorted(const Program& parent, std::vector<int32_t> nodes) {
  std::sort(nodes.begin(), nodes.end());
  nodes.erase(std::unique(nodes.begin(), nodes.end()), nodes.end());
  Require(nodes.empty() || (nodes.front() >= 0 && nodes.back() < static_cast<int32_t>(parent.nodes.size())),
          "a fragment names a node that its program does not have");
  return nodes;
}

// `nodes` ascending without repeats.
bool IsConvexSorted(const Program& parent, const std::vector<int32_t>& nodes) {
  if (nodes.size() < 2) return true;
  int32_t first = nodes.front();
  size_t span = static_cast<size_t>(nodes.back() - first) + 1;
  if (span == nodes.size()) return true;
  std::vector<bool> inside(span, false);
  for (int32_t node : nodes) inside[static_cast<size_t>(node - first)] = true;
  std::vector<bool> behind(span, false);  // outside the set, but fed by it
  for (size_t i = 0; i < span; ++i) {
    for (ValueId input : parent.nodes[static_cast<size_t>(first) + i].Inputs()) {
      int32_t producer = parent.value(input).node;
      if (producer < first) continue;
      size_t p = static_cast<size_t>(producer - first);
      if (inside[i] && behind[p]) return false;
      if (!inside[i] && (inside[p] || behind[p])) behind[i] = true;
    }
  }
  return true;
}

// Builds the Program of a fragment: gives parent values new ids as they are met.
class Extractor {
 public:
  Extractor(const Program& parent, Fragment& fragment) : parent_(parent), fragment_(fragment) {
    Program& program = fragment_.program;
    program.name = fragment_.id;
    program.device = parent.device;
    program.context = parent.context;
    program.result.kind = Tree::Kind::kTuple;
  }

  void AddLeaf(ValueId id) {
    if (ids_.count(id)) return;
    Value value = parent_.value(id);
    if (value.kind == ValueKind::kNode) {
      value.kind = ValueKind::kInput;
      value.target.clear();
    }
    value.node = -1;
    value.output_index = 0;
    ValueId made = Add(id, std::move(value));
    fragment_.program.inputs.push_back(made);
    fragment_.parent_inputs.push_back(id);
  }

  void AddNode(int32_t index) {
    const Node& from = parent_.nodes[static_cast<size_t>(index)];
    Node node = from;
    for (Attr& arg : node.args) arg = Renumbered(arg);
    int32_t made = static_cast<int32_t>(fragment_.program.nodes.size());
    for (ValueId& output : node.outputs) {
      if (output < 0) continue;
      Value value = parent_.value(output);
      value.node = made;
      output = Add(output, std::move(value));
    }
    fragment_.program.nodes.push_back(std::move(node));
  }

  // How the module is called and what it gives, for fragments that are the whole Program.
  void AddInterface() {
    fragment_.program.arguments = Renumbered(parent_.arguments);
    fragment_.program.result = Renumbered(parent_.result);
    for (const Mutation& mutation : parent_.mutations) {
      fragment_.program.mutations.push_back({ids_.at(mutation.target), ids_.at(mutation.value)});
    }
    fragment_.parent_results = parent_.Results();
  }

  void AddResult(ValueId id) {
    Tree leaf;
    leaf.value = ids_.at(id);
    fragment_.program.result.children.push_back(std::move(leaf));
    fragment_.parent_results.push_back(id);
  }

 private:
  ValueId Add(ValueId parent_id, Value value) {
    ValueId made = static_cast<ValueId>(fragment_.program.values.size());
    fragment_.program.values.push_back(std::move(value));
    ids_.emplace(parent_id, made);
    return made;
  }

  Attr Renumbered(const Attr& attr) const {
    if (attr.IsValue()) return Attr(ValueRef{ids_.at(attr.AsValue())});
    if (!attr.Is<AttrList>()) return attr;
    AttrList list = attr.AsList();
    for (Attr& element : list) element = Renumbered(element);
    return Attr(std::move(list));
  }

  Tree Renumbered(Tree tree) const {
    if (tree.value >= 0) tree.value = ids_.at(tree.value);
    if (tree.alias_of >= 0) tree.alias_of = ids_.at(tree.alias_of);
    for (Tree& child : tree.children) child = Renumbered(std::move(child));
    return tree;
  }

  const Program& parent_;
  Fragment& fragment_;
  std::unordered_map<ValueId, ValueId> ids_;
};

// Values of `nodes` that somebody outside reads, in the order in which they are computed.
std::vector<ValueId> ReadOutside(const Program& parent, const std::vector<int32_t>& nodes) {
  std::vector<bool> inside(parent.nodes.size(), false);
  for (int32_t node : nodes) inside[static_cast<size_t>(node)] = true;
  std::vector<bool> read(parent.values.size(), false);
  for (size_t n = static_cast<size_t>(nodes.front()); n < parent.nodes.size(); ++n) {
    if (inside[n]) continue;
    for (ValueId input : parent.nodes[n].Inputs()) read[static_cast<size_t>(input)] = true;
  }
  for (ValueId id : parent.Results()) read[static_cast<size_t>(id)] = true;
  std::vector<ValueId> results;
  for (int32_t node : nodes) {
    for (ValueId output : parent.nodes[static_cast<size_t>(node)].outputs) {
      if (output >= 0 && read[static_cast<size_t>(output)]) results.push_back(output);
    }
  }
  return results;
}

}  // namespace

bool IsConvex(const Program& parent, const std::vector<int32_t>& nodes) {
  return IsConvexSorted(parent, Sorted(parent, nodes));
}

Fragment ExtractFragment(const Program& parent, std::vector<int32_t> nodes, std::string id) {
  nodes = Sorted(parent, std::move(nodes));
  Require(!nodes.empty(), "a fragment needs at least one node");
  Require(IsConvexSorted(parent, nodes), "a fragment must be convex");
  Fragment fragment;
  fragment.id = std::move(id);
  fragment.nodes = nodes;
  Extractor extractor(parent, fragment);
  std::vector<bool> inside(static_cast<size_t>(nodes.back()) + 1, false);
  for (int32_t node : nodes) inside[static_cast<size_t>(node)] = true;
  for (int32_t node : nodes) {  // leaves in the order of their first use: launch(x, weight, bias)
    for (ValueId input : parent.nodes[static_cast<size_t>(node)].Inputs()) {
      int32_t producer = parent.value(input).node;
      if (producer < 0 || !inside[static_cast<size_t>(producer)]) extractor.AddLeaf(input);
    }
  }
  for (int32_t node : nodes) extractor.AddNode(node);
  for (ValueId result : ReadOutside(parent, nodes)) extractor.AddResult(result);
  return fragment;
}

Fragment WholeProgram(const Program& program) {
  Fragment fragment;
  fragment.id = program.name;
  Extractor extractor(program, fragment);
  for (ValueId input : program.inputs) extractor.AddLeaf(input);
  for (ValueId leaf : program.Leaves()) extractor.AddLeaf(leaf);
  for (size_t n = 0; n < program.nodes.size(); ++n) {
    extractor.AddNode(static_cast<int32_t>(n));
    fragment.nodes.push_back(static_cast<int32_t>(n));
  }
  extractor.AddInterface();
  return fragment;
}

}  // namespace drtriton
