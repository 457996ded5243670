// The law itself: on a reduced space against exhaustive enumeration, on the whole space by chi-square.
#include "synth/joint_law.h"

#include <gtest/gtest.h>

#include <iostream>
#include <set>

#include "base/error.h"
#include "synth/law_test_tools.h"
#include "synth/size_menu.h"

namespace drtriton {
namespace {

struct Law {
  explicit Law(SamplerOptions given)
      : options(std::move(given)), operators(TheOperatorSpace(), options), joint(TheOperatorSpace(), options, operators) {}
  SamplerOptions options;
  OperatorDraw operators;
  JointLaw joint;
};

std::string SequenceKey(const Wiring& wiring) {
  std::string key;
  for (size_t i = 0; i < static_cast<size_t>(wiring.nodes); ++i) key += wiring.forms[i]->info->name + " ";
  return key;
}

std::string WiringKey(const Wiring& wiring) {
  std::string key;
  for (size_t i = 0; i < static_cast<size_t>(wiring.nodes); ++i) {
    key += std::to_string(wiring.forms[i]->slot_count()) + "(";
    for (size_t s = 0; s < wiring.forms[i]->slots.size(); ++s)
      key += std::to_string(wiring.sources[i][s].node) + "." + std::to_string(wiring.sources[i][s].result) + " ";
    key += ")";
  }
  return key;
}

// All sequences of the allowed operators, in a counting order.
std::vector<std::vector<int>> AllSequences(const Law& law) {
  std::vector<std::vector<int>> all = {{}};
  for (int i = 0; i < law.options.ops; ++i) {
    std::vector<std::vector<int>> longer;
    for (const auto& head : all) {
      for (int op : law.operators.allowed()) {
        longer.push_back(head);
        longer.back().push_back(op);
      }
    }
    all = std::move(longer);
  }
  return all;
}

std::string NamesOf(const std::vector<int>& sequence) {
  std::string key;
  for (int op : sequence) key += TheOperatorSpace().operators[static_cast<size_t>(op)].info->name + " ";
  return key;
}

// Feasible sequences by looking at all wirings, not only at trees.
std::map<std::string, int> FeasibleSequences(const Law& law) {
  std::map<std::string, int> feasible;
  SolverOptions solving{.menu = {}, .shared_input = 0};
  Random random(1, 1);
  solving.menu = DrawSizeMenu(SizeClass::kTiny, random);
  Solution solution;
  for (const auto& sequence : AllSequences(law)) {
    const WiringCounter counter(TheOperatorSpace(), sequence);
    const bool any = counter.Any(1, false, [&](const Wiring& wiring) {
      return Solve(wiring, solving, random, solution) == SolveResult::kSolved;
    });
    EXPECT_EQ(any, law.joint.IsFeasible(sequence)) << NamesOf(sequence);
    if (any) feasible[NamesOf(sequence)] = 1;
  }
  return feasible;
}

TEST(JointLawTest, SequencesOfTheReducedSpaceAreUniform) {
  std::cout << "seed " << TestSeed() << "\n";
  for (int ops = 1; ops <= 3; ++ops) {
    const Law law(ReducedSpace(ops));
    const std::map<std::string, int> feasible = FeasibleSequences(law);
    std::map<std::string, int> counts;
    Random random(TestSeed(), static_cast<uint64_t>(ops));
    for (size_t i = 0; i < 12 * feasible.size() + 2000; ++i) ++counts[SequenceKey(law.joint.Draw(random).wiring)];
    std::cout << feasible.size() << " feasible sequences of " << ops << "\n";
    EXPECT_LT(ChiSquareExcess(counts, Uniformly(feasible)), kMostExcess) << ops;
  }
}

// Of single sequences: those with wirings of one, two and three sinks.
TEST(JointLawTest, WiringsGivenTheSequenceAreUniform) {
  SamplerOptions options = ReducedSpace(3);
  options.operators = {"relu", "add.Tensor", "max.dim"};
  const Law law(options);
  std::map<std::string, std::map<int, std::map<std::string, int>>> counts;
  Random random(TestSeed(), 4);
  for (int i = 0; i < 60000; ++i) {
    const JointLaw::Drawn drawn = law.joint.Draw(random);
    ++counts[SequenceKey(drawn.wiring)][drawn.wiring.Sinks()][WiringKey(drawn.wiring)];
  }
  SolverOptions solving{.menu = {}, .shared_input = 0};
  solving.menu.sizes = {1, 2, 3, 4, 5, 6, 7, 8};
  Solution solution;
  for (const auto& sequence : AllSequences(law)) {
    const auto counted = counts.find(NamesOf(sequence));
    if (counted == counts.end()) continue;
    const WiringCounter counter(TheOperatorSpace(), sequence);
    for (const auto& [sinks, wirings] : counted->second) {
      std::map<std::string, int> feasible;
      counter.Any(sinks, false, [&](const Wiring& wiring) {
        if (Solve(wiring, solving, random, solution) == SolveResult::kSolved) feasible[WiringKey(wiring)] = 1;
        return false;
      });
      EXPECT_LT(ChiSquareExcess(wirings, Uniformly(feasible)), kMostExcess) << counted->first << sinks;
    }
  }
}

TEST(JointLawTest, OneSinkInFourOfFive) {
  SamplerOptions options = ReducedSpace(3);
  options.operators = {"relu", "add.Tensor", "softmax"};
  const Law law(options);
  Random random(TestSeed(), 5);
  std::map<std::string, int> counts;
  for (int i = 0; i < 20000; ++i) ++counts[std::to_string(law.joint.Draw(random).wiring.Sinks())];
  EXPECT_LT(ChiSquareExcess(counts, {{"1", 0.8}, {"2", 0.1}, {"3", 0.1}}), kMostExcess);
}

// One operator: ranks by their weights, dims uniformly.
TEST(JointLawTest, RanksAndCasesHaveTheirLaw) {
  SamplerOptions options = ReducedSpace(1);
  options.operators = {"softmax"};
  const Law law(options);
  Random random(TestSeed(), 6);
  std::map<std::string, int> counts;
  for (int i = 0; i < 20000; ++i) {
    const JointLaw::Drawn drawn = law.joint.Draw(random);
    const ShapeCase& shape_case = drawn.wiring.forms[0]->cases[static_cast<size_t>(drawn.solution.nodes[0].shape_case)];
    const int64_t dim = shape_case.arguments.at(0).second.AsInt();
    ++counts[std::to_string(drawn.solution.nodes[0].slot_shapes[0].size()) + " " + std::to_string(dim)];
  }
  std::map<std::string, double> expected;
  double total = 0;
  for (int rank = 1; rank <= 4; ++rank) total += FreshRankWeight(rank);
  for (int rank = 1; rank <= 4; ++rank) {
    for (int dim = 0; dim < rank; ++dim) {
      const int named = dim == rank - 1 && rank > 1 ? -1 : dim;
      expected[std::to_string(rank) + " " + std::to_string(named)] = FreshRankWeight(rank) / total / rank;
    }
  }
  EXPECT_LT(ChiSquareExcess(counts, expected), kMostExcess);
}

TEST(JointLawTest, SingleOperatorsOfTheWholeSpaceAreUniform) {
  SamplerOptions options;
  options.size = SizeClass::kTiny;
  const Law law(options);
  std::map<std::string, int> all, counts;
  for (const SpaceOperator& op : TheOperatorSpace().operators) all[op.info->name + " "] = 1;
  EXPECT_GE(all.size(), 120U);
  Random random(TestSeed(), 7);
  for (size_t i = 0; i < 40 * all.size(); ++i) ++counts[SequenceKey(law.joint.Draw(random).wiring)];
  EXPECT_LT(ChiSquareExcess(counts, Uniformly(all)), kMostExcess);
}

// All pairs are decided; 20 draws for each feasible one, so that every one of them occurs.
TEST(JointLawTest, PairsOfTheWholeSpaceAreUniform) {
  SamplerOptions options;
  options.ops = 2;
  options.size = SizeClass::kTiny;
  options.one_output = 1;
  const Law law(options);
  std::map<std::string, double> expected;
  double feasible = 0;
  for (const auto& sequence : AllSequences(law)) {
    if (!law.operators.MayEndInOne(sequence) || !law.joint.IsFeasible(sequence)) continue;
    expected[NamesOf(sequence)] += 1;
    feasible += 1;
  }
  for (auto& [names, count] : expected) count /= feasible;
  std::map<std::string, int> counts;
  Random random(TestSeed(), 8);
  const auto draws = static_cast<size_t>(20 * feasible);
  for (size_t i = 0; i < draws; ++i) ++counts[SequenceKey(law.joint.Draw(random).wiring)];
  std::cout << feasible << " feasible pairs, " << counts.size() << " of " << expected.size() << " met\n";
  EXPECT_EQ(counts.size(), expected.size());
  EXPECT_LT(ChiSquareExcess(counts, expected), kMostExcess);
}

}  // namespace
}  // namespace drtriton
