#include <gtest/gtest.h>

#include "report/test_report.h"

namespace drtriton {
namespace {

void ExpectMentions(const std::string& html, const std::vector<std::string>& texts) {
  for (const std::string& text : texts) EXPECT_NE(html.find(text), std::string::npos) << text;
}

TEST(ReportHtml, ShowsTimesPlansErrorsAndSource) {
  ExpectMentions(ReportHtml(SmallReport()),
                 {"Verified: 1 Triton kernel.", "1.50×", "tf32x3", "Bound by memory.", "1.0e-07", "1 candidate judged",
                  "no template covers it", "0.01 ms against 0.02 ms", "no compiler"});
}

TEST(ReportHtml, EscapesWhatItQuotes) {
  std::string html = ReportHtml(SmallReport());
  ExpectMentions(html, {"a&lt;b&gt;.py", "</i> a &lt; b "});
  EXPECT_EQ(html.find("a<b>"), std::string::npos);
}

TEST(ReportHtml, NeedsNothingFromElsewhere) {
  std::string html = ReportHtml(SmallReport());
  for (const char* text : {"http://", "https://", "<script", "<link", "@import", "url("}) {
    EXPECT_EQ(html.find(text), std::string::npos) << text;
  }
}

TEST(ReportHtml, AKernelThatRunsTwiceHasOneSectionWithItsCandidates) {
  ConversionReport report = SmallReport();
  auto again = std::get<KernelStep>(report.composition.steps[0]);
  again.fragment.id = "f05_linear_relu_1";
  report.composition.steps.push_back(again);
  std::string html = ReportHtml(report);
  ExpectMentions(html, {"f05_linear_relu_1", "linear, relu (2×)", "1 candidate judged"});
  EXPECT_EQ(html.find("<section"), html.rfind("<section"));
}

TEST(ReportHtml, CandidatesAreFoundByKindWhateverTheFragmentIsCalled) {
  ConversionReport report = SmallReport();
  report.tried[0].fragment = "f03_linear_relu";
  ExpectMentions(ReportHtml(report), {"1 candidate judged", "kept"});
  report.tried[0].kind = "another";
  EXPECT_EQ(ReportHtml(report).find("judged"), std::string::npos);
}

TEST(ReportHtml, EqualDecisionsShareARow) {
  ConversionReport report = SmallReport();
  report.regions.push_back(report.regions[0]);
  report.regions[1].name = "f04_linear_relu";
  ExpectMentions(ReportHtml(report), {"and 1 like it"});
}

TEST(ReportHtml, SpeedupsWithinTheErrorAreMarked) {
  ConversionReport report = SmallReport();
  report.timings[0].device_ms = 0.0205;
  ExpectMentions(ReportHtml(report), {"≈ 1.02×"});
}

TEST(ReportHtml, SaysWhenNothingWasTimedOrShapesWereReduced) {
  ConversionReport report = SmallReport();
  report.timings.clear();
  report.reduced_shapes = true;
  ExpectMentions(ReportHtml(report), {"Untimed", "reduced shapes"});
}

}  // namespace
}  // namespace drtriton
