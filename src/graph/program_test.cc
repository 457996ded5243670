#include "graph/program.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "graph/test_programs.h"

namespace drtriton {
namespace {

TEST(ShapeTest, ContiguousStridesCountEmptyDimensionsAsOne) {
  EXPECT_EQ(ContiguousStrides({2, 3, 4}), (Shape{12, 4, 1}));
  EXPECT_EQ(ContiguousStrides({2, 0, 4}), (Shape{4, 4, 1}));
  EXPECT_EQ(ContiguousStrides({}), Shape{});
}

TEST(ShapeTest, ContiguityIgnoresDimensionsOfSizeOne) {
  EXPECT_TRUE(IsContiguous({2, 1, 4}, {4, 77, 1}));
  EXPECT_FALSE(IsContiguous({2, 4}, {1, 2}));
  EXPECT_TRUE(IsContiguous({0, 4}, {9, 9}));
}

TEST(ShapeTest, StorageExtentOfViews) {
  EXPECT_EQ(StorageExtent({2, 3}, {3, 1}), 6);
  EXPECT_EQ(StorageExtent({2, 3}, {8, 2}), 13);
  EXPECT_EQ(StorageExtent({5, 3}, {0, 1}), 3);
  EXPECT_EQ(StorageExtent({0, 3}, {3, 1}), 0);
  EXPECT_EQ(StorageExtent({}, {}), 1);
}

TEST(ProgramTest, ResultsAreLeavesThenMutations) {
  const Program program = LinearRelu();
  EXPECT_EQ(program.Results(), (std::vector<ValueId>{5, 4, 6}));
  EXPECT_EQ(program.Leaves(), (std::vector<ValueId>{0, 1, 2, 3}));
}

TEST(ProgramTest, UsersListEachReaderOnce) {
  Program program;
  const ValueId x = AddLeaf(program, ValueKind::kInput, "x", {2});
  AddNode(program, "y", "aten.mul.Tensor", {ValueRef{x}, ValueRef{x}}, {2});
  AddNode(program, "z", "aten.cat.default", {AttrList{ValueRef{x}, ValueRef{1}}, 0}, {4});
  EXPECT_EQ(program.Users()[0], (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(program.nodes[1].Inputs(), (std::vector<ValueId>{0, 1}));
}

TEST(ProgramTest, WellFormedProgramPasses) { EXPECT_NO_THROW(LinearRelu().Validate()); }

TEST(ProgramTest, ValidateNamesTheBrokenRule) {
  struct Case {
    std::function<void(Program&)> damage;
    const char* mention;
  };
  const Case cases[] = {
      {[](Program& p) { p.values[0].name = "2x"; }, "identifier"},
      {[](Program& p) { p.values[0].name = "lambda"; }, "identifier"},
      {[](Program& p) { p.values[1].name = "x"; }, "twice"},
      {[](Program& p) { p.values[0].strides = {1}; }, "stride count"},
      {[](Program& p) {
         p.values[0].shape = {-1, 3};
       },
       "negative size"},
      {[](Program& p) {
         p.values[0].strides = {-3, 1};
       },
       "negative stride"},
      {[](Program& p) {
         p.values[0].shape = {int64_t{1} << 40, int64_t{1} << 40};
       },
       "larger than"},
      {[](Program& p) { p.values[0].node = 0; }, "leaf but names"},
      {[](Program& p) { p.values[1].target.clear(); }, "no target"},
      {[](Program& p) { p.values[2].target = "p_weight"; }, "shares its target"},
      {[](Program& p) { p.values[4].node = 9; }, "producing node that does not exist"},
      {[](Program& p) { p.values[4].output_index = 1; }, "not listed by its producer"},
      {[](Program& p) { p.nodes[0].op = "linear"; }, "operator name"},
      {[](Program& p) { p.nodes[0].args[0] = ValueRef{99}; }, "does not exist"},
      {[](Program& p) { p.nodes[0].args[0] = ValueRef{5}; }, "before it is computed"},
      {[](Program& p) { p.nodes[0].outputs = {}; }, "not listed"},
      {[](Program& p) { p.inputs.clear(); }, "lack the input 'x'"},
      {[](Program& p) { p.inputs.push_back(0); }, "twice"},
      {[](Program& p) { p.inputs.push_back(4); }, "a node's result"},
      {[](Program& p) { p.result.children[0].value = -1; }, "result holds value -1"},
      {[](Program& p) { p.result.children[0].alias_of = 99; }, "aliases"},
      {[](Program& p) { p.result.kind = Tree::Kind::kDict; }, "keys"},
      {[](Program& p) { p.arguments.children[0].value = 4; }, "not an input"},
      {[](Program& p) { p.mutations[0].target = 4; }, "neither an input nor a buffer"},
      {[](Program& p) { p.mutations[0].value = 5; }, "dtype or shape"},
      {[](Program& p) { p.mutations.push_back(p.mutations[0]); }, "twice"},
  };
  for (const Case& c : cases) {
    Program program = LinearRelu();
    c.damage(program);
    try {
      program.Validate();
      ADD_FAILURE() << "nothing said about: " << c.mention;
    } catch (const InternalError& error) {
      EXPECT_NE(std::string(error.what()).find(c.mention), std::string::npos)
          << error.what() << " lacks: " << c.mention;
    }
  }
}

}  // namespace
}  // namespace drtriton
