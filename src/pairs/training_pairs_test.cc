// Training pairs without a device: a judge of our own stands in for the Verifier.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "graph/program_json.h"
#include "language/answer.h"
#include "language/prompt.h"
#include "language/sample.h"
#include "language/think_form.h"
#include "pairs/collect.h"
#include "pairs/corpus.h"
#include "pairs/mix.h"
#include "pairs/pack.h"
#include "pairs/pair_shard.h"
#include "pairs/proposed.h"
#include "pairs/unit_lock.h"
#include "policy/token_file.h"

namespace drtriton {
namespace {

const Tokenizer& Shipped() {
  static const Tokenizer tokenizer = Tokenizer::Load(std::filesystem::path(std::getenv("DRTRITON_SOURCE")) / "weights/tokenizer.model");
  return tokenizer;
}

PairCollection SmallCollection(const std::filesystem::path& folder) {
  return {.folder = folder, .mix = {.ops = {1, 2}, .size = SizeClass::kTiny, .seed = 3}, .programs = kUnitNumbers, .schedules = 2};
}

// Accepts all but what a `refuses` says; times grow with the place, so the last is the slowest.
struct FakeJudge {
  std::function<bool(const Candidate&)> refuses = [](const Candidate&) { return false; };
  int64_t judged = 0;

  JudgeWith With() {
    return [this](Store*, const std::vector<Candidate>& candidates, const JudgeOptions&, const std::function<void(size_t, const Judgement&)>& finished) {
      std::vector<Judgement> judgements;
      for (size_t i = 0; i < candidates.size(); ++i) {
        Judgement judgement;
        judgement.verdict = refuses(candidates[i]) ? Verdict::Rejected(Stage::kNumerics, "wrong_values", "differs") : Verdict{.outcome = Outcome::kAccepted, .stage = Stage::kDone};
        judgement.verdict.time_ms = 1.0 / static_cast<double>(i + 1);
        ++judged;
        finished(i, judgement);
        judgements.push_back(judgement);
      }
      return judgements;
    };
  }
};

// Everything that a language model reads and writes about sampled programs comes back from its text and from its tokens.
TEST(PairLanguage, SampledProgramsComeBack) {
  const char* given = std::getenv("DRTRITON_SEED");
  const uint64_t seed = given == nullptr ? 0 : std::strtoull(given, nullptr, 10);
  SCOPED_TRACE("seed " + std::to_string(seed));
  const MixedSamples samples({.seed = seed});
  const TemplateProposer expert(Reach::kProgram);
  int checked = 0;
  for (int64_t number = 0; number < 40; ++number) {
    const std::optional<ProposedProgram> proposed = ProposeFor(samples.Draw(number), expert, H200(), 2);
    if (!proposed) continue;
    const TaskPrompt prompt = MakePrompt(proposed->fragment, H200(), true);
    const std::string task = TaskText(prompt);
    const TaskPrompt parsed = ParsePrompt(task, "");
    ASSERT_EQ(ToJson(parsed.program), ToJson(prompt.program)) << task;
    ASSERT_EQ(TaskText(parsed), task);
    for (const Proposal& proposal : proposed->proposals) {
      const Answer answer = AnswerOf(proposed->fragment, proposal);
      ASSERT_EQ(PlanText(ParsePlan(PlanText(answer.plan))), PlanText(answer.plan));
      const std::string think = ToThinkForm(answer, prompt.program);
      const Answer again = FromThinkForm(think, prompt.program);
      ASSERT_EQ(again.source, answer.source);
      ASSERT_EQ(PlanText(again.plan), PlanText(answer.plan));
      const TokenizedSample sample = EncodeSample(Shipped(), prompt, answer);
      ASSERT_EQ(TaskText(DecodePrompt(Shipped(), sample.prompt)), task);
      std::vector<int32_t> written = sample.plan;
      written.insert(written.end(), sample.code.begin(), sample.code.end());
      ASSERT_EQ(DecodeAnswer(Shipped(), written).source, answer.source);
      ++checked;
    }
  }
  EXPECT_GT(checked, 30);
}

TEST(PairMix, AnyStretchHasTheSameDifficulties) {
  const MixedSamples samples({.size = SizeClass::kTiny, .seed = 5});
  std::map<int, int> ops;
  std::map<std::string, int> laws;
  for (int64_t number = 40; number < 80; ++number) {
    const Sample sample = samples.Draw(number);
    ++ops[sample.ops];
    ++laws[sample.law];
  }
  EXPECT_EQ(ops, (std::map<int, int>{{1, 10}, {2, 10}, {3, 8}, {4, 6}, {5, 6}}));
  EXPECT_EQ(laws, (std::map<std::string, int>{{"uniform", 20}, {"usage", 20}}));
  EXPECT_THROW(MixedSamples({.ops = {6}}), UserError);
}

TEST(PairShard, WhatIsDamagedIsRefused) {
  ScratchFolder scratch;
  const std::filesystem::path path = ShardPath(scratch.path(), 7);
  TrainingPair pair{.id = "0123", .split = "train", .ops = 1, .law = "uniform", .task = "t", .plan = "p", .source = "s"};
  pair.verdict = Verdict::Rejected(Stage::kRun, "timeout", "slow");
  WritePairShard(path, 7, {pair, pair});
  const std::vector<TrainingPair> again = ReadPairShard(path);
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(ToJson(again[1]), ToJson(pair));
  EXPECT_FALSE(again[1].usable());
  std::string bytes = ReadFile(path);
  for (size_t change : {bytes.size() - 1, bytes.size() / 2}) {
    std::string damaged = bytes;
    damaged[change] = static_cast<char>(damaged[change] ^ 1);
    WriteFileAtomically(path, damaged);
    EXPECT_THROW(ReadPairShard(path), UserError);
  }
  WriteFileAtomically(path, bytes.substr(0, bytes.size() - 5));
  EXPECT_THROW(ReadPairShard(path), UserError);
}

TEST(CollectPairs, ASecondStartAddsNothing) {
  ScratchFolder scratch;
  FakeJudge judge;
  const PairSummary first = CollectPairs(SmallCollection(scratch.path() / "p"), H200(), true, judge.With());
  EXPECT_EQ(first.units, 1);
  EXPECT_GT(first.all.accepted, 20);
  EXPECT_EQ(first.all.accepted, judge.judged);
  const std::string bytes = ReadFile(ShardPath(scratch.path() / "p", 0));
  const PairSummary second = CollectPairs(SmallCollection(scratch.path() / "p"), H200(), true, judge.With());
  EXPECT_EQ(second.units, 0);
  EXPECT_EQ(judge.judged, first.all.accepted);
  std::filesystem::remove(ShardPath(scratch.path() / "p", 0));   // as if the process had been killed before the unit was written
  CollectPairs(SmallCollection(scratch.path() / "p"), H200(), true, judge.With());
  EXPECT_EQ(ReadFile(ShardPath(scratch.path() / "p", 0)), bytes);
  for (const auto& entry : std::filesystem::directory_iterator(scratch.path() / "p")) {
    EXPECT_FALSE(entry.path().filename().string().starts_with("work-")) << entry.path();
  }
}

TEST(CollectPairs, AnotherRecipeIsRefused) {
  ScratchFolder scratch;
  FakeJudge judge;
  PairCollection collection = SmallCollection(scratch.path() / "p");
  CollectPairs(collection, H200(), true, judge.With());
  collection.schedules = 3;
  try {
    CollectPairs(collection, H200(), true, judge.With());
    ADD_FAILURE();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("schedules is 2 there, 3 here"), std::string::npos) << error.what();
  }
}

TEST(CollectPairs, UnitsOfOtherProcessesAreLeftAlone) {
  ScratchFolder scratch;
  FakeJudge judge;
  PairCollection collection = SmallCollection(scratch.path());
  collection.programs = 2 * kUnitNumbers;
  {
    const UnitLock lock(scratch.path(), 0);
    ASSERT_TRUE(lock.holds());
    EXPECT_FALSE(UnitLock(scratch.path(), 0).holds());
    const PairSummary summary = CollectPairs(collection, H200(), true, judge.With());
    EXPECT_EQ(summary.units, 1);
    EXPECT_EQ(summary.elsewhere, 1);
  }
  EXPECT_EQ(CollectPairs(collection, H200(), true, judge.With()).units, 1);
}

TEST(CollectPairs, OnlyGoodFamiliesAreKeptUnjudged) {
  ScratchFolder scratch;
  FakeJudge judge;
  PairCollection collection = SmallCollection(scratch.path() / "bad");
  collection.unverified = {"pointwise"};
  collection.family_sample = 20;
  int64_t seen = 0;
  judge.refuses = [&](const Candidate&) { return ++seen == 7; };   // one of twenty
  EXPECT_THROW(CollectPairs(collection, H200(), true, judge.With()), UserError);
  judge.refuses = [](const Candidate&) { return false; };
  EXPECT_THROW(CollectPairs(collection, H200(), true, judge.With()), UserError) << "the record is kept";

  collection.folder = scratch.path() / "good";
  const PairSummary summary = CollectPairs(collection, H200(), true, judge.With());
  EXPECT_GT(summary.all.unverified, 0);
  for (const TrainingPair& pair : ReadPairShard(ShardPath(collection.folder, 0))) {
    EXPECT_EQ(!pair.verdict, pair.families == std::vector<std::string>{"pointwise"});
  }
}

TEST(PackPairs, TheFastestAcceptedAnswersAreTaken) {
  ScratchFolder scratch;
  FakeJudge judge;
  int64_t seen = 0;
  judge.refuses = [&](const Candidate&) { return ++seen % 5 == 0; };
  const PairSummary collected = CollectPairs(SmallCollection(scratch.path() / "p"), H200(), true, judge.With());
  const PackSummary packed = PackPairs(scratch.path() / "p", scratch.path() / "t", Shipped(), {.best = 1, .longest = 3000});
  EXPECT_LE(packed.programs, collected.programs);
  EXPECT_EQ(packed.samples + packed.too_long + packed.repeats >= packed.programs, true);
  const TokenFile file(scratch.path() / "t" / "train-000.tokens");
  EXPECT_EQ(file.size(), packed.samples);
  EXPECT_EQ(file.token_count(), packed.tokens);
  EXPECT_EQ(file.vocabulary().tokenizer, Shipped().sha256());

  std::map<std::string, std::pair<double, std::string>> fastest;   // by task: time and source
  for (const TrainingPair& pair : ReadPairShard(ShardPath(scratch.path() / "p", 0))) {
    if (!pair.usable()) continue;
    auto [place, fresh] = fastest.try_emplace(pair.task, *pair.verdict->time_ms, pair.source);
    if (!fresh && *pair.verdict->time_ms < place->second.first) place->second = {*pair.verdict->time_ms, pair.source};
  }
  for (int64_t i = 0; i < file.size(); ++i) {
    const TokenSequence sequence = file.at(i);
    const std::vector<int32_t> ids(sequence.ids.begin(), sequence.ids.end());
    const std::span<const int32_t> all(ids);
    const std::string task = TaskText(DecodePrompt(Shipped(), all.first(static_cast<size_t>(sequence.prompt_length))));
    const Answer answer = DecodeAnswer(Shipped(), all.subspan(static_cast<size_t>(sequence.prompt_length)));
    ASSERT_TRUE(fastest.contains(task));
    EXPECT_LE(ids.size(), 3000u);
    if (packed.too_long == 0) {
      EXPECT_EQ(answer.source, fastest[task].second);
    }
  }
}

TEST(PackPairs, FilesOfAnEarlierPackingGo) {
  ScratchFolder scratch;
  FakeJudge judge;
  CollectPairs(SmallCollection(scratch.path() / "p"), H200(), true, judge.With());
  const auto pack = [&](int64_t file_tokens) { PackPairs(scratch.path() / "p", scratch.path() / "t", Shipped(), {.file_tokens = file_tokens}); };
  pack(/*file_tokens=*/1);
  ASSERT_TRUE(std::filesystem::exists(scratch.path() / "t" / "train-001.tokens"));
  const std::filesystem::path other = scratch.path() / "t" / "mine-001.tokens";
  WriteFileAtomically(other, "of somebody else");
  pack(PackOptions().file_tokens);
  EXPECT_TRUE(std::filesystem::exists(scratch.path() / "t" / "train-000.tokens"));
  EXPECT_FALSE(std::filesystem::exists(scratch.path() / "t" / "train-001.tokens"));
  EXPECT_TRUE(std::filesystem::exists(other));
}

TEST(PackPairs, AFolderWithoutPairsIsRefused) {
  ScratchFolder scratch;
  EXPECT_THROW(PackPairs(scratch.path(), scratch.path() / "t", Shipped(), {}), UserError);
  EXPECT_THROW(PackPairs(scratch.path() / "none", scratch.path() / "t", Shipped(), {}), UserError);
}

TEST(Corpus, HoldsPromptsAndAnswers) {
  const Corpus corpus = MakeCorpus({.size = SizeClass::kTiny, .seed = 2}, 5, 2);
  EXPECT_EQ(corpus.programs, 5);
  EXPECT_GE(corpus.samples, 5);
  EXPECT_GE(corpus.texts.size(), static_cast<size_t>(corpus.programs + 2 * corpus.samples));
}

}  // namespace
}  // namespace drtriton
