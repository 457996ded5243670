#include "core/fragment.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "graph/test_programs.h"

namespace drtriton {
namespace {

// a = relu(x); b = exp(a); c = neg(x); d = b + c; results d and a.
Program Diamond() {
  Program program;
  const ValueId x = AddLeaf(program, ValueKind::kInput, "x", {4});
  const ValueId a = AddNode(program, "a", "aten.relu.default", {ValueRef{x}}, {4});
  const ValueId b = AddNode(program, "b", "aten.exp.default", {ValueRef{a}}, {4});
  const ValueId c = AddNode(program, "c", "aten.neg.default", {ValueRef{x}}, {4});
  const ValueId d = AddNode(program, "d", "aten.add.Tensor", {ValueRef{b}, ValueRef{c}, 1}, {4});
  program.result = Tree{.kind = Tree::Kind::kTuple, .children = {Tree{.value = d}, Tree{.value = a}}};
  return program;
}

std::vector<std::string> Names(const Program& program, const std::vector<ValueId>& ids) {
  std::vector<std::string> names;
  for (ValueId id : ids) names.push_back(program.value(id).name);
  return names;
}

using Strings = std::vector<std::string>;

TEST(FragmentTest, ConvexityIsAboutPathsThatReturn) {
  const Program program = Diamond();
  EXPECT_TRUE(IsConvex(program, {0}));
  EXPECT_TRUE(IsConvex(program, {0, 1}));
  EXPECT_TRUE(IsConvex(program, {0, 2}));   // apart, no path between
  EXPECT_FALSE(IsConvex(program, {0, 3}));  // a -> b -> d leaves and returns
  EXPECT_TRUE(IsConvex(program, {3, 2, 1, 0}));
}

TEST(FragmentTest, LeavesKeepTheirKindAndInnerValuesBecomeInputs) {
  const Program program = LinearRelu();
  const Fragment relu = ExtractFragment(program, {1}, "f00_relu");
  EXPECT_EQ(Names(relu.program, relu.Inputs()), Strings{"linear"});
  EXPECT_EQ(relu.program.value(relu.Inputs()[0]).kind, ValueKind::kInput);
  const Fragment linear = ExtractFragment(program, {0}, "f01_linear");
  EXPECT_EQ(Names(linear.program, linear.Inputs()), (Strings{"x", "p_weight", "p_bias"}));
  EXPECT_EQ(linear.program.value(linear.Inputs()[1]).kind, ValueKind::kParameter);
  EXPECT_EQ(linear.program.value(linear.Inputs()[1]).target, "p_weight");
  linear.program.Validate();
  relu.program.Validate();
}

TEST(FragmentTest, ResultsAreWhatOutsideReads) {
  const Program program = Diamond();
  const Fragment fragment = ExtractFragment(program, {1, 0}, "f");
  EXPECT_EQ(Names(fragment.program, fragment.Results()), (Strings{"a", "b"}));  // a is a result of the program
  EXPECT_EQ(fragment.parent_results, (std::vector<ValueId>{1, 2}));
  EXPECT_EQ(fragment.nodes, (std::vector<int32_t>{0, 1}));
}

TEST(FragmentTest, AMutationReadsItsValue) {
  const Fragment fragment = ExtractFragment(LinearRelu(), {2}, "f");
  EXPECT_EQ(Names(fragment.program, fragment.Results()), Strings{"add"});
}

TEST(FragmentTest, RefusesEmptyAndNonConvexSets) {
  EXPECT_THROW(ExtractFragment(Diamond(), {}, "f"), InternalError);
  EXPECT_THROW(ExtractFragment(Diamond(), {0, 3}, "f"), InternalError);
  EXPECT_THROW(ExtractFragment(Diamond(), {7}, "f"), InternalError);
}

TEST(FragmentTest, WholeProgramPutsMutationsBehindResults) {
  const Program program = LinearRelu();
  const Fragment whole = WholeProgram(program);
  EXPECT_EQ(Names(whole.program, whole.Inputs()), (Strings{"x", "p_weight", "p_bias", "b_steps"}));
  EXPECT_EQ(Names(whole.program, whole.Results()), (Strings{"relu", "linear", "add"}));
  EXPECT_EQ(whole.nodes.size(), program.nodes.size());
  EXPECT_EQ(whole.program.arguments.Values(), std::vector<ValueId>{whole.Inputs()[0]});
  ASSERT_EQ(whole.program.mutations.size(), 1u);
  EXPECT_EQ(whole.program.value(whole.program.mutations[0].target).name, "b_steps");
  whole.program.Validate();
}

TEST(FragmentTest, LongProgramsAreCutFast) {
  Program program;
  ValueId last = AddLeaf(program, ValueKind::kInput, "x", {4});
  for (int i = 0; i < 5000; ++i) {
    last = AddNode(program, "v" + std::to_string(i), "aten.relu.default", {ValueRef{last}}, {4});
  }
  program.result = Tree{.value = last};
  for (int32_t i = 0; i + 1 < 5000; ++i) EXPECT_TRUE(IsConvex(program, {i, i + 1}));
  for (int32_t i = 0; i < 1000; i += 10) EXPECT_EQ(ExtractFragment(program, {i, i + 1}, "f").program.nodes.size(), 2u);
  EXPECT_EQ(WholeProgram(program).nodes.size(), 5000u);
}

}  // namespace
}  // namespace drtriton
