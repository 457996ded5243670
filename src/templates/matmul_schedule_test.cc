#include "templates/matmul_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "templates/lower.h"
#include "templates/matmul_cases.h"

namespace drtriton {
namespace {

constexpr int kAll = 100000;

std::vector<MatmulSchedule> Schedules(const MatmulCase& one, int count) {
  const Fragment fragment = WholeProgram(one.program);
  const auto lowered = Lower(fragment, LeafReading::kShared);
  return MatmulSchedules(std::get<MatmulProblem>(ReadMatmul(std::get<Lowered>(lowered))), H200(), count);
}

// Schedules of x @ w.T.
std::vector<MatmulSchedule> Schedules(int64_t m, int64_t n, int64_t k, DType dtype, int count, bool tf32 = false) {
  MatmulCase one = LinearCase("linear", m, n, k, dtype);
  one.program.context.matmul_tf32 = tf32;
  return Schedules(one, count);
}

MatmulCase RealCase(const std::string& name) {
  for (MatmulCase& one : RealMatmulCases()) {
    if (one.name == name) return std::move(one);
  }
  throw InternalError("no case " + name);
}

// Times on an H200 (SXM, 141 GB), L2 flushed before each, in microseconds.  Times of short kernels with descriptors or
// a second kernel are left out: those runs were launched from Python, which takes longer than the kernels do.
struct Measured {
  const char* schedule;
  double us;
};
struct MeasuredCase {
  const char* name;  // of RealMatmulCases()
  std::vector<Measured> runs;
};

const std::vector<MeasuredCase>& MeasuredCases() {
  static const std::vector<MeasuredCase> cases = {
      {"f32_1024x8192x8192",
       {{"tf32x3, pointers, 128x128x32, 8 warps, 3 stages", 1600},
        {"tf32x3, TMA, persistent, 128x128x32, 8 warps, 4 stages", 1750}}},
      {"f32_4096x4096x4096", {{"tf32x3, TMA, persistent, 128x128x32, 8 warps, 4 stages", 1753}}},
      {"f32_512x4096x1024", {{"tf32x3, TMA, 128x128x32, 8 warps, 4 stages", 61.3}}},
      {"f32_128x768x3072", {{"tf32x3, pointers, split K in 8, 128x64x32, 4 warps, 4 stages", 25.0}}},
      {"f32_swiglu", {{"tf32x3, TMA, persistent, 128x64x32, 8 warps, 4 stages", 683}}},
      {"bf16_4096x4096x4096",
       {{"native, TMA, persistent, 128x256x64, 8 warps, 3 stages", 182.1},
        {"native, TMA, 128x256x64, 8 warps, 3 stages", 183.7},
        {"native, TMA, 128x256x64, 8 warps, 4 stages", 186.4},
        {"native, TMA, persistent, 256x128x64, 8 warps, 3 stages", 197.6},
        {"native, pointers, 128x256x64, 8 warps, 4 stages", 209.5},
        {"native, pointers, 128x256x64, 8 warps, 3 stages", 210.0}}},
      {"bf16_8192x11008x4096",
       {{"native, TMA, 128x256x64, 8 warps, 4 stages", 952.5},
        {"native, TMA, 128x256x64, 8 warps, 3 stages", 953.7},
        {"native, TMA, persistent, 256x128x64, 8 warps, 3 stages", 1000.8},
        {"native, TMA, persistent, 128x256x64, 8 warps, 3 stages", 1010.0},
        {"native, pointers, 128x256x64, 8 warps, 4 stages", 1077.2},
        {"native, pointers, 128x256x64, 8 warps, 3 stages", 1138.9}}},
      {"bf16_16x4096x4096",
       {{"native, pointers, 16x32x256, 4 warps, 4 stages", 16.9},
        {"native, pointers, 16x16x256, 4 warps, 4 stages", 18.1},
        {"native, pointers, 16x64x128, 4 warps, 5 stages", 19.4}}},
      {"bf16_2048x768x3072",
       {{"native, pointers, 128x128x64, 8 warps, 4 stages", 25.7},
        {"native, pointers, 128x128x64, 4 warps, 3 stages", 31.6}}},
      {"bf16_swiglu",
       {{"native, TMA, 128x128x64, 8 warps, 4 stages", 1905.4},
        {"native, TMA, 128x64x64, 8 warps, 4 stages", 2376.2},
        {"native, pointers, 128x128x64, 8 warps, 4 stages", 2508.1},
        {"native, TMA, persistent, 128x128x64, 8 warps, 4 stages", 2562.6},
        {"native, pointers, 128x64x64, 8 warps, 4 stages", 2889.2},
        {"native, TMA, persistent, 128x64x64, 8 warps, 4 stages", 3651.2}}},
      {"bf16_silu_mul_linear",
       {{"native, TMA, 128x128x64, 8 warps, 4 stages", 1793.3},
        {"native, TMA, 64x128x64, 4 warps, 4 stages", 1797.4},
        {"native, pointers, 64x128x64, 4 warps, 4 stages", 1897.2},
        {"native, TMA, persistent, 128x128x64, 8 warps, 4 stages", 2876.5}}},
  };
  return cases;
}

TEST(MatmulSchedule, EstimatesAreWithinAFifthOfTheMeasuredTimes) {
  for (const MeasuredCase& one : MeasuredCases()) {
    std::map<std::string, double> estimates;
    for (const MatmulSchedule& s : Schedules(RealCase(one.name), kAll)) estimates[Describe(s)] = s.estimated_us;
    for (const Measured& run : one.runs) {
      ASSERT_TRUE(estimates.contains(run.schedule)) << one.name << ": " << run.schedule;
      EXPECT_NEAR(estimates[run.schedule] / run.us, 1, 0.2) << one.name << ": " << run.schedule;
    }
  }
}

TEST(MatmulSchedule, TheFirstMeasuredScheduleIsOneOfTheThreeFastest) {
  for (MeasuredCase one : MeasuredCases()) {
    std::sort(one.runs.begin(), one.runs.end(), [](const Measured& a, const Measured& b) { return a.us < b.us; });
    auto rank = [&](const MatmulSchedule& s) {
      return std::find_if(one.runs.begin(), one.runs.end(),
                          [&](const Measured& r) { return r.schedule == Describe(s); }) -
             one.runs.begin();
    };
    const auto schedules = Schedules(RealCase(one.name), kAll);
    const auto first = std::find_if(schedules.begin(), schedules.end(), [&](const MatmulSchedule& s) {
      return rank(s) < static_cast<ptrdiff_t>(one.runs.size());
    });
    ASSERT_NE(first, schedules.end()) << one.name;
    EXPECT_LT(rank(*first), 3) << one.name << ": " << Describe(*first);
    EXPECT_LT(one.runs[rank(*first)].us, 1.05 * one.runs.front().us) << one.name << ": " << Describe(*first);
  }
}

TEST(MatmulSchedule, TheFastestMeasuredScheduleIsAmongTheFirstEight) {
  for (const MeasuredCase& one : MeasuredCases()) {
    if (one.runs.size() == 1) continue;
    const Measured& best =
        *std::min_element(one.runs.begin(), one.runs.end(), [](auto& a, auto& b) { return a.us < b.us; });
    const auto schedules = Schedules(RealCase(one.name), 8);
    EXPECT_TRUE(std::any_of(schedules.begin(), schedules.end(),
                            [&](const MatmulSchedule& s) { return Describe(s) == best.schedule; }))
        << one.name << ": " << best.schedule;
  }
}

TEST(MatmulSchedule, ShortKernelsBeginWithPointers) {
  for (const char* name : {"bf16_2048x768x3072", "bf16_16x4096x4096", "f32_128x768x3072", "f32_512x4096x1024"}) {
    const MatmulSchedule first = Schedules(RealCase(name), 1).front();
    EXPECT_FALSE(first.descriptors || first.persistent) << name << ": " << Describe(first);
  }
}

TEST(MatmulSchedule, SplittingKComesAfterWholeSumsWhereTilesAreEnough) {
  const auto schedules = Schedules(16, 4096, 4096, DType::kBFloat16, 3);
  for (const MatmulSchedule& schedule : schedules) EXPECT_EQ(schedule.split_k, 1) << Describe(schedule);
}

TEST(MatmulSchedule, HalvesAreThreeOfTheFirstEightAtMost) {
  const auto schedules = Schedules(4096, 4096, 4096, DType::kFloat32, 8);
  auto is = [](Precision precision) { return [=](const MatmulSchedule& s) { return s.precision == precision; }; };
  EXPECT_LE(std::count_if(schedules.begin(), schedules.end(), is(Precision::kHalves)), 3);
  EXPECT_GE(std::count_if(schedules.begin(), schedules.end(), is(Precision::kTf32x3)), 5);
  EXPECT_EQ(schedules.front().precision, Precision::kTf32x3);
}

TEST(MatmulSchedule, RealSizesHaveManyDistinctSchedules) {
  for (DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    std::set<std::string> texts;
    for (const MatmulSchedule& schedule : Schedules(4096, 4096, 4096, dtype, 24)) texts.insert(Describe(schedule));
    EXPECT_GE(texts.size(), 8u);
  }
}

TEST(MatmulSchedule, SeveralKindsAreAmongTheFirstEight) {
  std::set<std::string> kinds;
  for (const MatmulSchedule& schedule : Schedules(4096, 4096, 4096, DType::kBFloat16, 8)) kinds.insert(Kind(schedule));
  EXPECT_GE(kinds.size(), 3u);
}

TEST(MatmulSchedule, Deterministic) {
  const auto first = Schedules(512, 4096, 1024, DType::kFloat32, 12),
             second = Schedules(512, 4096, 1024, DType::kFloat32, 12);
  ASSERT_EQ(first.size(), second.size());
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(Describe(first[i]), Describe(second[i]));
}

TEST(MatmulSchedule, ThePrecisionThatSurelyPassesIsAmongTheFirstThree) {
  const auto schedules = Schedules(4096, 4096, 4096, DType::kFloat32, 3);
  EXPECT_TRUE(std::any_of(schedules.begin(), schedules.end(),
                          [](const MatmulSchedule& s) { return s.precision == Precision::kTf32x3; }));
}

TEST(MatmulSchedule, Tf32OnlyWhereAllowed) {
  for (bool allowed : {false, true}) {
    for (const MatmulSchedule& schedule : Schedules(1024, 1024, 1024, DType::kFloat32, 100, allowed)) {
      const bool coarse = schedule.precision == Precision::kTf32 || schedule.precision == Precision::kHalf;
      EXPECT_TRUE(!coarse || allowed) << Describe(schedule);
    }
  }
}

TEST(MatmulSchedule, OneRowGoesWithoutTensorCores) {
  EXPECT_TRUE(Schedules(1, 4096, 4096, DType::kFloat32, 1).front().vector);
}

TEST(MatmulSchedule, FewTilesAndALongSumSplitK) {
  const auto schedules = Schedules(64, 64, 16384, DType::kBFloat16, 1);
  EXPECT_GT(schedules.front().split_k, 1) << Describe(schedules.front());
}

TEST(MatmulSchedule, ManyTilesNeverSplitK) {
  for (const MatmulSchedule& schedule : Schedules(8192, 8192, 1024, DType::kBFloat16, 1000)) {
    EXPECT_TRUE(schedule.split_k == 1 || schedule.block_m < 64 || schedule.block_n < 64) << Describe(schedule);
  }
}

TEST(MatmulSchedule, TinyProblemsHaveOneThatFits) {
  for (int64_t size : {2, 3, 7, 15}) EXPECT_FALSE(Schedules(size, size, size, DType::kFloat32, 8).empty());
}

TEST(MatmulSchedule, PersistentLoopsPayForTheirStore) {
  MatmulCase one = LinearCase("linear", 4096, 4096, 4096, DType::kFloat32);
  const Fragment fragment = WholeProgram(one.program);
  const auto lowered = Lower(fragment, LeafReading::kShared);
  const auto read = ReadMatmul(std::get<Lowered>(lowered));
  const MatmulProblem& problem = std::get<MatmulProblem>(read);
  MatmulSchedule schedule{.precision = Precision::kHalves, .descriptors = true};
  schedule.num_warps = 8;
  EXPECT_TRUE(IsValid(problem, schedule, H200()));
  schedule.persistent = true;  // 192 KiB of stages and 64 KiB for the store
  EXPECT_FALSE(IsValid(problem, schedule, H200()));
}

}  // namespace
}  // namespace drtriton
