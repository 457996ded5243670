#include "compile/request.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "compile/test_candidates.h"

namespace drtriton {
namespace {

TEST(Request, HoldsLeavesAndResultsButNoNodes) {
  Fragment fragment = ReluFragment({4, 2});
  CompileRequest request;
  request.fragment = &fragment;
  request.source = "text";
  request.source_path = "/somewhere/theirs.py";
  Json json = CandidateToJson(request, H200(), 3);
  EXPECT_EQ(json.at("source_name"), "theirs.py");
  EXPECT_EQ(json.at("source_folder"), "/somewhere");
  EXPECT_EQ(json.at("program").at("results"), Json::array({1}));
  EXPECT_EQ(json.at("program").at("values").at(1).at("shape"), Json::array({4, 2}));
  EXPECT_FALSE(json.at("program").contains("nodes"));
}

struct Answer {
  const char* name;
  const char* text;
  const char* code;
};

class RequestAnswers : public testing::TestWithParam<Answer> {};

void PrintTo(const Answer& answer, std::ostream* out) { *out << answer.name; }

TEST_P(RequestAnswers, AreNotTrusted) {
  CompileResult result = ResultOf(Json::parse(GetParam().text), "/folder");
  ASSERT_TRUE(result.failure);
  EXPECT_EQ(result.failure->code, GetParam().code);
  EXPECT_TRUE(result.plans.empty());
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, RequestAnswers,
    testing::Values(Answer{"Nothing", "{}", "bad_plan"}, Answer{"NoPlans", R"({"answer": {"plans": []}})", "bad_plan"},
                    Answer{"PlanOfNothing", R"({"answer": {"plans": [{}]}})", "bad_plan"},
                    Answer{"PlansOfText", R"({"answer": {"plans": "x"}})", "bad_plan"},
                    Answer{"UnknownCode", R"({"failure": {"stage": "run", "code": "x", "reason": "y"}})", "crashed"},
                    Answer{"FailureOfText", R"({"failure": "x"})", "crashed"},
                    Answer{"Known", R"({"failure": {"stage": "parse", "code": "syntax", "reason": "y"}})", "syntax"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace drtriton
