#include "synth/generate.h"

#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "graph/program_json.h"
#include "synth/canonical.h"
#include "synth/coverage.h"
#include "synth/module_text.h"

namespace drtriton {
namespace {

// A small space, so that a sampler is made quickly and repeats come up.
const Sampler& SmallSampler(int ops) {
  static auto* const samplers = new std::map<int, Sampler>;
  const auto found = samplers->find(ops);
  if (found != samplers->end()) return found->second;
  return samplers
      ->emplace(ops, Sampler({.ops = ops, .operators = {"relu", "sigmoid", "add.Tensor", "linear", "sum.dim_IntList"}, .size = SizeClass::kTiny}))
      .first->second;
}

std::string Lines(int ops, const GenerateOptions& options) {
  std::string lines;
  Generate(SmallSampler(ops), options, [&](const Generated& generated) { lines += generated.line; });
  return lines;
}

TEST(Generate, SameBytesForAnyNumberOfThreads) {
  for (const bool unique : {false, true}) {
    const std::string one = Lines(2, {.seed = 5, .count = 300, .unique = unique, .threads = 1});
    EXPECT_EQ(one, Lines(2, {.seed = 5, .count = 300, .unique = unique, .threads = 2}));
    EXPECT_EQ(one, Lines(2, {.seed = 5, .count = 300, .unique = unique, .threads = 7}));
    EXPECT_NE(one, Lines(2, {.seed = 6, .count = 300, .unique = unique, .threads = 1}));
  }
}

TEST(Generate, FewerLinesAreTheBeginningOfMore) {
  const std::string more = Lines(3, {.seed = 5, .count = 100, .threads = 2});
  const std::string fewer = Lines(3, {.seed = 5, .count = 40, .threads = 2});
  EXPECT_EQ(more.substr(0, fewer.size()), fewer);
}

TEST(Generate, UniqueDropsRepeatsOnly) {
  std::set<std::string> ids;
  int64_t written = 0;
  const GenerateOptions options{.seed = 1, .count = 400, .unique = true, .threads = 2};
  const GenerateSummary summary = Generate(SmallSampler(1), options, [&](const Generated& generated) {
    EXPECT_TRUE(ids.insert(generated.id).second);
    ++written;
  });
  EXPECT_EQ(written, 400);
  EXPECT_EQ(summary.written, 400);
  EXPECT_EQ(summary.drawn, summary.written + summary.repeats);
}

TEST(Generate, ASplitHoldsItsOwnOnly) {
  for (const Split split : {Split::kTrain, Split::kTest}) {
    Generate(SmallSampler(1), {.count = 20, .split = split}, [&](const Generated& generated) {
      EXPECT_EQ(generated.split, split);
      EXPECT_EQ(SplitOf(generated.sample.program, generated.sample.operators), split);
    });
  }
}

TEST(Generate, ALineHoldsWhatItSays) {
  Generate(SmallSampler(3), {.seed = 9, .count = 50}, [&](const Generated& generated) {
    const Json line = Json::parse(generated.line);
    const Program program = ProgramFromJson(line.at("graph"));
    EXPECT_EQ(line.at("id"), CanonicalId(program));
    EXPECT_EQ(line.at("ops"), 3);
    EXPECT_EQ(line.at("seed"), 9);
    EXPECT_EQ(line.at("operators").size(), 3u);
    EXPECT_EQ(line.at("source"), WrittenModule(program, generated.sample.leaves));
    EXPECT_EQ(line.at("law"), "uniform");
    EXPECT_EQ(line.at("difficulty").at("depth"), generated.difficulty.depth);
  });
}

TEST(Coverage, CountsOperatorsAndPairs) {
  Coverage coverage(SampledOperators());
  Generate(SmallSampler(2), {.seed = 2, .count = 200, .lines = false}, [&](const Generated& g) { coverage.Add(g); });
  const Json json = coverage.ToJson();
  int64_t total = 0;
  for (const auto& [op, count] : json.at("operators").items()) total += count.get<int64_t>();
  EXPECT_EQ(json.at("programs"), 200);
  EXPECT_EQ(total, 400);
  EXPECT_EQ(json.at("never").size(), SampledOperators().size() - 5);
  EXPECT_GT(json.at("pairs").size(), 10u);
  for (const Json& pair : json.at("pairs")) EXPECT_GT(json.at("operators").at(pair.at(0)).get<int64_t>(), 0);
}

}  // namespace
}  // namespace drtriton
