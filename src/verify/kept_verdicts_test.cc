#include "verify/kept_verdicts.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "graph/test_programs.h"

namespace drtriton {
namespace {

class KeptVerdictsTest : public testing::Test {
 protected:
  KeptVerdictsTest() : store_(folder_.path() / "store.sqlite") {
    fragment_ = WholeProgram(LinearRelu());
    request_.fragment = &fragment_;
    request_.source = "def launch(): pass";
    judgement_.verdict = Verdict::Rejected(Stage::kNumerics, "wrong_values", "off by one");
    judgement_.plan = LaunchPlan{};
  }

  ScratchFolder folder_;
  Store store_;
  Fragment fragment_;
  CompileRequest request_;
  Judgement judgement_;
};

TEST_F(KeptVerdictsTest, GivesBackWhatWasKept) {
  KeptVerdicts kept(&store_, "interpreter", {});
  EXPECT_FALSE(kept.Find(request_));
  kept.Keep(request_, judgement_);
  std::optional<Judgement> found = kept.Find(request_);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->verdict.reason, "off by one");
  EXPECT_TRUE(found->plan);
}

TEST_F(KeptVerdictsTest, AnythingThatMattersMakesAnotherKey) {
  KeptVerdicts(&store_, "interpreter", {}).Keep(request_, judgement_);
  EXPECT_FALSE(KeptVerdicts(&store_, "NVIDIA H200", {}).Find(request_));
  EXPECT_FALSE(KeptVerdicts(&store_, "interpreter", {.seed = 1}).Find(request_));
  EXPECT_FALSE(KeptVerdicts(&store_, "interpreter", {.compile_only = true}).Find(request_));
  CompileRequest other = request_;
  other.source += "\n";
  EXPECT_FALSE(KeptVerdicts(&store_, "interpreter", {}).Find(other));
}

TEST_F(KeptVerdictsTest, ErrorsAndTimeoutsAreJudgedAgain) {
  KeptVerdicts kept(&store_, "interpreter", {});
  judgement_.verdict = Verdict::Error(Stage::kRun, "interrupted", "");
  kept.Keep(request_, judgement_);
  judgement_.verdict = Verdict::Rejected(Stage::kCompile, "timeout", "");
  kept.Keep(request_, judgement_);
  EXPECT_FALSE(kept.Find(request_));
}

TEST_F(KeptVerdictsTest, WithoutAStoreNothingIsKept) {
  KeptVerdicts kept(nullptr, "interpreter", {});
  kept.Keep(request_, judgement_);
  EXPECT_FALSE(kept.Find(request_));
}

}  // namespace
}  // namespace drtriton
