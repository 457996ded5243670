// Random programs for the tests of what comes behind the sampler: small, dense in shared values and in equal pieces, and
// without any law.
#ifndef DRTRITON_SYNTH_RANDOM_PROGRAM_H_
#define DRTRITON_SYNTH_RANDOM_PROGRAM_H_

#include <algorithm>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "graph/program.h"

namespace drtriton {

// `nodes` unary and binary operators over tensors of one shape; what nothing reads is returned.
inline Program RandomProgram(std::mt19937_64& random, int nodes) {
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  Program program;
  const Shape shape = {2, 3};
  const auto add_value = [&](ValueKind kind, int32_t node) {
    const ValueId id = static_cast<ValueId>(program.values.size());
    const std::string name = "v" + std::to_string(id);
    program.values.push_back({.name = name, .shape = shape, .strides = ContiguousStrides(shape), .kind = kind, .node = node});
    if (kind == ValueKind::kParameter) program.values.back().target = name;
    return id;
  };
  program.arguments.kind = Tree::Kind::kTuple;
  for (size_t i = 0, count = 1 + below(2); i < count; ++i) {
    program.inputs.push_back(add_value(ValueKind::kInput, -1));
    program.arguments.children.push_back(Tree{.value = program.inputs.back()});
  }
  if (below(3) == 0) add_value(ValueKind::kParameter, -1);
  std::vector<bool> read(static_cast<size_t>(nodes) + 8, false);
  for (int n = 0; n < nodes; ++n) {
    const auto pick = [&] {
      const size_t id = below(program.values.size());
      read[id] = true;
      return Attr(ValueRef{static_cast<ValueId>(id)});
    };
    Node node;
    switch (below(4)) {
      case 0:
        node = {.op = "aten.relu.default", .args = {pick()}};
        break;
      case 1:
        node = {.op = "aten.sub.Tensor", .args = {pick(), pick(), 1}};
        break;
      case 2:
        node = {.op = "aten.mul.Tensor", .args = {pick(), Attr(0.5 * static_cast<double>(1 + below(2)))}};
        break;
      default:
        node = {.op = "aten.maximum.default", .args = {pick(), pick()}};
    }
    node.outputs = {add_value(ValueKind::kNode, n)};
    program.nodes.push_back(std::move(node));
  }
  program.result.kind = Tree::Kind::kTuple;
  for (size_t i = 0; i < program.values.size(); ++i) {
    if (!read[i] && program.values[i].kind == ValueKind::kNode) {
      program.result.children.push_back(Tree{.value = static_cast<ValueId>(i)});
    }
  }
  return program;
}

inline void Renumber(Attr& attr, const std::vector<ValueId>& to) {
  if (attr.IsValue()) {
    attr = Attr(ValueRef{to[static_cast<size_t>(attr.AsValue())]});
  } else if (attr.Is<AttrList>()) {
    AttrList list = attr.AsList();
    for (Attr& item : list) Renumber(item, to);
    attr = Attr(std::move(list));
  }
}

// The same program with its values renamed and listed in another order, its nodes in another order of evaluation, its
// inputs and results in another order.  Results have to be a tensor or a flat tuple.
inline Program Shuffled(const Program& program, std::mt19937_64& random) {
  // Nodes: always one of those whose inputs are there.
  std::vector<size_t> order;
  std::vector<bool> done(program.nodes.size(), false);
  while (order.size() < program.nodes.size()) {
    const size_t n = random() % program.nodes.size();
    const std::vector<ValueId> inputs = program.nodes[n].Inputs();
    const bool ready = std::all_of(inputs.begin(), inputs.end(), [&](ValueId id) {
      const Value& value = program.value(id);
      return value.kind != ValueKind::kNode || done[static_cast<size_t>(value.node)];
    });
    if (done[n] || !ready) continue;
    done[n] = true;
    order.push_back(n);
  }
  std::vector<ValueId> to(program.values.size());
  std::iota(to.begin(), to.end(), 0);
  std::shuffle(to.begin(), to.end(), random);
  Program result = program;
  result.name = "shuffled";
  for (size_t i = 0; i < to.size(); ++i) {
    Value& value = result.value(to[i]);
    value = program.values[i];
    value.name = "renamed" + std::to_string(to[i]);
    if (!value.target.empty()) value.target = value.name;
  }
  for (size_t place = 0; place < order.size(); ++place) {
    Node node = program.nodes[order[place]];
    for (Attr& arg : node.args) Renumber(arg, to);
    for (ValueId& id : node.outputs) {
      if (id < 0) continue;
      id = to[static_cast<size_t>(id)];
      result.value(id).node = static_cast<int32_t>(place);
    }
    result.nodes[place] = std::move(node);
  }
  for (ValueId& id : result.inputs) id = to[static_cast<size_t>(id)];
  std::shuffle(result.inputs.begin(), result.inputs.end(), random);
  result.arguments.children.clear();
  for (const ValueId id : result.inputs) result.arguments.children.push_back(Tree{.value = id});
  if (result.result.kind == Tree::Kind::kValue) result.result.value = to[static_cast<size_t>(result.result.value)];
  for (Tree& child : result.result.children) child.value = to[static_cast<size_t>(child.value)];
  std::shuffle(result.result.children.begin(), result.result.children.end(), random);
  return result;
}

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_RANDOM_PROGRAM_H_
