#include "train/checkpoint.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

Checkpoint Small(int64_t step) {
  Checkpoint checkpoint;
  checkpoint.step = step;
  checkpoint.updates = step - 1;
  checkpoint.tokens = 1000 * step;
  checkpoint.position = {2, step};
  checkpoint.config = {.vocabulary = 8, .width = 4, .layers = 1, .heads = 1, .kv_heads = 1, .head_size = 4, .hidden = 4, .context = 8};
  checkpoint.curve = {{"optimizer.learning_rate", 0.1}};
  const auto count = static_cast<size_t>(LayoutOf(checkpoint.config).count);
  checkpoint.parameters.assign(count, 0.1F);
  checkpoint.first_moments.assign(count, 0.2F);
  checkpoint.second_moments.assign(count, static_cast<float>(step));
  return checkpoint;
}

TEST(CheckpointTest, RoundTripAndOldOnesGo) {
  const ScratchFolder folder;
  EXPECT_FALSE(NewestCheckpoint(folder.path()));
  EXPECT_FALSE(NewestCheckpoint(folder.path() / "missing"));
  for (const int64_t step : {5, 20, 100}) WriteCheckpoint(folder.path(), Small(step), 2);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "step-000000005.checkpoint"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "step-000000020.checkpoint"));
  const auto read = NewestCheckpoint(folder.path());
  ASSERT_TRUE(read);
  const Checkpoint wanted = Small(100);
  EXPECT_EQ(read->step, 100);
  EXPECT_EQ(read->updates, 99);
  EXPECT_EQ(read->tokens, 100000);
  EXPECT_EQ(read->position, wanted.position);
  EXPECT_EQ(read->config, wanted.config);
  EXPECT_EQ(read->curve, wanted.curve);
  EXPECT_EQ(read->parameters, wanted.parameters);
  EXPECT_EQ(read->first_moments, wanted.first_moments);
  EXPECT_EQ(read->second_moments, wanted.second_moments);
}

TEST(CheckpointTest, ADamagedOneIsPassedOver) {
  const ScratchFolder folder;
  WriteCheckpoint(folder.path(), Small(5), 2);
  WriteCheckpoint(folder.path(), Small(6), 2);
  const auto newest = folder.path() / "step-000000006.checkpoint";
  const std::string bytes = ReadFile(newest);
  WriteFileAtomically(newest, bytes.substr(0, bytes.size() - 1));
  EXPECT_EQ(NewestCheckpoint(folder.path())->step, 5);
}

TEST(CheckpointTest, TheOneJustWrittenStaysBesideDamagedOnesOfLaterSteps) {
  const ScratchFolder folder;
  for (const char* name : {"step-000000050.checkpoint", "step-000000060.checkpoint"}) WriteFileAtomically(folder.path() / name, "damaged");
  for (const int64_t step : {5, 6, 7}) {
    WriteCheckpoint(folder.path(), Small(step), 2);
    EXPECT_EQ(NewestCheckpoint(folder.path())->step, step);
  }
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "step-000000005.checkpoint"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "step-000000006.checkpoint"));
}

TEST(CheckpointTest, AFolderThatCannotBeWrittenIsNamed) {
  try {
    WriteCheckpoint("/nonexistent/run", Small(5), 2);
    FAIL();
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("/nonexistent/run"), std::string::npos);
  }
}

}  // namespace
}  // namespace drtriton
