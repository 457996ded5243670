#include "search/search.h"

#include <gtest/gtest.h>

#include "search/split_views.h"
#include "search/test_search.h"

namespace drtriton {
namespace {

const std::set<std::string> kUsual = {"aten.linear.default", "aten.silu.default", "aten.mul.Tensor"};

// Accepts what `accept` says, with a time from its table.
class FakeJudge : public Judge {
 public:
  std::function<bool(const Candidate&)> accept = [](const Candidate&) { return true; };
  bool timed = true;
  int judged = 0;

  std::vector<Judgement> JudgeAll(const std::vector<Candidate>& candidates, const JudgeOptions& options,
                                  const std::function<void(size_t, const Judgement&)>& finished) override {
    std::vector<Judgement> judgements;
    for (size_t i = 0; i < candidates.size(); ++i) {
      Judgement judgement;
      if (options.enough && options.enough()) {
        judgement.verdict = Verdict::Error(Stage::kRun, "interrupted", "");
        judgements.push_back(judgement);
        continue;
      }
      ++judged;
      if (accept(candidates[i])) {
        judgement.verdict.outcome = Outcome::kAccepted;
        judgement.plan = LaunchPlan{};
      } else {
        judgement.verdict = Verdict::Rejected(Stage::kNumerics, "wrong_values", "off by one");
      }
      if (timed && options.timed) {
        judgement.verdict.time_ms = candidates[i].proposal->estimated_us / 1000;
        judgement.verdict.eager_ms = 1.0 * static_cast<double>(candidates[i].fragment->nodes.size());
      }
      judgements.push_back(judgement);
      if (finished) finished(i, judgement);
    }
    return judgements;
  }
};

SearchResult RunSearch(const Program& program, FakeJudge& judge, SearchOptions options = {}, double seconds = 60) {
  FakeProposer proposer(kUsual, 2);
  std::vector<const Proposer*> proposers{&proposer};
  Budget budget(seconds);
  return Search(SplitViews(program), proposers, judge, H200(), nullptr, budget, options);
}

TEST(Search, WhatWasNeverRightIsTriedLast) {
  FakeJudge judge;
  std::vector<bool> right_in_second_round;   // in the order of judging
  judge.accept = [&](const Candidate& candidate) {
    const bool right = candidate.fragment->id.find("silu") == std::string::npos;
    if (candidate.proposal->source.find("schedule 2") != std::string::npos) right_in_second_round.push_back(right);
    return right;
  };
  RunSearch(GatedPerceptron(), judge, {.proposals = 2});
  EXPECT_EQ(std::set<bool>(right_in_second_round.begin(), right_in_second_round.end()), (std::set<bool>{false, true}));
  EXPECT_TRUE(std::is_sorted(right_in_second_round.rbegin(), right_in_second_round.rend()));
}

TEST(Search, ComposesTheCheapestAcceptedCandidates) {
  FakeJudge judge;
  SearchResult result = RunSearch(GatedPerceptron(), judge);
  ASSERT_EQ(result.composition.steps.size(), 2u);
  const auto& first = std::get<KernelStep>(result.composition.steps[0]);
  EXPECT_NE(first.proposal.source.find("schedule 0"), std::string::npos);
  EXPECT_TRUE(result.refused.empty());
}

TEST(Search, EveryKernelLeadsToItsCandidates) {
  FakeJudge judge;
  SearchResult result = RunSearch(GatedPerceptron(), judge);
  for (const CompositionStep& step : result.composition.steps) {
    const auto& kernel = std::get<KernelStep>(step);
    const std::vector<TriedCandidate>& tried = result.fragments.at(kernel.kind).attempts;
    EXPECT_FALSE(tried.empty());
    for (const TriedCandidate& candidate : tried) EXPECT_EQ(candidate.kind, kernel.kind);
  }
}

TEST(Search, ARejectedFragmentGoesToPyTorchWithTheReason) {
  FakeJudge judge;
  judge.accept = [](const Candidate&) { return false; };
  SearchResult result = RunSearch(GatedPerceptron(), judge);
  EXPECT_FALSE(result.composition.HasKernels());
  EXPECT_NE(result.regions[0].why.find("off by one"), std::string::npos);
}

TEST(Search, ARoundThatOutlivesTheBudgetIsCut) {
  FakeJudge judge;
  SearchResult result = RunSearch(GatedPerceptron(), judge, {}, 0);
  EXPECT_EQ(judge.judged, 0);
  EXPECT_FALSE(result.composition.HasKernels());
  EXPECT_NE(result.regions[0].why.find("time ended"), std::string::npos);
}

TEST(Search, StrictSaysWhatIsNotCovered) {
  FakeJudge judge;
  judge.accept = [](const Candidate&) { return false; };
  SearchResult result = RunSearch(GatedPerceptron(), judge, {.strict = true});
  EXPECT_FALSE(result.refused.empty());
}

TEST(Search, WithoutTimesTheFirstRightCandidateIsTaken) {
  FakeJudge judge;
  judge.accept = [](const Candidate& c) { return c.proposal->source.find("schedule 0") == std::string::npos; };
  SearchResult result = RunSearch(GatedPerceptron(), judge, {.timed = false});
  const auto& first = std::get<KernelStep>(result.composition.steps[0]);
  EXPECT_NE(first.proposal.source.find("schedule 1"), std::string::npos);
}

TEST(Search, ReducedFragmentsAreJudgedAndRealOnesCompiled) {
  FakeJudge judge;
  SearchOptions options{.timed = false};
  options.shrink = [](const Fragment& fragment) { return std::optional<Fragment>(fragment); };
  SearchResult result = RunSearch(GatedPerceptron(), judge, options);
  EXPECT_TRUE(result.reduced);
  EXPECT_TRUE(std::get<KernelStep>(result.composition.steps[0]).verdict.reduced_shapes);
}

}  // namespace
}  // namespace drtriton
