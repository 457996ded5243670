#include "graph/plain_arguments.h"

#include <gtest/gtest.h>

#include "graph/test_programs.h"

namespace drtriton {
namespace {

TEST(PlainArgumentsTest, DimensionsCountFromTheFront) {
  Program program;
  const ValueId x = AddLeaf(program, ValueKind::kInput, "x", {2, 3});
  AddNode(program, "y", "aten.softmax.int", {ValueRef{x}, -1}, {2, 3});
  AddNode(program, "z", "aten.unsqueeze.default", {ValueRef{x}, -1}, {2, 3, 1});
  EXPECT_EQ(PlainArguments(program, program.nodes[0])[1], Attr(1));
  EXPECT_EQ(PlainArguments(program, program.nodes[1])[1], Attr(2));
}

TEST(PlainArgumentsTest, WhatIsNotGivenHasItsDefault) {
  Program program;
  const ValueId x = AddLeaf(program, ValueKind::kInput, "x", {8});
  AddNode(program, "y", "aten.slice.Tensor", {ValueRef{x}, 0, Attr(), Attr()}, {8});
  const AttrList args = PlainArguments(program, program.nodes[0]);
  ASSERT_EQ(args.size(), 5u);
  EXPECT_EQ(args[2], Attr(0));
  EXPECT_EQ(args[4], Attr(1));
}

TEST(PlainArgumentsTest, OnlyWhatNamesADimensionIsCounted) {
  Program program;
  const ValueId x = AddLeaf(program, ValueKind::kInput, "x", {2, 3});
  AddNode(program, "y", "aten.add.Tensor", {ValueRef{x}, -1, 1}, {2, 3});
  EXPECT_EQ(PlainArguments(program, program.nodes[0])[1], Attr(-1));
}

}  // namespace
}  // namespace drtriton
