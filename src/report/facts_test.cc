#include <gtest/gtest.h>

#include "report/test_report.h"

namespace drtriton {
namespace {

const KernelStep& Step(const ConversionReport& report) { return std::get<KernelStep>(report.composition.steps[0]); }

TEST(FactsOf, CountsInputsAndResultsOnce) {
  ConversionReport report = SmallReport();
  // x 2x3, weight 4x3, bias 4 in; linear's and relu's results 2x4 out, all float32.
  EXPECT_EQ(FactsOf(Step(report), report.device).bytes, 4.0 * (6 + 12 + 4 + 8 + 8));
}

TEST(FactsOf, RatesFollowFromTheTime) {
  ConversionReport report = SmallReport();
  KernelFacts facts = FactsOf(Step(report), report.device);
  EXPECT_DOUBLE_EQ(*facts.bytes_per_us, facts.bytes / 10.0);
  EXPECT_GT(*facts.roofline_share, 0);
  EXPECT_LT(*facts.roofline_share, 1);
}

TEST(FactsOf, WithoutATimeThereAreNoRates) {
  ConversionReport report = SmallReport();
  std::get<KernelStep>(report.composition.steps[0]).verdict.time_ms.reset();
  KernelFacts facts = FactsOf(Step(report), report.device);
  EXPECT_FALSE(facts.bytes_per_us || facts.flops_per_us || facts.roofline_share);
}

}  // namespace
}  // namespace drtriton
