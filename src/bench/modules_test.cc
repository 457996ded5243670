#include "bench/modules.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

// A folder with modules whose reports are already there: nothing is measured, the table is made.
class ModulesBenchTest : public testing::Test {
 protected:
  void SetUp() override {
    bench_.folder = scratch_.path() / "modules";
    bench_.results = scratch_.path() / "results";
    std::filesystem::create_directories(bench_.folder);
    std::filesystem::create_directories(bench_.results);
    WriteFileAtomically(bench_.folder / "gelu.py", "GROUP = \"GEMM-bound\"\nBATCH = 8  # few: 1; small: 2\n");
    WriteFileAtomically(bench_.folder / "gelu_triton.py", "");
  }
  void Report(const std::string& json, const std::string& name = "gelu") {
    WriteFileAtomically(bench_.results / (name + ".json"), json);
  }

  ScratchFolder scratch_;
  ModulesBench bench_;
};

const char* const kTimings = R"({"timings": [{"name": "eager", "device_ms": 2.0, "wall_us": 10.0},
                         {"name": "torch.compile", "device_ms": 1.5, "wall_us": 60.0},
                         {"name": "torch.compile max-autotune-no-cudagraphs", "device_ms": 1.2, "wall_us": 70.0},
                         {"name": "drtriton", "device_ms": 1.0, "wall_us": 5.0}]})";

TEST_F(ModulesBenchTest, PrintsTimesAndRatios) {
  Report(kTimings);
  std::string table = RunModulesBench(bench_);
  EXPECT_NE(table.find("| gelu | 2.0000 | 1.5000 | 1.0000 | 2.00x | 1.50x | 10 | 60 | 5 |"), std::string::npos) << table;
  EXPECT_EQ(table.find("gelu_triton"), std::string::npos);
}

TEST_F(ModulesBenchTest, TheBestRivalCounts) {
  Report(kTimings);
  bench_.max_autotune = true;
  std::string table = RunModulesBench(bench_);
  EXPECT_NE(table.find("| 1.2000 | 1.0000 | 2.00x | 1.50x | 1.20x | 10 | 60 | 70 | 5 |"), std::string::npos) << table;
  EXPECT_NE(table.find("| fp32 GEMM-bound | 1 of 1 | 2.00x | 1.20x | 1.20x | 2.00x |"), std::string::npos) << table;
}

TEST_F(ModulesBenchTest, MeansAreGeometricAndOverAGroup) {
  bench_.variants = DtypeAndBatchVariants();
  for (const char* name : {"gelu", "gelu_few", "gelu_bf16_few"}) Report(kTimings, name);
  Report(R"({"outcome": "Not converted.", "timings": []})", "gelu_bf16");
  std::string table = RunModulesBench(bench_);
  EXPECT_NE(table.find("| bf16 GEMM-bound | 0 of 1 | - | - | - | - |"), std::string::npos) << table;
  EXPECT_NE(table.find("| bf16 GEMM-bound, small batch | 1 of 1 | 2.00x | 1.50x | 1.50x | 2.00x |"), std::string::npos) << table;
  EXPECT_EQ(ReadFile(bench_.results / "modules" / "gelu_few.py"), "GROUP = \"GEMM-bound\"\nBATCH = 1\n");
}

TEST_F(ModulesBenchTest, OnlyNamesAModuleOrOneOfItsVariants) {
  bench_.variants = DtypeAndBatchVariants();
  bench_.only = {"gelu"};
  EXPECT_EQ(ListRuns(bench_).size(), 4u);
  bench_.only = {"gelu_bf16"};
  ASSERT_EQ(ListRuns(bench_).size(), 1u);
  EXPECT_EQ(ListRuns(bench_)[0].module, bench_.results / "modules" / "gelu_bf16.py");
}

TEST_F(ModulesBenchTest, SaysWhyThereIsNoTime) {
  Report(R"({"outcome": "Not converted: nothing faster.", "timings": []})");
  EXPECT_NE(RunModulesBench(bench_).find("Not converted: nothing faster."), std::string::npos);
}

TEST_F(ModulesBenchTest, RefusesAFolderWithoutModules) {
  bench_.only = {"no_such"};
  EXPECT_THROW(RunModulesBench(bench_), UserError);
  bench_.folder = scratch_.path() / "missing";
  EXPECT_THROW(RunModulesBench(bench_), UserError);
}

}  // namespace
}  // namespace drtriton
