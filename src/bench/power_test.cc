#include "bench/power.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

MutantReport Report(const std::string& outcome, const std::string& rule) { return {"aten.relu.default", "relu dropped", rule, outcome, "own"}; }

TEST(PowerTableTest, CountsMutantsAndListsSurvivors) {
  std::string text = PowerTable({{"a", "", {Report("rejected", ""), Report("survived", ""), Report("survived", "relu of a non-negative value"), Report("rejected", "")}},
                                 {"b", "it hangs", {}}});
  EXPECT_NE(text.find("| a | 4 | 2 | 50.00% | 1 | 66.67% |"), std::string::npos) << text;
  EXPECT_NE(text.find("- a: relu dropped (aten.relu.default)"), std::string::npos) << text;
  EXPECT_NE(text.find("- relu of a non-negative value: 1"), std::string::npos) << text;
  EXPECT_NE(text.find("- b: it hangs"), std::string::npos) << text;
}

TEST(PowerBenchTest, AModuleAndALineOfSource) {
  ScratchFolder folder("power");
  std::string source = R"(import torch


class Model(torch.nn.Module):
    def forward(self, x, y):
        return torch.relu(x * 1.5 + y)


def get_inputs():
    return [torch.rand(40, 30), torch.rand(40, 30)]


def get_init_inputs():
    return []
)";
  WriteFileAtomically(folder.path() / "m.py", source);
  WriteFileAtomically(folder.path() / "p.jsonl", Json{{"source", source}}.dump() + "\n" + Json{{"source", "def"}}.dump() + "\n");
  PowerBench bench;
  bench.modules = {folder.path()};
  bench.programs = folder.path() / "p.jsonl";
  bench.device = DeviceChoice::kCpu;
  std::vector<PowerRow> rows = MeasurePower(bench);
  ASSERT_EQ(rows.size(), 3u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(rows[i].failure, "");
    EXPECT_GE(rows[i].mutants.size(), 6u);
    for (const MutantReport& mutant : rows[i].mutants) EXPECT_EQ(mutant.outcome, "rejected") << mutant.change;
  }
  EXPECT_NE(rows[2].failure, "");
}

TEST(PowerBenchTest, NothingToMeasureIsAUserError) { EXPECT_THROW(MeasurePower(PowerBench{}), UserError); }

}  // namespace
}  // namespace drtriton
