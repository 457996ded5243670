#include "synth/splits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "graph/program_python.h"
#include "synth/random_program.h"

namespace drtriton {
namespace {

std::vector<std::string> OperatorsOf(const Program& program) {
  std::vector<std::string> operators;
  for (const Node& node : program.nodes) operators.push_back(node.op);
  return operators;
}

TEST(Splits, NoMultisetIsInTwoParts) {
  std::mt19937_64 random(1);
  std::map<std::multiset<std::string>, std::set<Split>> parts;
  for (int i = 0; i < 3000; ++i) {
    const Program program = RandomProgram(random, 2 + i % 8);
    std::vector<std::string> operators = OperatorsOf(program);
    const std::multiset<std::string> multiset(operators.begin(), operators.end());
    std::shuffle(operators.begin(), operators.end(), random);
    parts[multiset].insert(SplitOf(program, operators));
  }
  EXPECT_GT(parts.size(), 100u);
  for (const auto& [multiset, splits] : parts) EXPECT_EQ(splits.size(), 1u);
}

Program Unary(const std::string& call, int64_t rows, const char* dtype = "f32") {
  const std::string type = std::string(dtype) + "[" + std::to_string(rows) + ", 3]";
  return ParseFlatText("# model on cpu\ndef forward(x):\n    # x: " + type + "\n    y = " + call + "  # " + type +
                       "\n    return y\n");
}

TEST(Splits, OneOperatorGoesByAttributesAndShapes) {
  std::set<Split> parts;
  for (int64_t rows = 1; rows < 300; ++rows) {
    const Split split = SplitOf(Unary("F.relu(x)", rows), {"aten.relu.default"});
    EXPECT_EQ(split, SplitOf(Unary("F.relu(x)", rows, "bf16"), {"aten.relu.default"}));
    parts.insert(split);
  }
  EXPECT_EQ(parts.size(), 3u);
  std::set<Split> by_attribute;
  for (int i = 1; i < 300; ++i) {
    by_attribute.insert(SplitOf(Unary("F.elu(x, " + std::to_string(i) + ".5)", 4), {"aten.elu.default"}));
  }
  EXPECT_EQ(by_attribute.size(), 3u);
}

TEST(Splits, SharesAreAsStated) {
  std::array<int, 3> counts = {};
  const Program program;
  for (int i = 0; i < 20000; ++i) {
    ++counts[static_cast<size_t>(SplitOf(program, {"aten.relu.default", "aten.op" + std::to_string(i) + ".default"}))];
  }
  EXPECT_NEAR(counts[0], 18000, 200);
  EXPECT_NEAR(counts[1], 1000, 150);
  EXPECT_NEAR(counts[2], 1000, 150);
}

TEST(Splits, NamesReadBack) {
  for (const Split split : {Split::kTrain, Split::kValidation, Split::kTest}) EXPECT_EQ(SplitFromName(Name(split)), split);
  EXPECT_EQ(SplitFromName("all"), std::nullopt);
}

}  // namespace
}  // namespace drtriton
