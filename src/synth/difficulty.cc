#include "synth/difficulty.h"

#include <algorithm>
#include <vector>

#include "graph/registry.h"

namespace drtriton {
namespace {

// Calls `visit` with each tensor among the arguments.
template <typename Visit>
void VisitInputs(const Attr& attr, const Visit& visit) {
  if (attr.IsValue()) {
    visit(attr.AsValue());
  } else if (attr.Is<AttrList>()) {
    for (const Attr& item : attr.AsList()) VisitInputs(item, visit);
  }
}

}  // namespace

Difficulty DifficultyOf(const Program& program, double bytes_per_us, double flops_per_us) {
  Difficulty found;
  std::vector<int> distance(program.values.size(), 0);  // operators on the longest path up to the value
  std::vector<int> at_distance(program.nodes.size() + 1, 0);
  for (const Node& node : program.nodes) {
    const bool counts = !IsGlue(node.op);
    int level = 0;
    for (const Attr& arg : node.args) {
      VisitInputs(arg, [&](ValueId id) { level = std::max(level, distance[static_cast<size_t>(id)]); });
    }
    if (counts) {
      ++at_distance[static_cast<size_t>(level)];
      ++level;
    }
    for (const ValueId id : node.outputs) {
      if (id >= 0) distance[static_cast<size_t>(id)] = level;
    }
    found.depth = std::max(found.depth, level);
    const double flops = NodeFlops(program, node);
    const double bytes = static_cast<double>(NodeBytes(program, node));
    found.flops += flops;
    found.bytes += bytes;
    found.roofline_us += std::max(flops / flops_per_us, bytes / bytes_per_us);
  }
  found.width = *std::max_element(at_distance.begin(), at_distance.end());
  for (const Value& value : program.values) {
    found.inputs += value.kind == ValueKind::kInput ? 1 : 0;
    found.parameters += value.kind == ValueKind::kParameter || value.kind == ValueKind::kBuffer ? 1 : 0;
    found.largest = std::max(found.largest, value.Elements());
  }
  found.results = static_cast<int>(program.Results().size());
  return found;
}

}  // namespace drtriton
