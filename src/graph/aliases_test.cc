#include "graph/aliases.h"

#include <gtest/gtest.h>

#include "graph/test_programs.h"

namespace drtriton {
namespace {

TEST(Aliases, ViewsOfViewsShareTheLeaf) {
  Program program;
  const ValueId x = static_cast<ValueId>(program.values.size());
  program.values.push_back({.name = "x", .shape = {4, 6}, .strides = {6, 1}, .kind = ValueKind::kInput});
  program.inputs = {x};
  const auto add = [&](const std::string& op, AttrList args, const Shape& shape, const Shape& strides) {
    const ValueId id = static_cast<ValueId>(program.values.size());
    program.values.push_back({.name = "v" + std::to_string(id), .shape = shape, .strides = strides, .node = static_cast<int32_t>(program.nodes.size())});
    program.nodes.push_back({.op = op, .args = std::move(args), .outputs = {id}});
    return id;
  };
  const ValueId turned = add("aten.t.default", {ValueRef{x}}, {6, 4}, {1, 6});
  const ValueId first = add("aten.select.int", {ValueRef{turned}, 0, 0}, {4}, {6});
  const ValueId flat = add("aten.reshape.default", {ValueRef{turned}, Attr::Ints({24})}, {24}, {1});   // a copy
  const ValueId doubled = add("aten.exp.default", {ValueRef{first}}, {4}, {1});
  program.result = Tree{.kind = Tree::Kind::kTuple};
  for (ValueId id : {first, flat, doubled, x}) program.result.children.push_back(Tree{.value = id});
  StateAliases(program);
  EXPECT_EQ(program.result.children[0].alias_of, x);
  EXPECT_EQ(program.result.children[1].alias_of, -1);
  EXPECT_EQ(program.result.children[2].alias_of, -1);
  EXPECT_EQ(program.result.children[3].alias_of, x);
}

}  // namespace
}  // namespace drtriton
