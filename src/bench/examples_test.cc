#include "bench/examples.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

// A folder with one module whose report is already there: nothing is measured, the table is made.
class ExamplesBenchTest : public testing::Test {
 protected:
  void SetUp() override {
    bench_.folder = scratch_.path() / "modules";
    bench_.results = scratch_.path() / "results";
    std::filesystem::create_directories(bench_.folder);
    std::filesystem::create_directories(bench_.results);
    WriteFileAtomically(bench_.folder / "gelu.py", "");
    WriteFileAtomically(bench_.folder / "gelu_triton.py", "");
  }
  void Report(const std::string& json) { WriteFileAtomically(bench_.results / "gelu.json", json); }

  ScratchFolder scratch_;
  ExamplesBench bench_;
};

TEST_F(ExamplesBenchTest, PrintsTimesAndRatios) {
  Report(R"({"timings": [{"name": "eager", "device_ms": 2.0, "wall_us": 10.0},
                         {"name": "torch.compile", "device_ms": 1.5, "wall_us": 60.0},
                         {"name": "drtriton", "device_ms": 1.0, "wall_us": 14.0}]})");
  std::string table = RunExamplesBench(bench_);
  EXPECT_NE(table.find("| gelu | 2.0000 | 1.5000 | 1.0000 | 2.00x | 1.50x | 10 | 60 | 14 |"), std::string::npos) << table;
  EXPECT_EQ(table.find("gelu_triton"), std::string::npos);
}

TEST_F(ExamplesBenchTest, SaysWhyThereIsNoTime) {
  Report(R"({"outcome": "Not converted: nothing faster.", "timings": []})");
  EXPECT_NE(RunExamplesBench(bench_).find("Not converted: nothing faster."), std::string::npos);
}

TEST_F(ExamplesBenchTest, RefusesAFolderWithoutModules) {
  bench_.only = {"no_such"};
  EXPECT_THROW(RunExamplesBench(bench_), UserError);
  bench_.folder = scratch_.path() / "missing";
  EXPECT_THROW(RunExamplesBench(bench_), UserError);
}

}  // namespace
}  // namespace drtriton
