#include "synth/wiring.h"

#include <gtest/gtest.h>

#include <iostream>

#include "synth/law_test_tools.h"
#include "synth/operator_draw.h"

namespace drtriton {
namespace {

std::string Key(const Wiring& wiring) {
  std::string key;
  for (size_t i = 0; i < static_cast<size_t>(wiring.nodes); ++i) {
    key += std::to_string(wiring.forms[i]->slot_count()) + "(";
    for (size_t s = 0; s < wiring.forms[i]->slots.size(); ++s)
      key += std::to_string(wiring.sources[i][s].node) + "." + std::to_string(wiring.sources[i][s].result) + " ";
    key += ")";
  }
  return key;
}

std::map<std::string, int> AllWirings(const WiringCounter& counter, int sinks) {
  std::map<std::string, int> all;
  counter.Any(sinks, false, [&](const Wiring& wiring) {
    EXPECT_EQ(wiring.Sinks(), sinks);
    ++all[Key(wiring)];
    return false;
  });
  return all;
}

TEST(WiringTest, CountsAreThoseOfEnumeration) {
  const SamplerOptions options = ReducedSpace(3);
  const OperatorDraw operators(TheOperatorSpace(), options);
  Random random(TestSeed(), 1);
  double unused = 0;
  for (int length = 1; length <= 4; ++length) {
    for (int i = 0; i < 40; ++i) {
      std::vector<int> sequence;
      while (sequence.size() < static_cast<size_t>(length)) sequence.push_back(operators.Next(sequence, random, &unused));
      WiringCounter counter(TheOperatorSpace(), sequence);
      for (int sinks = 1; sinks <= std::min(length, 3); ++sinks)
        EXPECT_EQ(counter.Count(sinks), static_cast<double>(AllWirings(counter, sinks).size()));
    }
  }
}

TEST(WiringTest, DrawsAreUniform) {
  std::cout << "seed " << TestSeed() << "\n";
  const SamplerOptions options = ReducedSpace(3);
  const OperatorDraw operators(TheOperatorSpace(), options);
  Random random(TestSeed(), 2);
  double unused = 0;
  for (int i = 0; i < 12; ++i) {
    std::vector<int> sequence;
    while (sequence.size() < 4) sequence.push_back(operators.Next(sequence, random, &unused));
    WiringCounter counter(TheOperatorSpace(), sequence);
    for (int sinks = 1; sinks <= 2; ++sinks) {
      const std::map<std::string, int> all = AllWirings(counter, sinks);
      if (all.empty() || all.size() > 400) continue;
      std::map<std::string, int> counts;
      for (size_t d = 0; d < 25 * all.size(); ++d) ++counts[Key(counter.Draw(sinks, random))];
      EXPECT_LT(ChiSquareExcess(counts, Uniformly(all)), kMostExcess);
    }
  }
}

TEST(WiringTest, DepthAndWidthOfADiamond) {
  const SamplerOptions options = ReducedSpace(3);
  const OperatorDraw operators(TheOperatorSpace(), options);
  const OperatorSpace& space = TheOperatorSpace();
  const auto form = [&](std::string_view op, size_t slots) -> const OperatorForm* {
    for (const OperatorForm& one : space.forms) {
      if (one.info->name == op && one.slots.size() == slots) return &one;
    }
    return nullptr;
  };
  Wiring diamond;
  diamond.nodes = 4;
  diamond.forms = {form("aten.relu.default", 1), form("aten.log.default", 1), form("aten.relu.default", 1), form("aten.add.Tensor", 2)};
  diamond.sources[1][0] = {0, 0};
  diamond.sources[2][0] = {0, 0};
  diamond.sources[3][0] = {1, 0};
  diamond.sources[3][1] = {2, 0};
  EXPECT_EQ(diamond.Depth(), 3);
  EXPECT_EQ(diamond.Width(), 2);
  EXPECT_EQ(diamond.Sinks(), 1);
}

}  // namespace
}  // namespace drtriton
