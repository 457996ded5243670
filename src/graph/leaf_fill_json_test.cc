#include "graph/leaf_fill_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace drtriton {
namespace {

// Verdicts in stores are found by these bytes.
TEST(LeafFillJson, Bytes) {
  const std::vector<LeafFill> fills = {{}, {LeafFill::Kind::kUniform, -0.5, 2}, {LeafFill::Kind::kConstant, 3, 1}};
  EXPECT_EQ(ToJson(fills).dump(), "[[0,0.0,1.0],[2,-0.5,2.0],[5,3.0,1.0]]");
  EXPECT_EQ(ToJson(std::vector<LeafFill>{}).dump(), "[]");
}

TEST(LeafFillJson, RoundTrip) {
  const std::vector<LeafFill> fills = {{LeafFill::Kind::kIntegers, 0, 7}, {LeafFill::Kind::kMask, 0.25, 1}, {LeafFill::Kind::kNormal, 1e-3, 0.1}};
  const std::vector<LeafFill> read = LeafFillsFromJson(Json::parse(ToJson(fills).dump()));
  ASSERT_EQ(read.size(), fills.size());
  for (size_t i = 0; i < fills.size(); ++i) {
    EXPECT_EQ(read[i].kind, fills[i].kind);
    EXPECT_EQ(read[i].a, fills[i].a);
    EXPECT_EQ(read[i].b, fills[i].b);
  }
}

TEST(LeafFillJson, RefusesWhatIsNoList) {
  for (const char* text : {"{}", "[[0, 1]]", "[[6, 0, 1]]", "[[-1, 0, 1]]", "[[0, \"a\", 1]]", "[3]", "null"}) {
    EXPECT_THROW(LeafFillsFromJson(Json::parse(text)), UserError) << text;
  }
}

}  // namespace
}  // namespace drtriton
