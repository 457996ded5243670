#include "verify/other_batch.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

Verdict Accepted() {
  Verdict verdict;
  verdict.outcome = Outcome::kAccepted;
  verdict.stage = Stage::kDone;
  return verdict;
}

TEST(OtherBatchTest, AWrongResultThereIsARejectionThatNamesTheBatch) {
  Verdict verdict = Accepted();
  TakeOtherBatch(Verdict::Rejected(Stage::kNumerics, "unwritten", "element [2, 0] is NaN"), 16, 3, &verdict);
  EXPECT_EQ(verdict.outcome, Outcome::kRejected);
  EXPECT_EQ(verdict.code, "wrong_batch");
  EXPECT_EQ(verdict.stage, Stage::kNumerics);
  EXPECT_NE(verdict.reason.find("at a batch of 3"), std::string::npos);
}

TEST(OtherBatchTest, RefusingOtherSizesIsNotWrong) {
  for (const Verdict& other : {Verdict::Rejected(Stage::kCompile, "launcher_error", "assert"), Verdict::Rejected(Stage::kRules, "no_kernel", ""),
                               Verdict::Rejected(Stage::kRun, "timeout", ""), Verdict::Error(Stage::kDone, "internal", "")}) {
    Verdict verdict = Accepted();
    TakeOtherBatch(other, 16, 3, &verdict);
    EXPECT_TRUE(verdict.accepted()) << other.code;
  }
}

TEST(OtherBatchTest, ARejectedCandidateKeepsItsReason) {
  Verdict verdict = Verdict::Rejected(Stage::kNumerics, "wrong_values", "first");
  TakeOtherBatch(Verdict::Rejected(Stage::kNumerics, "wrong_nan", "second"), 16, 3, &verdict);
  EXPECT_EQ(verdict.code, "wrong_values");
}

TEST(OtherBatchTest, VendorStepsAreAllowedThere) {
  CompileRequest request;
  request.strict = true;
  EXPECT_FALSE(AtOtherBatch(request, nullptr).strict);
}

}  // namespace
}  // namespace drtriton
