#include "report/coverage_html.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace drtriton {
namespace {

Json Sample() {
  return Json::parse(R"({"ops": 2, "seed": 7, "law": "uniform", "size": "tiny", "programs": 1200,
    "operators": {"aten.relu.default": 900, "aten.linear.default": 1500, "aten.sin.default": 0},
    "kinds": {"aten.relu.default": "pointwise", "aten.linear.default": "matmul", "aten.sin.default": "pointwise"},
    "never": ["aten.sin.default"],
    "pairs": [["aten.linear.default", "aten.relu.default", 700], ["aten.relu.default", "aten.relu.default", 2]],
    "ranks": {"2": 3000}, "dtypes": {"float32": 3000}, "depth": {"1": 300, "2": 900}, "width": {"1": 1200}, "inputs": {"1": 1200},
    "parameters": {"0": 1200}, "results": {"1": 1200}, "largest": {"1024": 1200}, "roofline_us": {"0": 1200},
    "splits": {"train": 1200}, "glue": {}})");
}

TEST(CoverageHtml, ShowsWhatWasCounted) {
  const std::string html = CoverageHtml(Sample());
  EXPECT_TRUE(html.starts_with("<!doctype html>"));
  for (const char* text : {"2 of 3", "1 200", "<code>aten.linear.default</code>", "Pairs", "pointwise", "Ranks of tensors", "float32"}) {
    EXPECT_NE(html.find(text), html.npos) << text;
  }
}

TEST(CoverageHtml, NeedsNothingFromElsewhere) {
  const std::string html = CoverageHtml(Sample());
  for (const char* text : {"http:", "https:", "src=", "<link", "<script"}) EXPECT_EQ(html.find(text), html.npos) << text;
}

// Rows are producers, columns consumers, both by kind and then name: linear is before relu.
TEST(CoverageHtml, DrawsAPairAtItsPlace) {
  const std::string html = CoverageHtml(Sample());
  EXPECT_NE(html.find("M4 0h4v4h-4z"), html.npos);  // linear feeds relu
  EXPECT_NE(html.find("M4 4h4v4h-4z"), html.npos);  // relu feeds relu
}

}  // namespace
}  // namespace drtriton
