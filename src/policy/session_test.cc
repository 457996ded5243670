#include "policy/session.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace drtriton {
namespace {

ModelWeights Small() {
  ModelWeights weights;
  weights.config = {.vocabulary = 20, .width = 16, .layers = 1, .heads = 2, .kv_heads = 1, .head_size = 8, .hidden = 16, .context = 32, .tokenizer = "t"};
  weights.values.assign(static_cast<size_t>(LayoutOf(weights.config).count), 0.1F);
  return weights;
}

std::vector<Json> Finish(PolicySession& session) {
  std::vector<Json> answers;
  while (!session.idle()) {
    for (Json& answer : session.Step()) answers.push_back(std::move(answer));
  }
  return answers;
}

TEST(PolicySessionTest, AnswersEachSampleAndSaysWhichIsLast) {
  PolicySession session(Small(), {.slots = 2});
  EXPECT_EQ(session.Greeting()["vocabulary"], 20);
  EXPECT_TRUE(session.Take(R"({"id": "a", "generate": {"prompt": [1, 2], "samples": 3, "most_tokens": 4, "temperature": 0.9, "top_p": 0.9, "seed": 5}})").empty());
  EXPECT_TRUE(session.Take(R"({"id": 7, "generate": {"prompt": [3], "most_tokens": 2}})").empty());
  int lasts = 0;
  int of_a = 0;
  for (const Json& answer : Finish(session)) {
    lasts += answer["last"].get<bool>();
    of_a += answer["id"] == "a";
    EXPECT_EQ(answer["tokens"].size(), answer["id"] == "a" ? 4u : 2u);
    EXPECT_EQ(answer["tokens"].size(), answer["logprobs"].size());
  }
  EXPECT_EQ(lasts, 2);
  EXPECT_EQ(of_a, 3);
}

TEST(PolicySessionTest, LogitsAreAnsweredAtOnce) {
  PolicySession session(Small(), {.slots = 1});
  const auto answers = session.Take(R"({"id": 1, "logits": [1, 2, 3]})");
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0]["logits"].size(), 3u);
  EXPECT_EQ(answers[0]["logits"][0].size(), 20u);
}

TEST(PolicySessionTest, RefusalsNameTheRequest) {
  PolicySession session(Small(), {.slots = 1});
  const std::pair<const char*, const char*> cases[] = {
      {"nonsense", "JSON object"},
      {R"({"id": 3})", "has to have"},
      {R"({"id": 3, "logits": []})", "has to have a token"},
      {R"({"id": 3, "logits": [99]})", "token 99"},
      {R"({"id": 3, "generate": {"prompt": [1]}})", "request.generate.most_tokens is missing"},
      {R"({"id": 3, "generate": {"prompt": [1], "most_tokens": 32}})", "do not fit"},
      {R"({"id": 3, "generate": {"prompt": "x", "most_tokens": 2}})", "prompt is not an array"},
      {R"({"id": 3, "generate": {"prompt": [1], "most_tokens": 2, "top_p": 0}})", "top_p"},
  };
  for (const auto& [line, mention] : cases) {
    const auto answers = session.Take(line);
    ASSERT_EQ(answers.size(), 1u) << line;
    EXPECT_NE(answers[0]["error"]["reason"].get<std::string>().find(mention), std::string::npos) << answers[0];
  }
  EXPECT_TRUE(session.idle());
}

}  // namespace
}  // namespace drtriton
