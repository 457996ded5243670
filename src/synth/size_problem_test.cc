// The sizes' law: what Solve() draws is compared with the law computed from its definition by looking at all assignments.
#include "synth/size_problem.h"

#include <gtest/gtest.h>

#include <functional>
#include <iostream>

#include "synth/law_test_tools.h"

namespace drtriton {
namespace {

using Sizes = std::vector<int64_t>;

struct Case {
  std::string name;
  int free = 0;                                     // the first so many variables are drawn
  std::function<void(SizeProblem&)> pose;
  std::function<bool(const Sizes&, Sizes&)> extend;  // free sizes -> all sizes; false: no solution
};

const std::vector<int32_t> kMenu = {1, 2, 3, 4, 5, 6, 8};
constexpr double kOne = 0.5;

SizeMenu Menu() {
  SizeMenu menu;
  menu.sizes = kMenu;
  menu.most_elements = 1000000;
  menu.room = 1e9;
  menu.one = kOne;
  return menu;
}

std::string Key(const Sizes& sizes) {
  std::string key;
  for (int64_t size : sizes) key += std::to_string(size) + " ";
  return key;
}

// P(x) = product of weight(x_i) / sum of the weights of the values that can be completed.
void AddLaw(const Case& c, Sizes& chosen, double probability, std::map<std::string, double>& law) {
  const auto can_be_completed = [&](const Sizes& head) {
    std::function<bool(Sizes&)> any = [&](Sizes& sizes) {
      Sizes all;
      if (sizes.size() == static_cast<size_t>(c.free)) return c.extend(sizes, all);
      for (int32_t size : kMenu) {
        sizes.push_back(size);
        const bool found = any(sizes);
        sizes.pop_back();
        if (found) return true;
      }
      return false;
    };
    Sizes sizes = head;
    return any(sizes);
  };
  if (chosen.size() == static_cast<size_t>(c.free)) {
    Sizes all;
    if (c.extend(chosen, all)) law[Key(all)] += probability;
    return;
  }
  std::map<int32_t, double> weights;
  double total = 0;
  for (int32_t size : kMenu) {
    chosen.push_back(size);
    if (can_be_completed(chosen)) total += weights[size] = size == 1 ? kOne : 1;
    chosen.pop_back();
  }
  for (const auto& [size, weight] : weights) {
    chosen.push_back(size);
    AddLaw(c, chosen, probability * weight / total, law);
    chosen.pop_back();
  }
}

std::vector<Case> Cases() {
  return {
      {"free", 2, [](SizeProblem& p) { p.Add(); p.Add(); },
       [](const Sizes& in, Sizes& out) { out = in; return true; }},
      {"halves of a size that was drawn first", 1,
       [](SizeProblem& p) {
         const DimId whole = p.Add();
         const DimId half = p.Add();
         p.RelateProduct(whole, 2, std::array{half});
       },
       [](const Sizes& in, Sizes& out) { out = {in[0], in[0] / 2}; return in[0] % 2 == 0; }},
      {"a window, then half of what is left", 1,
       [](SizeProblem& p) {
         const DimId size = p.Add(3);
         const DimId moved = p.Add();
         const DimId half = p.Add();
         p.RelateAffine(moved, size, 1, -2, 1);
         p.RelateProduct(moved, 2, std::array{half});
       },
       [](const Sizes& in, Sizes& out) { out = {in[0], in[0] - 2, (in[0] - 2) / 2}; return in[0] >= 4 && in[0] % 2 == 0; }},
      {"two groups of one total", 2,
       [](SizeProblem& p) {
         const DimId total = p.Add();
         const DimId groups = p.Add();
         const DimId each = p.Add();
         p.RelateProduct(total, 1, std::array{groups, each});
       },
       [](const Sizes& in, Sizes& out) { out = {in[0], in[1], in[0] / in[1]}; return in[0] % in[1] == 0; }},
      {"a position below a size", 2,
       [](SizeProblem& p) {
         const DimId low = p.Add();
         const DimId high = p.Add(2);
         p.RelateAtMost(low, high);
       },
       [](const Sizes& in, Sizes& out) { out = in; return in[1] >= 2 && in[0] <= in[1]; }},
  };
}

TEST(SizeProblemTest, DrawsHaveTheSequentialLaw) {
  std::cout << "seed " << TestSeed() << "\n";
  for (const Case& c : Cases()) {
    std::map<std::string, double> law;
    Sizes none;
    AddLaw(c, none, 1, law);
    std::map<std::string, int> counts;
    Random random(TestSeed(), 1);
    for (int i = 0; i < 20000; ++i) {
      SizeProblem problem;
      c.pose(problem);
      ASSERT_TRUE(problem.Solve(Menu(), random, nullptr)) << c.name;
      Sizes sizes;
      for (DimId dim = 0; dim < static_cast<DimId>(law.begin()->first.size() / 2); ++dim) sizes.push_back(problem.SizeOf(dim));
      ++counts[Key(sizes)];
    }
    EXPECT_LT(ChiSquareExcess(counts, law), kMostExcess) << c.name;
  }
}

TEST(SizeProblemTest, WhatHasNoSolutionIsToldAtOnce) {
  SizeProblem grows;  // x = 2 y, y = x + 1
  const DimId x = grows.Add();
  const DimId y = grows.Add();
  ASSERT_TRUE(grows.RelateProduct(x, 2, std::array{y}));
  ASSERT_TRUE(grows.RelateAffine(y, x, 1, 1, 1));
  EXPECT_FALSE(grows.Narrow());

  SizeProblem shrinks;  // x = y - 2, y = x
  const DimId a = shrinks.Add();
  const DimId b = shrinks.Add();
  ASSERT_TRUE(shrinks.RelateAffine(a, b, 1, -2, 1));
  ASSERT_TRUE(shrinks.Unify(a, b));
  EXPECT_FALSE(shrinks.Narrow());
}

TEST(SizeProblemTest, TensorsStayWithinTheirLimit) {
  Random random(TestSeed(), 2);
  SizeMenu menu = Menu();
  menu.most_elements = 12;
  menu.room = 12;
  for (int i = 0; i < 500; ++i) {
    SizeProblem problem;
    const std::array dims = {problem.Add(2), problem.Add(), problem.Add()};
    problem.LimitTensor(dims);
    ASSERT_TRUE(problem.Solve(menu, random, nullptr));
    EXPECT_LE(problem.SizeOf(dims[0]) * problem.SizeOf(dims[1]) * problem.SizeOf(dims[2]), 12);
  }
}

// Two parts make a whole of eight elements at least, where the room is for three.
TEST(SizeProblemTest, TheRoomGrowsWhereItLeavesNoSolution) {
  Random random(TestSeed(), 3);
  SizeMenu menu = Menu();
  menu.most_elements = 64;
  menu.room = 3;
  for (int i = 0; i < 200; ++i) {
    SizeProblem problem;
    const std::array parts = {problem.Add(), problem.Add()};
    const DimId whole = problem.Add(8);
    for (const DimId& part : parts) ASSERT_TRUE(problem.LimitTensor(std::span(&part, 1)));
    ASSERT_TRUE(problem.RelateSum(whole, parts[0], parts[1]) && problem.LimitTensor(std::span(&whole, 1)));
    bool exhausted = true;
    ASSERT_TRUE(problem.Solve(menu, random, &exhausted));
    EXPECT_GE(problem.SizeOf(whole), 8);
    EXPECT_LE(problem.SizeOf(whole), 3 * 8) << "the least room that does";
  }
}

TEST(SizeProblemTest, FingerprintsTellSituationsApart) {
  const auto pose = [](int coefficient) {
    SizeProblem problem;
    const std::array dims = {problem.Add(), problem.Add()};
    problem.RelateProduct(dims[0], coefficient, std::array{dims[1]});
    return problem.Fingerprint(dims);
  };
  EXPECT_EQ(pose(2), pose(2));
  EXPECT_NE(pose(2), pose(3));
}

}  // namespace
}  // namespace drtriton
