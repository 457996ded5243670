#include "pairs/corpus.h"

#include <functional>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "core/device.h"
#include "core/verdict.h"
#include "language/answer.h"
#include "language/prompt.h"
#include "language/sample.h"
#include "pairs/proposed.h"

namespace drtriton {
namespace {

// What may stand in the slot for feedback: every code with what it means.
void AddFeedback(std::vector<std::string>& texts) {
  for (const VerdictCode& code : VerdictCodes()) {
    TaskPrompt prompt;
    prompt.feedback = Feedback{.stage = code.stage, .code = code.code, .detail = code.meaning};
    texts.push_back(FeedbackText(prompt));
  }
}

// Calls `take` with the first `programs` covered programs of the mix, of the split `train`.
void ForEachProgram(const PairMix& mix, int64_t programs, int schedules, const std::function<void(const ProposedProgram&)>& take) {
  const MixedSamples samples(mix);
  const TemplateProposer expert(Reach::kProgram);
  for (int64_t number = 0, taken = 0; taken < programs; ++number) {
    if (Interrupted()) throw UserError("interrupted");
    const std::optional<ProposedProgram> proposed = ProposeFor(samples.Draw(number), expert, H200(), schedules);
    if (!proposed || proposed->split != Split::kTrain) continue;
    take(*proposed);
    if (++taken % 64 == 0) SetProgress(std::to_string(taken) + " of " + std::to_string(programs) + " programs");
  }
  ClearProgress();
}

}  // namespace

Corpus MakeCorpus(const PairMix& mix, int64_t programs, int schedules) {
  Corpus corpus{.programs = programs};
  AddFeedback(corpus.texts);
  ForEachProgram(mix, programs, schedules, [&](const ProposedProgram& proposed) {
    corpus.texts.push_back(TaskText(MakePrompt(proposed.fragment, H200(), /*strict=*/true)));
    for (const Proposal& proposal : proposed.proposals) {
      Answer answer = AnswerOf(proposed.fragment, proposal);
      corpus.texts.push_back(PlanText(answer.plan));
      corpus.texts.push_back(std::move(answer.source));
      ++corpus.samples;
    }
  });
  return corpus;
}

std::vector<TokenCount> CountTokens(const Tokenizer& tokenizer, const PairMix& mix, int64_t programs) {
  std::vector<TokenCount> counts;
  ForEachProgram(mix, programs, /*schedules=*/1, [&](const ProposedProgram& proposed) {
    const TaskPrompt prompt = MakePrompt(proposed.fragment, H200(), /*strict=*/true);
    const Answer answer = AnswerOf(proposed.fragment, proposed.proposals.front());
    const TokenizedSample sample = EncodeSample(tokenizer, prompt, answer);
    const auto whole = [](size_t size) { return static_cast<int64_t>(size); };
    counts.push_back({.prompt = whole(sample.prompt.size()), .plan = whole(sample.plan.size()), .code = whole(sample.code.size()),
                      .prompt_bytes = whole(TaskText(prompt).size()), .plan_bytes = whole(PlanText(answer.plan).size()),
                      .code_bytes = whole(answer.source.size())});
  });
  return counts;
}

}  // namespace drtriton
