// Fragments for this room's tests, built node by node.
#ifndef DRTRITON_TEMPLATES_TEST_FRAGMENTS_H_
#define DRTRITON_TEMPLATES_TEST_FRAGMENTS_H_

#include <string>
#include <utility>
#include <vector>

#include "core/fragment.h"
#include "graph/program.h"
#include "graph/registry.h"

namespace drtriton {

class FragmentBuilder {
 public:
  ValueId Input(const std::string& name, const Shape& shape, DType dtype = DType::kFloat32) {
    return Input(name, shape, ContiguousStrides(shape), dtype);
  }
  ValueId Input(const std::string& name, const Shape& shape, const Shape& strides, DType dtype = DType::kFloat32) {
    ValueId id = Add({.name = name, .dtype = dtype, .shape = shape, .strides = strides, .kind = ValueKind::kInput});
    program_.inputs.push_back(id);
    program_.arguments.kind = Tree::Kind::kTuple;
    program_.arguments.children.push_back(Tree{.value = id});
    return id;
  }

  // A node with one result whose type the registry infers.  `args` may leave out defaults at the end.
  ValueId Node(const std::string& op, AttrList args, const std::string& name = "") {
    drtriton::Node node{.op = op, .args = std::move(args)};
    const Schema& schema = SchemaOf(node);
    for (size_t i = node.args.size(); i < schema.arguments.size(); ++i) {
      node.args.push_back(schema.arguments[i].default_value.value_or(Attr()));
    }
    InferredValue result = InferOutputs(program_, node).at(0);
    std::string given = name.empty() ? "v" + std::to_string(program_.values.size()) : name;
    ValueId id = Add({.name = given, .dtype = result.dtype, .shape = result.shape,
                      .strides = result.strides.value_or(ContiguousStrides(result.shape)),
                      .node = static_cast<int32_t>(program_.nodes.size())});
    node.outputs = {id};
    program_.nodes.push_back(std::move(node));
    return id;
  }

  Fragment Build(const std::vector<ValueId>& results) {
    program_.result = Tree{.kind = Tree::Kind::kTuple};
    for (ValueId id : results) program_.result.children.push_back(Tree{.value = id});
    program_.Validate();
    return WholeProgram(program_);
  }

 private:
  ValueId Add(Value value) {
    program_.values.push_back(std::move(value));
    return static_cast<ValueId>(program_.values.size() - 1);
  }
  Program program_;
};

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_TEST_FRAGMENTS_H_
