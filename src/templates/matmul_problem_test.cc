#include "templates/matmul_problem.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "graph/test_programs.h"
#include "templates/lower.h"
#include "templates/matmul_cases.h"

namespace drtriton {
namespace {

// A case read as a problem; keeps alive what the problem points into.
struct Reading {
  explicit Reading(Program program) : fragment(WholeProgram(program)), lowered(Lower(fragment, LeafReading::kShared)) {
    if (auto* found = std::get_if<Lowered>(&lowered)) {
      read = ReadMatmul(*found);
    } else {
      read = std::get<std::string>(lowered);
    }
  }
  explicit Reading(const std::string& name) : Reading(ProgramOf(name)) {}

  static Program ProgramOf(const std::string& name) {
    for (MatmulCase& one : SmallMatmulCases()) {
      if (one.name == name) return one.program;
    }
    throw InternalError("no such case: " + name);
  }
  const MatmulProblem& problem() const { return std::get<MatmulProblem>(read); }
  std::string reason() const { return std::holds_alternative<std::string>(read) ? std::get<std::string>(read) : ""; }

  Fragment fragment;
  std::variant<Lowered, std::string> lowered;
  std::variant<MatmulProblem, std::string> read;
};

TEST(MatmulProblem, EverySharedCaseIsCovered) {
  for (const MatmulCase& one : SmallMatmulCases()) EXPECT_EQ(Reading(one.program).reason(), "") << one.name;
  for (const MatmulCase& one : RealMatmulCases()) EXPECT_EQ(Reading(one.program).reason(), "") << one.name;
}

TEST(MatmulProblem, LeadingDimensionsAreRows) {
  Reading reading("bias_gelu_f32");
  const MatmulProblem& problem = reading.problem();
  EXPECT_EQ(problem.m, 3 * 37);
  EXPECT_EQ(problem.n, 72);
  EXPECT_EQ(problem.k, 72);
  EXPECT_EQ(problem.batch, 1);
}

TEST(MatmulProblem, OneGroupOfTwoProductsForSwiglu) {
  Reading reading("swiglu");
  ASSERT_EQ(reading.problem().groups.size(), 1u);
  EXPECT_EQ(reading.problem().groups[0].anchors.size(), 2u);
}

TEST(MatmulProblem, ThreeGroupsForQueryKeyValue) {
  Reading reading("qkv_heads");
  ASSERT_EQ(reading.problem().groups.size(), 3u);
  for (const MatmulGroup& group : reading.problem().groups) EXPECT_EQ(group.stores.size(), 1u);
}

TEST(MatmulProblem, BatchThatOneOperandLacksIsFolded) {
  Reading reading("matmul_broadcast");
  EXPECT_EQ(reading.problem().batch, 2);
  EXPECT_EQ(reading.problem().m, 3 * 40);
}

TEST(MatmulProblem, AWeightIsAMatrixWithColumnsAlongK) {
  Reading reading("swiglu");
  const auto& matrix = reading.problem().groups[0].anchors[0].b.matrix;
  ASSERT_TRUE(matrix.has_value());
  EXPECT_FALSE(matrix->k_is_row);
  EXPECT_EQ(matrix->rows, 48);
  EXPECT_EQ(matrix->columns, 64);
}

TEST(MatmulProblem, APlainRightOperandHasRowsAlongK) {
  Reading reading("addmm_beta_alpha");
  const auto& matrix = reading.problem().groups[0].anchors[0].b.matrix;
  ASSERT_TRUE(matrix.has_value());
  EXPECT_TRUE(matrix->k_is_row);
}

TEST(MatmulProblem, UnalignedRowsHaveNoDescriptor) {
  Reading reading("bmm_scale_9");
  EXPECT_FALSE(reading.problem().groups[0].anchors[0].b.matrix.has_value());
}

TEST(MatmulProblem, APrologueIsNotPlain) {
  Reading reading("prologue_silu_k64");
  EXPECT_FALSE(reading.problem().a.plain);
  EXPECT_GT(reading.problem().a.scalar_cost, 0);
  EXPECT_TRUE(reading.problem().groups[0].anchors[0].b.plain);
}

// What is refused, by what the reason mentions.
Program Chain() {
  Program program;
  const ValueId x = AddLeaf(program, ValueKind::kInput, "x", {16, 16}),
                y = AddLeaf(program, ValueKind::kInput, "y", {16, 16});
  const ValueId v = AddLeaf(program, ValueKind::kInput, "v", {16, 16});
  const ValueId z = AddNode(program, "z", "aten.mm.default", {ValueRef{x}, ValueRef{y}}, {16, 16});
  const ValueId w = AddNode(program, "w", "aten.mm.default", {ValueRef{z}, ValueRef{v}}, {16, 16});
  program.result = Tree{.kind = Tree::Kind::kTuple, .children = {Tree{.value = w}}};
  return program;
}

Program OfType(DType dtype) {
  Program program;
  const ValueId x = AddLeaf(program, ValueKind::kInput, "x", {16, 16}, dtype);
  const ValueId y = AddLeaf(program, ValueKind::kInput, "y", {16, 16}, dtype);
  const ValueId z = AddNode(program, "z", "aten.mm.default", {ValueRef{x}, ValueRef{y}}, {16, 16}, dtype);
  program.result = Tree{.kind = Tree::Kind::kTuple, .children = {Tree{.value = z}}};
  return program;
}

Program WithSideResult() {
  Program program;
  const ValueId x = AddLeaf(program, ValueKind::kInput, "x", {16, 32}),
                y = AddLeaf(program, ValueKind::kInput, "y", {32, 8});
  const ValueId s = AddNode(program, "s", "aten.relu.default", {ValueRef{x}}, {16, 32});
  const ValueId z = AddNode(program, "z", "aten.mm.default", {ValueRef{s}, ValueRef{y}}, {16, 8});
  program.result = Tree{.kind = Tree::Kind::kTuple, .children = {Tree{.value = s}, Tree{.value = z}}};
  return program;
}

TEST(MatmulProblem, RefusesWithAReason) {
  const std::pair<Program, std::string> cases[] = {
      {Chain(), "another one's result"},
      {OfType(DType::kFloat64), "no matrix product"},   // sums of products, the row family's
      {OfType(DType::kInt32), "no matrix product"},
      {WithSideResult(), "not shaped like"},
  };
  for (const auto& [program, mentioned] : cases) {
    EXPECT_NE(Reading(program).reason().find(mentioned), std::string::npos) << Reading(program).reason();
  }
}

}  // namespace
}  // namespace drtriton
