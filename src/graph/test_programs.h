// Small Programs that the tests of this room share.
#ifndef DRTRITON_GRAPH_TEST_PROGRAMS_H_
#define DRTRITON_GRAPH_TEST_PROGRAMS_H_

#include <string>
#include <utility>
#include <vector>

#include "graph/program.h"

namespace drtriton {

inline ValueId AddLeaf(Program& program, ValueKind kind, std::string name, Shape shape, DType dtype = DType::kFloat32) {
  Value value{
      .name = std::move(name), .dtype = dtype, .shape = shape, .strides = ContiguousStrides(shape), .kind = kind};
  if (kind != ValueKind::kInput) value.target = value.name;
  const ValueId id = static_cast<ValueId>(program.values.size());
  if (kind == ValueKind::kInput) {
    program.inputs.push_back(id);
    program.arguments.kind = Tree::Kind::kTuple;
    program.arguments.children.push_back(Tree{.value = id});
  }
  program.values.push_back(std::move(value));
  return id;
}

inline ValueId AddNode(Program& program, std::string name, std::string op, AttrList args, Shape shape,
                       DType dtype = DType::kFloat32, std::string schema = "") {
  const ValueId id = static_cast<ValueId>(program.values.size());
  program.values.push_back(Value{.name = std::move(name),
                                 .dtype = dtype,
                                 .shape = shape,
                                 .strides = ContiguousStrides(shape),
                                 .node = static_cast<int32_t>(program.nodes.size())});
  program.nodes.push_back(
      Node{.op = std::move(op), .args = std::move(args), .outputs = {id}, .schema = std::move(schema)});
  return id;
}

// relu(linear(x, w, b)) with a step counter that counts its calls.
inline Program LinearRelu() {
  Program program;
  const ValueId x = AddLeaf(program, ValueKind::kInput, "x", {2, 3});
  const ValueId w = AddLeaf(program, ValueKind::kParameter, "p_weight", {4, 3});
  const ValueId b = AddLeaf(program, ValueKind::kParameter, "p_bias", {4});
  const ValueId steps = AddLeaf(program, ValueKind::kBuffer, "b_steps", {}, DType::kInt64);
  const ValueId y = AddNode(program, "linear", "aten.linear.default", {ValueRef{x}, ValueRef{w}, ValueRef{b}}, {2, 4},
                            DType::kFloat32, "aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor");
  const ValueId z = AddNode(program, "relu", "aten.relu.default", {ValueRef{y}}, {2, 4});
  const ValueId next = AddNode(program, "add", "aten.add.Scalar", {ValueRef{steps}, 1, 1}, {}, DType::kInt64);
  program.result = Tree{.kind = Tree::Kind::kTuple, .children = {Tree{.value = z}, Tree{.value = y}}};
  program.mutations = {{.target = steps, .value = next}};
  return program;
}

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_TEST_PROGRAMS_H_
