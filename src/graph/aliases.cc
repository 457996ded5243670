// See aliases.h.  Tested by aliases_test.cc.
#include "graph/aliases.h"

#include <optional>

#include "graph/registry.h"

namespace drtriton {
namespace {

void State(const Program& program, Tree& tree) {
  if (tree.kind == Tree::Kind::kValue && tree.value >= 0) tree.alias_of = SharedLeaf(program, tree.value);
  for (Tree& child : tree.children) State(program, child);
}

}  // namespace

ValueId SharedLeaf(const Program& program, ValueId id) {
  while (program.value(id).node >= 0) {
    const Value& value = program.value(id);
    const Node& node = program.nodes[static_cast<size_t>(value.node)];
    const std::optional<StridedView> view = IsView(node.op) ? ViewOf(program, node, static_cast<size_t>(value.output_index)) : std::nullopt;
    if (!view) return -1;
    id = view->base;
  }
  return id;
}

void StateAliases(Program& program) { State(program, program.result); }

}  // namespace drtriton
