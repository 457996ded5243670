#include "synth/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <set>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "graph/program_json.h"
#include "synth/law_test_tools.h"
#include "synth/operator_space.h"

namespace drtriton {
namespace {

SamplerOptions Options(int ops, std::vector<std::string> operators = {}) {
  SamplerOptions options;
  options.ops = ops;
  options.operators = std::move(operators);
  return options;
}

std::string Refusal(const SamplerOptions& options) {
  try {
    const Sampler sampler(options);
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

std::string Text(const Sample& sample) { return ToJson(sample.program).dump(); }

TEST(SamplerTest, RefusesWhatCannotBe) {
  EXPECT_NE(Refusal(Options(0)).find("between 1 and 64"), std::string::npos);
  EXPECT_NE(Refusal(Options(1, {"frobnicate"})).find("unknown operator 'frobnicate'"), std::string::npos);
  EXPECT_NE(Refusal(Options(3, {"argmax"})).find("no program of 3 operators"), std::string::npos);
  EXPECT_NE(Refusal(Options(1, {"isnan"})).find("constant"), std::string::npos);
  EXPECT_NE(Refusal(Options(1, {"view"})).find("glue"), std::string::npos);
  EXPECT_EQ(Refusal(Options(1, {"argmax"})), "");
}

TEST(SamplerTest, SamplesDependOnSeedAndIndexAlone) {
  const Sampler sampler(Options(4));
  std::vector<std::string> alone, together(64);
  for (uint64_t i = 0; i < together.size(); ++i) alone.push_back(Text(sampler.Draw(5, i)));
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = t; i < together.size(); i += 4) together[i] = Text(sampler.Draw(5, i));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(alone, together);
  EXPECT_NE(alone[0], Text(sampler.Draw(6, 0)));
}

TEST(SamplerTest, ProgramsAreWholeAndWithinTheirClass) {
  for (int ops : {1, 2, 3, 5, 8, 20}) {
    SamplerOptions options = Options(ops);
    options.size = SizeClass::kTiny;
    const Sampler sampler(options);
    for (uint64_t i = 0; i < 200; ++i) {
      const Sample sample = sampler.Draw(TestSeed(), i);
      sample.program.Validate();
      EXPECT_EQ(sample.operators.size(), static_cast<size_t>(ops));
      EXPECT_EQ(sample.leaves.size(), sample.program.Leaves().size());
      const auto counted = std::count_if(sample.program.nodes.begin(), sample.program.nodes.end(),
                                         [](const Node& node) { return !IsGlue(node.op); });
      EXPECT_EQ(counted, ops);
      for (const Value& value : sample.program.values) EXPECT_LE(value.Elements(), 4096) << value.name;
    }
  }
}

TEST(SamplerTest, EveryNodeAndInputMatters) {
  const Sampler sampler(Options(5));
  for (uint64_t i = 0; i < 300; ++i) {
    const Program program = sampler.Draw(TestSeed(), i).program;
    const auto users = program.Users();
    const std::vector<ValueId> results = program.Results();
    const std::set<ValueId> outputs(results.begin(), results.end());
    for (ValueId leaf : program.Leaves()) EXPECT_FALSE(users[static_cast<size_t>(leaf)].empty());
    for (const Node& node : program.nodes) {
      bool used = false;
      for (ValueId id : node.outputs) used = used || (id >= 0 && (outputs.contains(id) || !users[static_cast<size_t>(id)].empty()));
      EXPECT_TRUE(used);
    }
  }
}

TEST(SamplerTest, DepthAndWidthAreKept) {
  SamplerOptions options = Options(4);
  options.depth = 2;
  options.width = 3;
  const Sampler sampler(options);
  for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(sampler.Draw(1, i).operators.size(), 4U);
}

// Every row of the space can be drawn, and the shape that the sampler foresees is the registry's (else Draw throws).
TEST(SamplerTest, EveryOperatorCanBeDrawn) {
  for (const std::string& name : SampledOperators()) {
    const Sampler sampler(Options(1, {name}));
    for (uint64_t i = 0; i < 5; ++i) EXPECT_EQ(sampler.Draw(TestSeed(), i).operators.at(0), name);
  }
}

}  // namespace
}  // namespace drtriton
