#include "templates/matmul_schedule.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "templates/lower.h"
#include "templates/matmul_cases.h"

namespace drtriton {
namespace {

// Schedules of x @ w.T.
std::vector<MatmulSchedule> Schedules(int64_t m, int64_t n, int64_t k, DType dtype, int count, bool tf32 = false) {
  MatmulCase one = LinearCase("linear", m, n, k, dtype);
  one.program.context.matmul_tf32 = tf32;
  const Fragment fragment = WholeProgram(one.program);
  const auto lowered = Lower(fragment, LeafReading::kShared);
  return MatmulSchedules(std::get<MatmulProblem>(ReadMatmul(std::get<Lowered>(lowered))), H200(), count);
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
  for (int64_t size : {1, 2, 3, 7, 15}) EXPECT_FALSE(Schedules(size, size, size, DType::kFloat32, 8).empty());
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
