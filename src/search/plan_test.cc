#include "search/plan.h"

#include <gtest/gtest.h>

#include "search/split_views.h"
#include "search/test_search.h"

namespace drtriton {
namespace {

const std::set<std::string> kUsual = {"aten.linear.default", "aten.silu.default", "aten.mul.Tensor"};

struct Planned {
  explicit Planned(const Program& program) : plan(PlanRegions(SplitViews(program), {&proposer}, false, {}, fragments)) {}
  void Accept(const std::string& key, double time_ms, double eager_ms) {
    Choice choice;
    choice.proposal.source = key;
    choice.cost_ms = time_ms;
    fragments.at(key).choices.push_back(choice);
    fragments.at(key).eager_ms = eager_ms;
  }
  FakeProposer proposer{kUsual, 2};
  std::map<std::string, FragmentRecord> fragments;
  SearchPlan plan;
};

TEST(PlanRegions, EqualRegionsShareTheirFragments) {
  Program program;
  ValueId x = AddLeaf(program, ValueKind::kInput, "x", {64, 32});
  for (const char* name : {"a", "b", "c"}) {
    x = AddUnary(program, std::string("silu_") + name, "aten.silu.default", AddLinear(program, name, x, 32));
  }
  SetResult(program, {x});
  Planned planned(program);
  ASSERT_EQ(planned.plan.regions.size(), 3u);
  EXPECT_EQ(planned.plan.regions[0].kind, planned.plan.regions[2].kind);
  EXPECT_EQ(planned.fragments.size(), 2u);   // linear + silu, and silu behind a vendor product
}

TEST(DecideByCost, TakesTheFusedKernelWhereItIsFaster) {
  Planned planned(GatedPerceptron());
  const PlannedRegion& region = planned.plan.regions[0];
  planned.Accept(region.keys[0][0], 0.5, 1.0);
  EXPECT_EQ(DecideByCost(planned.plan, planned.fragments).at(region.kind).option, 0u);
}

TEST(DecideByCost, KeepsPyTorchWhereTheFusedKernelIsSlower) {
  Planned planned(GatedPerceptron());
  const PlannedRegion& region = planned.plan.regions[0];
  planned.Accept(region.keys[0][0], 1.5, 1.0);
  Decision decision = DecideByCost(planned.plan, planned.fragments).at(region.kind);
  EXPECT_EQ(region.options[decision.option].label, "PyTorch");
}

TEST(DecideByCost, PricesTheVendorsShareAsWhatRemains) {
  Planned planned(GatedPerceptron());
  const PlannedRegion& region = planned.plan.regions[0];
  planned.Accept(region.keys[0][0], 0.9, 1.0);
  planned.Accept(region.keys[1][2], 0.05, 0.3);   // silu * up fused, behind vendor products: 0.7 + 0.05
  EXPECT_NEAR(OptionCost(region, 1, planned.fragments), 0.75, 1e-12);
  EXPECT_EQ(DecideByCost(planned.plan, planned.fragments).at(region.kind).option, 1u);
}

TEST(Compose, HoldsEveryNodeOnceInARunnableOrder) {
  Planned planned(GatedPerceptron());
  const PlannedRegion& region = planned.plan.regions[0];
  planned.Accept(region.keys[0][0], 0.5, 1.0);
  Composition composition =
      Compose(planned.plan, DecideByCost(planned.plan, planned.fragments), planned.fragments);
  ASSERT_EQ(composition.steps.size(), 2u);
  EXPECT_EQ(std::get<KernelStep>(composition.steps[0]).fragment.nodes.size(), 4u);
  EXPECT_EQ(std::get<TorchStep>(composition.steps[1]).node, 4);
  EXPECT_TRUE(composition.HasKernels());
}

}  // namespace
}  // namespace drtriton
