#include "report/kernel_groups.h"

#include <gtest/gtest.h>

#include "report/test_report.h"

namespace drtriton {
namespace {

Composition ThreeSteps() {
  Composition composition = SmallReport().composition;
  auto again = std::get<KernelStep>(composition.steps[0]);
  again.fragment.id = "f07_linear_relu_1";
  composition.steps.push_back(again);
  again.fragment.id = "f09_other";
  again.kind = "other";
  composition.steps.push_back(again);
  return composition;
}

TEST(GroupKernels, StepsOfOneKindAndSourceAreOneGroup) {
  Composition composition = ThreeSteps();
  std::vector<KernelGroup> groups = GroupKernels(composition);
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0].steps.size(), 2u);
  EXPECT_EQ(groups[0].anchor(), "f00_linear_relu");
  EXPECT_DOUBLE_EQ(groups[0].TotalMs(), 0.02);
  EXPECT_EQ(groups[1].number, 2);
}

TEST(GroupKernels, OperatorsComeFromThePlanElseFromTheFragment) {
  Composition composition = SmallReport().composition;
  auto& step = std::get<KernelStep>(composition.steps[0]);
  EXPECT_EQ(GroupKernels(composition)[0].Operators(), (std::vector<std::string>{"linear", "relu"}));
  step.proposal.kernels.clear();
  EXPECT_EQ(GroupKernels(composition)[0].Operators(), (std::vector<std::string>{"linear", "relu"}));
}

}  // namespace
}  // namespace drtriton
