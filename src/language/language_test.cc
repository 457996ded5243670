// Prompts, plans and the form of other models: what is printed parses back, and one meaning has one text.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "graph/program_json.h"
#include "graph/program_python.h"
#include "graph/test_programs.h"
#include "language/answer.h"
#include "language/canonical_fragment.h"
#include "language/key_values.h"
#include "language/prompt.h"
#include "language/think_form.h"

namespace drtriton {
namespace {

// Two independent operators, in either order, under any names; the softmax counts its dimension from either end.
Fragment TwoBranches(bool swapped) {
  Program program;
  const ValueId x = AddLeaf(program, ValueKind::kInput, swapped ? "tokens" : "x", {2, 3});
  const auto relu = [&] { return AddNode(program, swapped ? "a" : "r", "aten.relu.default", {ValueRef{x}}, {2, 3}); };
  const auto softmax = [&] {
    return AddNode(program, swapped ? "b" : "s", "aten.softmax.int", {ValueRef{x}, swapped ? -1 : 1}, {2, 3});
  };
  ValueId first, second;
  if (swapped) {
    second = softmax();
    first = relu();
  } else {
    first = relu();
    second = softmax();
  }
  const ValueId sum = AddNode(program, "sum", "aten.add.Tensor", {ValueRef{first}, ValueRef{second}, 1}, {2, 3});
  AddNode(program, "unused", "aten.neg.default", {ValueRef{x}}, {2, 3});
  program.result = Tree{.value = sum};
  return WholeProgram(program);
}

Proposal SomeProposal() {
  return {.proposer = "templates",
          .kernels = {{.name = "linear_kernel",
                       .family = "matmul",
                       .fuses = {"linear", "relu"},
                       .tile = {{"BLOCK_M", 16}, {"BLOCK_N", 32}},
                       .num_warps = 8,
                       .num_stages = 3,
                       .numerics = "tf32x3: three TF32 products",
                       .why = "Bound by memory;  two\nlines.",
                       .estimated_us = 3.5},
                      {.name = "rest_kernel", .family = "row"}},
          .source = "import torch\n\n\ndef launch(x0, w0, w1, b0):\n    return (x0,)\n"};
}

TEST(CanonicalFragment, OneMeaningHasOneText) {
  const std::string text = FlatText(CanonicalFragment(TwoBranches(false)).program);
  EXPECT_EQ(text, FlatText(CanonicalFragment(TwoBranches(true)).program));
  EXPECT_NE(text.find("relu_0 = F.relu(x0)"), std::string::npos) << text;
  EXPECT_NE(text.find("return (add_2,)"), std::string::npos) << text;
  EXPECT_EQ(text.find("neg"), std::string::npos) << "what no result needs is left out: " << text;
}

TEST(CanonicalFragment, AgainChangesNothing) {
  const Fragment once = CanonicalFragment(WholeProgram(LinearRelu()));
  EXPECT_EQ(ToJson(CanonicalFragment(once).program), ToJson(once.program));
}

TEST(CanonicalFragment, TakesAndReturnsWhatTheFragmentDoes) {
  const Fragment whole = WholeProgram(LinearRelu());
  const Fragment canonical = CanonicalFragment(whole);
  ASSERT_EQ(canonical.Inputs().size(), whole.Inputs().size());
  for (size_t i = 0; i < whole.Inputs().size(); ++i) {
    EXPECT_EQ(TypeText(canonical.program.value(canonical.Inputs()[i])), TypeText(whole.program.value(whole.Inputs()[i])));
  }
  ASSERT_EQ(canonical.Results().size(), whole.Results().size());
  for (size_t i = 0; i < whole.Results().size(); ++i) {
    EXPECT_EQ(TypeText(canonical.program.value(canonical.Results()[i])), TypeText(whole.program.value(whole.Results()[i])));
  }
  EXPECT_EQ(canonical.program.mutations.size(), whole.program.mutations.size());
}

TEST(Prompt, TextSaysEverythingAndParsesBack) {
  TaskPrompt prompt = MakePrompt(WholeProgram(LinearRelu()), H200(), /*strict=*/true);
  const std::string text = TaskText(prompt);
  EXPECT_EQ(text.substr(0, text.find("def ")), "device: NVIDIA H200 sm_90\nmode: strict\n# fragment on cuda\n");
  EXPECT_EQ(FeedbackText(prompt), "");
  prompt.feedback = FeedbackOf(Verdict::Rejected(Stage::kNumerics, VerdictCodes().front().code, "off by\n  one "));
  const TaskPrompt again = ParsePrompt(text, FeedbackText(prompt));
  EXPECT_EQ(ToJson(again.program), ToJson(prompt.program));
  EXPECT_EQ(TaskText(again), text);
  ASSERT_TRUE(again.feedback);
  EXPECT_EQ(again.feedback->detail, "off by one");
  EXPECT_EQ(FeedbackText(again), FeedbackText(prompt));
}

TEST(Prompt, WhatIsNotUnderstoodIsNamed) {
  const std::string good = TaskText(MakePrompt(WholeProgram(LinearRelu()), H200(), true));
  struct Case {
    std::string task, feedback, mention;
  };
  const Case cases[] = {{"", "", "too short"},
                        {"mode: strict\n" + good, "", "'device' and 'mode'"},
                        {"device: GPU\n" + good.substr(good.find('\n') + 1), "", "capability"},
                        {good, "stage: lunch\ncode: ok\n", "stage"},
                        {good, "stage: run\ncode: nonsense\n", "code"},
                        {good, "stage run\n", "line 1 of the feedback"},
                        {good.substr(0, good.find("    return")), "", "return"}};
  for (const Case& test : cases) {
    try {
      ParsePrompt(test.task, test.feedback);
      ADD_FAILURE() << test.mention;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(test.mention), std::string::npos) << error.what();
    }
  }
}

TEST(Plan, TextParsesBack) {
  const Answer answer = AnswerOf(WholeProgram(LinearRelu()), SomeProposal());
  const std::string text = PlanText(answer.plan);
  EXPECT_EQ(text,
            "results: f32[2, 4]; f32[2, 4]; i64[]\n"
            "kernel: linear_kernel\nfamily: matmul\nfuses: linear, relu\ntile: BLOCK_M=16, BLOCK_N=32\nwarps: 8\nstages: 3\n"
            "numerics: tf32x3: three TF32 products\nwhy: Bound by memory; two lines.\n"
            "kernel: rest_kernel\nfamily: row\nwarps: 4\nstages: 1\n");
  const AnswerPlan again = ParsePlan(text);
  EXPECT_EQ(PlanText(again), text);
  EXPECT_EQ(again.kernels.at(0).tile, answer.plan.kernels.at(0).tile);
  EXPECT_EQ(again.kernels.at(0).why, "Bound by memory; two lines.");
}

TEST(Plan, WhatIsNotUnderstoodIsNamed) {
  for (const std::string text : {"kernel: k\n", "kernel: k\nwarps: 4\nstages: many\n", "warps: 4\n", "I think\n", "kernel: k\nwarps: 4",
                                 "kernel: k\ntile: 16\nwarps: 4\nstages: 1\n", "kernel: k\nwarps: -4\nstages: 1\n"}) {
    EXPECT_THROW(ParsePlan(text), UserError) << text;
  }
}

TEST(ThinkForm, OursComesBackToTheByte) {
  const Fragment fragment = CanonicalFragment(WholeProgram(LinearRelu()));
  Answer answer = AnswerOf(fragment, SomeProposal());
  for (const std::string& extra : {std::string(), std::string("# ```python\n# ````\n"), std::string("# </think>\n")}) {
    answer.source = SomeProposal().source + extra;
    const std::string text = ToThinkForm(answer, fragment.program);
    EXPECT_TRUE(text.starts_with("<think>\nresults: "));
    EXPECT_NE(text.find("class ModelNew(nn.Module):"), std::string::npos);
    const Answer again = FromThinkForm(text, fragment.program);
    EXPECT_EQ(again.source, answer.source);
    EXPECT_EQ(PlanText(again.plan), PlanText(answer.plan));
    EXPECT_EQ(ToThinkForm(again, fragment.program), text);
  }
}

TEST(ThinkForm, TheLastCompleteBlockCounts) {
  const ThinkForm form = ReadThinkForm(
      "some thought ```python\nx = 1\n```\n</think>\nFirst:\n```python\nclass ModelNew: pass\n```\nBetter:\n```py\nclass ModelNew(A): pass\n```\n"
      "```python\nnot closed\n");
  EXPECT_EQ(form.reasoning, "some thought ```python\nx = 1\n```\n");
  EXPECT_EQ(form.code, "class ModelNew(A): pass\n");
  EXPECT_THROW(ReadThinkForm("<think>```\nx\n```\n</think> no code"), UserError);
}

TEST(ThinkForm, AForeignModuleGetsALauncher) {
  const Program program = CanonicalFragment(WholeProgram(LinearRelu())).program;
  const Answer answer = FromThinkForm("```python\nclass ModelNew(nn.Module):\n    pass\n```", program);
  EXPECT_TRUE(answer.plan.kernels.empty());
  EXPECT_NE(answer.source.find("def launch(x0, w0, w1, b0):\n    model = ModelNew()\n    model._parameters['w0'] = w0\n"), std::string::npos)
      << answer.source;
  EXPECT_NE(answer.source.find("model._buffers['b0'] = b0\n    result = model(x0)\n"), std::string::npos) << answer.source;
  EXPECT_THROW(FromThinkForm("```python\nprint()\n```", program), UserError);
}

TEST(KeyValues, LinesAreCutBetweenCharacters) {
  EXPECT_EQ(AsOneLine("  a \n\t b  ", 80), "a b");
  EXPECT_EQ(AsOneLine("ab\xC3\xA9xyz", 6), "ab...");   // the two bytes of one character stay together
  EXPECT_THROW(ParseWhole("+4", "n"), UserError);
  EXPECT_THROW(ParseWhole("04", "n"), UserError);
}

}  // namespace
}  // namespace drtriton
