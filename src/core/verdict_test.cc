#include "core/verdict.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

TEST(VerdictTest, CodesAreUnique) {
  std::set<std::string> seen;
  for (const VerdictCode& code : VerdictCodes()) EXPECT_TRUE(seen.insert(code.code).second) << code.code;
}

TEST(VerdictTest, JsonRoundTrips) {
  Verdict verdict = Verdict::Rejected(Stage::kNumerics, "wrong_values", "out of bounds by 3x");
  verdict.rel_err = 1e-3;
  verdict.time_ms = 0.25;
  verdict.vendor_steps = {"aten.conv2d.default"};
  verdict.seed = UINT64_MAX;
  verdict.device = "interpreter";
  verdict.reduced_shapes = true;
  const Json json = ToJson(verdict);
  EXPECT_EQ(ToJson(VerdictFromJson(Json::parse(json.dump()))).dump(), json.dump());
  EXPECT_TRUE(json["eager_ms"].is_null());
}

TEST(VerdictTest, MembersComeInTheDocumentedOrder) {
  const std::string text = ToJson(Verdict{}).dump();
  EXPECT_EQ(text.find("{\"verdict\":\"error\",\"stage\":\"parse\",\"code\":\"ok\",\"reason\":\"\",\"rel_err\":null"), 0u) << text;
}

TEST(VerdictTest, UnknownCodesAreRefused) {
  EXPECT_THROW(Verdict::Error(Stage::kRun, "whatever", ""), InternalError);
  Json json = ToJson(Verdict{});
  json["code"] = "whatever";
  EXPECT_THROW(VerdictFromJson(json), UserError);
  json = ToJson(Verdict{});
  json["stage"] = "whatever";
  EXPECT_THROW(VerdictFromJson(json), UserError);
}

// docs/verdicts.md lists exactly VerdictCodes(), in order.
TEST(VerdictTest, DocumentationListsEveryCode) {
  const char* root = std::getenv("DRTRITON_SOURCE");
  ASSERT_NE(root, nullptr);
  const std::string page = ReadFile(std::string(root) + "/docs/verdicts.md");
  std::string table;
  for (const VerdictCode& code : VerdictCodes()) {
    table += "| `" + code.code + "` | " + Name(code.stage) + " | " + code.meaning + " |\n";
  }
  EXPECT_NE(page.find(table), std::string::npos) << "docs/verdicts.md should hold this table:\n" << table;
}

}  // namespace
}  // namespace drtriton
