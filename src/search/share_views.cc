#include "search/share_views.h"

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "graph/program_json.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

class Sharer {
 public:
  explicit Sharer(Composition& composition) : composition_(composition), program_(composition.program) {}

  void Run() {
    std::vector<CompositionStep> kept;
    for (CompositionStep& step : composition_.steps) {
      if (auto* kernel = std::get_if<KernelStep>(&step)) {
        for (ValueId& input : kernel->fragment.parent_inputs) input = Now(input);
      } else if (Repeats(std::get<TorchStep>(step).node)) {
        continue;
      }
      kept.push_back(std::move(step));
    }
    composition_.steps = std::move(kept);
    Rename(program_.result);
    for (Mutation& mutation : program_.mutations) mutation.value = Now(mutation.value);
  }

 private:
  ValueId Now(ValueId id) const {
    auto found = becomes_.find(id);
    return found == becomes_.end() ? id : found->second;
  }

  // Renames the node's arguments; true when an equal view has been made before, whose results then stand for this one's.
  bool Repeats(int32_t index) {
    Node& node = program_.nodes[index];
    for (Attr& arg : node.args) arg = Renamed(arg);
    if (!IsView(node.op)) return false;
    std::string key = node.op;
    for (const Attr& arg : node.args) key += " " + ToJson(arg).dump();
    auto [place, fresh] = made_.try_emplace(key, index);
    if (fresh) return false;
    std::vector<ValueId>& first = program_.nodes[place->second].outputs;
    for (size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i] < 0) continue;
      // The first maker may have had no use for this result: it takes it over.
      if (first[i] < 0) {
        first[i] = node.outputs[i];
        program_.value(first[i]).node = place->second;
        node.outputs[i] = -1;
      } else {
        becomes_[node.outputs[i]] = first[i];
      }
    }
    return true;
  }

  Attr Renamed(const Attr& attr) const {
    if (attr.IsValue()) return ValueRef{Now(attr.AsValue())};
    if (!attr.Is<AttrList>()) return attr;
    AttrList list;
    for (const Attr& item : attr.AsList()) list.push_back(Renamed(item));
    return list;
  }

  void Rename(Tree& tree) {
    tree.value = Now(tree.value);
    tree.alias_of = Now(tree.alias_of);
    for (Tree& child : tree.children) Rename(child);
  }

  Composition& composition_;
  Program& program_;
  std::map<ValueId, ValueId> becomes_;
  std::map<std::string, int32_t> made_;
};

}  // namespace

void ShareViews(Composition& composition) { Sharer(composition).Run(); }

}  // namespace drtriton
