#include "language/sample.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "graph/test_programs.h"

namespace drtriton {
namespace {

const Tokenizer& Shipped() {
  static const Tokenizer tokenizer = Tokenizer::Load(std::filesystem::path(std::getenv("DRTRITON_SOURCE")) / "weights/tokenizer.model");
  return tokenizer;
}

TaskPrompt SomePrompt() { return MakePrompt(WholeProgram(LinearRelu()), H200(), true); }

Answer SomeAnswer() {
  Answer answer;
  answer.plan.kernels = {{.name = "k", .family = "row"}};
  answer.source = "def launch(x):\n    return (x,)\n";
  return answer;
}

std::vector<int32_t> Continuation(const TokenizedSample& sample) {
  std::vector<int32_t> ids = sample.plan;
  ids.insert(ids.end(), sample.code.begin(), sample.code.end());
  return ids;
}

TEST(Sample, MarksSetThePartsApart) {
  const SpecialTokens& special = Shipped().special();
  const TokenizedSample sample = EncodeSample(Shipped(), SomePrompt(), SomeAnswer());
  EXPECT_EQ(sample.prompt.front(), special.prompt);
  EXPECT_EQ(sample.prompt.back(), special.plan);
  EXPECT_EQ(sample.code.front(), special.code);
  EXPECT_EQ(sample.code.back(), special.end);
  EXPECT_EQ(Shipped().Decode(sample.plan), PlanText(SomeAnswer().plan));
}

TEST(Sample, ComesBack) {
  TaskPrompt prompt = SomePrompt();
  for (bool feedback : {false, true}) {
    if (feedback) prompt.feedback = FeedbackOf(Verdict::Error(Stage::kRun, "timeout", "it took too long"));
    const TokenizedSample sample = EncodeSample(Shipped(), prompt, SomeAnswer());
    const TaskPrompt again = DecodePrompt(Shipped(), sample.prompt);
    EXPECT_EQ(TaskText(again), TaskText(prompt));
    EXPECT_EQ(FeedbackText(again), FeedbackText(prompt));
    const Answer answer = DecodeAnswer(Shipped(), Continuation(sample));
    EXPECT_EQ(answer.source, SomeAnswer().source);
    EXPECT_EQ(PlanText(answer.plan), PlanText(SomeAnswer().plan));
  }
}

TEST(Sample, AnAnswerThatIsCutOffIsNone) {
  std::vector<int32_t> ids = Continuation(EncodeSample(Shipped(), SomePrompt(), SomeAnswer()));
  EXPECT_THROW(DecodeAnswer(Shipped(), std::span(ids).first(ids.size() - 1)), UserError);
  ids.insert(ids.end() - 2, Shipped().special().prompt);
  EXPECT_THROW(DecodeAnswer(Shipped(), ids), UserError);
}

TEST(Sample, OddPlansCountAsEmpty) {
  std::vector<int32_t> ids = Shipped().Encode("let me think");
  ids.push_back(Shipped().special().code);
  Shipped().AppendEncoded("x = 1\n", &ids);
  ids.push_back(Shipped().special().end);
  const Answer answer = DecodeAnswer(Shipped(), ids);
  EXPECT_TRUE(answer.plan.kernels.empty());
  EXPECT_EQ(answer.source, "x = 1\n");
}

}  // namespace
}  // namespace drtriton
