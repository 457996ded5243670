// Plans for y = relu(x) over 64 elements and what they prove; a Program that moves data; results that share memory.
#include "verify/plan_rules.h"

#include <gtest/gtest.h>

#include "graph/test_programs.h"

namespace drtriton {
namespace {

TensorView View(int32_t buffer) { return {buffer, DType::kFloat32, {64}, {1}, 0}; }

Fragment OneNode(const char* op, const char* schema) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {64});
  ValueId y = AddNode(program, "y", op, {ValueRef{x}}, {64}, DType::kFloat32, schema);
  program.result = Tree{.value = y};
  return WholeProgram(program);
}

Fragment Relu() { return OneNode("aten.relu.default", "aten::relu(Tensor self) -> Tensor"); }

// Buffer 0 is the input, 1 to 3 are allocated; the kernel reads its first argument and writes its second.
LaunchPlan Plan(std::vector<PlanStep> steps, int32_t result) {
  LaunchPlan plan;
  plan.buffers = {{BufferKind::kInput, 0, 256}, {BufferKind::kAllocated, -1, 256}, {BufferKind::kAllocated, -1, 256}, {BufferKind::kAllocated, -1, 256}};
  plan.kernels.emplace_back();
  plan.kernels[0].params = {ParamType::kPointer, ParamType::kPointer};
  plan.kernels[0].reads = {0};
  plan.kernels[0].writes = {1};
  plan.steps = std::move(steps);
  plan.results = {View(result)};
  return plan;
}

LaunchStep Launch(int32_t from, int32_t to) { return {0, {1, 1, 1}, {PointerArg{from, 0, std::nullopt}, PointerArg{to, 0, std::nullopt}}}; }
CopyStep Copy(int32_t from, int32_t to) { return {View(from), View(to)}; }
FillStep Fill(int32_t to) { return {View(to), Attr(0.0)}; }
VendorStep Vendor(int32_t from, int32_t to) { return {"aten.relu.default", {}, {View(from)}, {View(to)}}; }

std::string Code(const LaunchPlan& plan, const Fragment& fragment, bool strict = true) {
  std::optional<CompileFailure> broken = BrokenRule(plan, fragment, strict);
  return broken ? broken->code : "";
}

TEST(PlanRulesTest, AKernelsResultIsAccepted) {
  EXPECT_EQ(Code(Plan({Launch(0, 1)}, 1), Relu()), "");
  EXPECT_EQ(Code(Plan({Launch(0, 1), Copy(1, 2)}, 2), Relu()), "");
  EXPECT_EQ(Code(Plan({Fill(1), Launch(0, 1)}, 1), Relu()), "");
  EXPECT_EQ(Code(Plan({Copy(0, 1), Launch(1, 1)}, 1), Relu()), "");
  EXPECT_EQ(Code(Plan({Launch(0, 3), Launch(0, 1)}, 1), Relu()), "") << "a launch beside it, as for warming up";
}

TEST(PlanRulesTest, AResultWithoutAKernelIsNot) {
  EXPECT_EQ(Code(Plan({Copy(0, 1)}, 1), Relu()), "no_kernel");
  EXPECT_EQ(Code(Plan({Launch(0, 1)}, 2), Relu()), "unused_kernel");
  EXPECT_EQ(Code(Plan({Launch(0, 1), Copy(0, 2)}, 2), Relu()), "unused_kernel");
  EXPECT_EQ(Code(Plan({Launch(0, 1), Copy(0, 1)}, 1), Relu()), "unused_kernel") << "overwritten";
}

TEST(PlanRulesTest, AKernelMustReadAnInput) {
  EXPECT_EQ(Code(Plan({Launch(3, 1)}, 1), Relu()), "unused_kernel");
  EXPECT_EQ(Code(Plan({Fill(3), Launch(3, 1)}, 1), Relu()), "unused_kernel");
  EXPECT_EQ(Code(Plan({Launch(0, 3), Launch(3, 1)}, 1), Relu()), "");
}

TEST(PlanRulesTest, VendorStepsAreForHybrid) {
  EXPECT_EQ(Code(Plan({Vendor(0, 1)}, 1), Relu()), "torch_compute");
  EXPECT_EQ(Code(Plan({Vendor(0, 1)}, 1), Relu(), false), "no_kernel");
  EXPECT_EQ(Code(Plan({Vendor(0, 1), Launch(0, 2)}, 1), Relu(), false), "unused_kernel");
  EXPECT_EQ(Code(Plan({Vendor(0, 1), Launch(1, 2)}, 2), Relu(), false), "");
}

TEST(PlanRulesTest, AProgramThatMovesDataMayBeMoved) {
  Fragment clone = OneNode("aten.clone.default", "aten::clone(Tensor self, *, MemoryFormat? memory_format=None) -> Tensor");
  EXPECT_EQ(Code(Plan({Copy(0, 1)}, 1), clone), "");
  EXPECT_EQ(Code(Plan({Launch(0, 1)}, 1), clone), "");
}

TEST(PlanRulesTest, MemoryIsSharedWhereTheProgramSharesIt) {
  EXPECT_EQ(Code(Plan({Launch(0, 0)}, 0), Relu()), "wrong_alias");
  Fragment alias = Relu();
  alias.program.result.alias_of = alias.program.inputs[0];
  EXPECT_EQ(Code(Plan({Launch(0, 0)}, 0), alias), "");
  EXPECT_EQ(Code(Plan({Launch(0, 1)}, 1), alias), "wrong_alias");
}

TEST(PlanRulesTest, AForgedPlanMayHaveAnything) {
  LaunchPlan plan = Plan({Launch(0, 1)}, 1);
  plan.results.clear();
  EXPECT_EQ(Code(plan, Relu()), "wrong_result_count");
  plan = Plan({Launch(0, 1)}, 1);
  plan.kernels[0].reads = plan.kernels[0].writes = {7};
  EXPECT_EQ(Code(plan, Relu()), "unused_kernel");
  plan = Plan({Launch(0, 1)}, 1);
  plan.buffers[0].input = 9;
  EXPECT_EQ(Code(plan, Relu()), "");
}

}  // namespace
}  // namespace drtriton
