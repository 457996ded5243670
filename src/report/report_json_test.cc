#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "report/test_report.h"

namespace drtriton {
namespace {

TEST(ReportJson, HoldsStepsTimingsAndCandidates) {
  Json json = ReportJson(SmallReport());
  EXPECT_EQ(json["format"], "drtriton.report/1");
  EXPECT_EQ(json["steps"].size(), 2u);
  EXPECT_EQ(json["steps"][0]["fragment"], "f00_linear_relu");
  EXPECT_EQ(json["steps"][1]["why"], "no template covers it");
  EXPECT_EQ(json["timings"][1]["failure"], "no compiler");
  EXPECT_TRUE(json["timings"][1]["device_ms"].is_null());
  ASSERT_EQ(json["tried"].size(), 1u);
  EXPECT_EQ(json["tried"][0]["kind"], json["steps"][0]["kind"]);
}

TEST(ReportJson, NothingWrittenMeansNoOutput) {
  ConversionReport report = SmallReport();
  report.written = false;
  EXPECT_TRUE(ReportJson(report)["output"].is_null());
}

}  // namespace
}  // namespace drtriton
