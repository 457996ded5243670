// Walks backwards from what is read: each request for a view's value makes a fresh copy of the view, each request for
// any other value shares one copy.  Copies are then listed in evaluation order.  Tested in split_views_test.cc.
#include "search/split_views.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "graph/registry.h"

namespace drtriton {
namespace {

class Splitter {
 public:
  explicit Splitter(const Program& source) : source_(source) {
    target_ = source;
    target_.values.clear();
    target_.nodes.clear();
    for (const Value& value : source.values) names_.insert(value.name);
  }

  Program Run() {
    for (ValueId leaf : source_.Leaves()) shared_[leaf] = AddValue(source_.value(leaf));
    // Nodes in their order, so that evaluation order survives; views are made on demand, just before their reader.
    std::vector<bool> needed = Needed();
    for (size_t index = 0; index < source_.nodes.size(); ++index) {
      const Node& node = source_.nodes[index];
      if (!needed[index] || IsView(node.op)) continue;
      CopyNode(static_cast<int32_t>(index), /*share=*/true);
    }
    for (ValueId& input : target_.inputs) input = shared_.at(input);
    RemapTree(target_.arguments, /*result=*/false);
    RemapTree(target_.result, /*result=*/true);
    for (Mutation& mutation : target_.mutations) {
      mutation.target = shared_.at(mutation.target);
      mutation.value = Read(mutation.value);
    }
    target_.Validate();
    return std::move(target_);
  }

 private:
  std::vector<bool> Needed() const {
    std::vector<bool> needed(source_.nodes.size(), false);
    std::vector<ValueId> open = source_.Results();
    while (!open.empty()) {
      const Value& value = source_.value(open.back());
      open.pop_back();
      if (value.kind != ValueKind::kNode || needed[value.node]) continue;
      needed[value.node] = true;
      for (ValueId input : source_.nodes[value.node].Inputs()) open.push_back(input);
    }
    return needed;
  }

  ValueId AddValue(Value value) {
    target_.values.push_back(std::move(value));
    return static_cast<ValueId>(target_.values.size() - 1);
  }

  std::string FreshName(const std::string& name) {
    for (int copy = 2;; ++copy) {
      std::string candidate = name + "_" + std::to_string(copy);
      if (names_.insert(candidate).second) return candidate;
    }
  }

  // The copy of a value that one more reader may use.
  ValueId Read(ValueId id) {
    if (auto found = shared_.find(id); found != shared_.end()) return found->second;
    const Value& value = source_.value(id);
    return CopyNode(value.node, /*share=*/false).at(value.output_index);
  }

  std::vector<ValueId> CopyNode(int32_t index, bool share) {
    Node node = source_.nodes[index];
    for (Attr& arg : node.args) arg = RemapAttr(arg);
    const int32_t new_index = static_cast<int32_t>(target_.nodes.size());
    bool first_copy = copied_.insert(index).second;
    for (ValueId& output : node.outputs) {
      if (output < 0) continue;
      Value value = source_.value(output);
      value.node = new_index;
      if (!first_copy) value.name = FreshName(value.name);
      ValueId copy = AddValue(std::move(value));
      if (share) shared_[output] = copy;
      output = copy;
    }
    target_.nodes.push_back(node);
    return target_.nodes.back().outputs;
  }

  Attr RemapAttr(const Attr& attr) {
    if (attr.IsValue()) return ValueRef{Read(attr.AsValue())};
    if (!attr.Is<AttrList>()) return attr;
    AttrList list;
    for (const Attr& item : attr.AsList()) list.push_back(RemapAttr(item));
    return list;
  }

  void RemapTree(Tree& tree, bool result) {
    if (tree.kind == Tree::Kind::kValue) {
      ValueId source_id = tree.value;
      tree.value = result ? ReadOnce(source_id) : shared_.at(source_id);
      if (tree.alias_of >= 0) tree.alias_of = result ? ReadOnce(tree.alias_of) : shared_.at(tree.alias_of);
    }
    for (Tree& child : tree.children) RemapTree(child, result);
  }

  // The result tree may name one view twice (the same tensor object): it stays one value.
  ValueId ReadOnce(ValueId id) {
    auto [place, fresh] = in_result_.try_emplace(id, -1);
    if (fresh) place->second = Read(id);
    return place->second;
  }

  const Program& source_;
  Program target_;
  std::map<ValueId, ValueId> shared_;     // leaves and results of nodes that are not views
  std::map<ValueId, ValueId> in_result_;
  std::set<int32_t> copied_;
  std::set<std::string> names_;
};

}  // namespace

Program SplitViews(const Program& program) { return Splitter(program).Run(); }

}  // namespace drtriton
