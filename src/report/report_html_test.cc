#include <gtest/gtest.h>

#include "report/test_report.h"

namespace drtriton {
namespace {

void ExpectMentions(const std::string& html, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) EXPECT_NE(html.find(text), std::string::npos) << text;
}

TEST(ReportHtml, ShowsTimesPlansErrorsAndSource) {
  ExpectMentions(ReportHtml(SmallReport()),
                 {"Verified: 1 Triton kernel.", "1.50×", "tf32x3", "Bound by memory.", "1.00e-07", "1 candidates judged",
                  "no template covers it", "0.01 ms against 0.02 ms", "no compiler"});
}

TEST(ReportHtml, EscapesWhatItQuotes) {
  std::string html = ReportHtml(SmallReport());
  ExpectMentions(html, {"a&lt;b&gt;.py", "if a &lt; b and c &gt; d: pass"});
  EXPECT_EQ(html.find("a<b>"), std::string::npos);
}

TEST(ReportHtml, NeedsNothingFromElsewhere) {
  std::string html = ReportHtml(SmallReport());
  for (const char* text : {"http://", "https://", "<script", "<link", "@import", "url("}) {
    EXPECT_EQ(html.find(text), std::string::npos) << text;
  }
}

TEST(ReportHtml, SaysWhenNothingWasTimedOrShapesWereReduced) {
  ConversionReport report = SmallReport();
  report.timings.clear();
  report.reduced_shapes = true;
  ExpectMentions(ReportHtml(report), {"Untimed", "reduced shapes"});
}

}  // namespace
}  // namespace drtriton
