#include "search/refine.h"

#include <gtest/gtest.h>

#include "search/split_views.h"
#include "search/test_search.h"

namespace drtriton {
namespace {

const std::set<std::string> kUsual = {"aten.silu.default", "aten.relu.default"};

// Prices a composition by the sources of its kernels.
class TableTimer : public CompositionTimer {
 public:
  explicit TableTimer(std::map<std::string, double> prices) : prices_(std::move(prices)) {}
  std::vector<std::optional<double>> TimeAll(const std::vector<Composition>& compositions, double) override {
    std::vector<std::optional<double>> times;
    for (const Composition& composition : compositions) {
      double sum = 0;
      for (const CompositionStep& step : composition.steps) {
        const auto* kernel = std::get_if<KernelStep>(&step);
        sum += kernel != nullptr ? prices_.at(kernel->proposal.source) : 1.0;
      }
      times.push_back(sum);
    }
    return times;
  }

 private:
  std::map<std::string, double> prices_;
};

class RefineTest : public testing::Test {
 protected:
  // One region, silu(x), with two accepted schedules that cost the same when timed alone.
  void SetUp() override {
    ValueId x = AddLeaf(program_, ValueKind::kInput, "x", {64, 32});
    SetResult(program_, {AddUnary(program_, "silu", "aten.silu.default", x)});
    plan_ = PlanRegions(SplitViews(program_), {&proposer_}, false, {}, fragments_);
    FragmentRecord& record = fragments_.begin()->second;
    record.eager_ms = 0.6;
    for (const char* name : {"first", "second"}) {
      Choice choice;
      choice.proposal.source = name;
      choice.cost_ms = 0.5;
      record.choices.push_back(choice);
    }
  }

  std::string SourceAfter(std::map<std::string, double> prices) {
    TableTimer timer(std::move(prices));
    Decisions decisions = Refine(plan_, DecideByCost(plan_, fragments_), fragments_, timer, Budget(60));
    const Composition composition = Compose(plan_, decisions, fragments_);
    const auto* kernel = std::get_if<KernelStep>(&composition.steps[0]);
    return kernel != nullptr ? kernel->proposal.source : "PyTorch";
  }

  Program program_;
  FakeProposer proposer_{kUsual};
  std::map<std::string, FragmentRecord> fragments_;
  SearchPlan plan_;
};

TEST_F(RefineTest, KeepsTheBaseWhereNothingHelps) {
  EXPECT_EQ(SourceAfter({{"first", 0.5}, {"second", 0.5}}), "first");
}

TEST_F(RefineTest, TakesWhatIsFasterInsideTheComposition) {
  EXPECT_EQ(SourceAfter({{"first", 0.5}, {"second", 0.4}}), "second");
}

TEST_F(RefineTest, GoesBackToPyTorchWhereKernelsLoseInside) {
  EXPECT_EQ(SourceAfter({{"first", 1.2}, {"second", 1.1}}), "PyTorch");
}

}  // namespace
}  // namespace drtriton
