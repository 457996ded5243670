#include "policy/weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "base/error.h"
#include "base/file.h"
#include "policy/int8_shards.h"
#include "policy/safetensors.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

ModelWeights SmallModel(bool tied = true, unsigned seed = 1) {
  ModelWeights weights;
  weights.config = {.vocabulary = 300, .width = 48, .layers = 2, .heads = 4, .kv_heads = 2, .head_size = 12, .hidden = 80, .context = 64, .tied = tied, .tokenizer = "t"};
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  weights.values.resize(static_cast<size_t>(LayoutOf(weights.config).count));
  for (float& value : weights.values) value = normal(random);
  return weights;
}

std::string Complaint(const std::function<void()>& work) {
  try {
    work();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(WeightsTest, Float32RoundTripIsExact) {
  const ScratchFolder folder;
  for (const bool tied : {true, false}) {
    const ModelWeights weights = SmallModel(tied);
    WriteModel(folder.path() / "new" / "folder", weights, WeightFormat::kFloat32);
    const ModelWeights read = ReadModel(folder.path() / "new" / "folder");
    EXPECT_EQ(read.config, weights.config);
    EXPECT_EQ(read.values, weights.values);
  }
}

TEST(WeightsTest, BFloat16IsRoundedToTheNearest) {
  const ScratchFolder folder;
  ModelWeights weights = SmallModel();
  weights.values[0] = 1.0F + 1.0F / 256;        // a tie: to even, 1
  weights.values[1] = 1.0F + 3.0F / 256;        // a tie: to even, 1 + 4/256
  weights.values[2] = -0.0F;
  WriteModel(folder.path(), weights, WeightFormat::kBFloat16);
  const ModelWeights read = ReadModel(folder.path());
  EXPECT_EQ(read.values[0], 1.0F);
  EXPECT_EQ(read.values[1], 1.0F + 4.0F / 256);
  EXPECT_TRUE(std::signbit(read.values[2]));
  for (size_t i = 0; i < read.values.size(); ++i) EXPECT_LE(std::abs(read.values[i] - weights.values[i]), std::abs(weights.values[i]) / 256);
}

TEST(WeightsTest, Int8IsWithinHalfAScaleAndStable) {
  const ScratchFolder folder;
  const ModelWeights weights = SmallModel();
  WriteInt8Shards(folder.path(), weights, 40000);
  EXPECT_TRUE(fs::exists(folder.path() / "weights-2-of-2.int8"));
  const ModelWeights read = ReadModel(folder.path());
  EXPECT_EQ(read.config, weights.config);
  for (const ModelParameter& parameter : LayoutOf(weights.config).parameters) {
    const auto row_length = static_cast<size_t>(std::max<int64_t>(parameter.columns, 1));
    for (auto row = static_cast<size_t>(parameter.offset); row < static_cast<size_t>(parameter.offset + parameter.count()); row += row_length) {
      float largest = 0;
      for (size_t i = 0; i < row_length; ++i) largest = std::max(largest, std::abs(weights.values[row + i]));
      const float bound = parameter.columns == 0 ? 0 : largest / 127 * 0.501F;
      for (size_t i = 0; i < row_length; ++i) ASSERT_LE(std::abs(read.values[row + i] - weights.values[row + i]), bound) << parameter.name;
    }
  }
  WriteModel(folder.path(), read, WeightFormat::kInt8);   // one shard now: those of the earlier set go
  EXPECT_FALSE(fs::exists(folder.path() / "weights-1-of-2.int8"));
  const ModelWeights again = ReadModel(folder.path());
  for (size_t i = 0; i < read.values.size(); ++i) ASSERT_NEAR(again.values[i], read.values[i], 1e-6);
}

TEST(WeightsTest, WhatIsWrittenOverAnotherLayoutIsWhatIsRead) {
  const ScratchFolder folder;
  const ModelWeights later = SmallModel(true, 2);
  WriteInt8Shards(folder.path(), SmallModel(), 40000);
  WriteModel(folder.path(), later, WeightFormat::kFloat32);
  EXPECT_EQ(ReadModel(folder.path()).values, later.values);
  WriteModel(folder.path(), SmallModel(), WeightFormat::kInt8);
  EXPECT_NEAR(ReadModel(folder.path()).values[0], SmallModel().values[0], 0.05);
}

TEST(WeightsTest, TheDefaultSizeFitsItsShards) {
  const ScratchFolder folder;
  ModelWeights weights;
  weights.values.assign(static_cast<size_t>(LayoutOf(weights.config).count), 0.5F);
  WriteModel(folder.path(), weights, WeightFormat::kInt8);
  uintmax_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(folder.path())) {
    EXPECT_LE(entry.file_size(), kLargestShardBytes);
    bytes += entry.file_size();
  }
  EXPECT_LE(bytes, uintmax_t{32} << 20);
  EXPECT_EQ(ReadModel(folder.path()).values[12345], 0.5F);
}

TEST(WeightsTest, BadShardsAreNamed) {
  const ScratchFolder folder;
  WriteInt8Shards(folder.path(), SmallModel(), 40000);
  const fs::path second = folder.path() / "weights-2-of-2.int8";
  const std::string whole = ReadFile(second);
  const auto complaint = [&] { return Complaint([&] { ReadModel(folder.path()); }); };
  WriteFileAtomically(second, whole.substr(0, whole.size() / 2));
  EXPECT_NE(complaint().find("weights-2-of-2.int8 is cut off"), std::string::npos) << complaint();
  std::string damaged = whole;
  damaged[whole.size() - 10] ^= 4;
  WriteFileAtomically(second, damaged);
  EXPECT_NE(complaint().find("weights-2-of-2.int8 is damaged"), std::string::npos) << complaint();
  fs::remove(second);
  EXPECT_NE(complaint().find("weights-2-of-2.int8 is missing"), std::string::npos) << complaint();
  const ScratchFolder other;
  WriteInt8Shards(other.path(), SmallModel(true, 2), 40000);
  WriteFileAtomically(second, ReadFile(other.path() / "weights-2-of-2.int8"));
  EXPECT_NE(complaint().find("other weights"), std::string::npos) << complaint();
  WriteFileAtomically(second, ReadFile(folder.path() / "weights-1-of-2.int8"));
  EXPECT_NE(complaint().find("another name"), std::string::npos) << complaint();
  WriteFileAtomically(folder.path() / "weights-1-of-1.int8", whole);
  EXPECT_NE(complaint().find("different sets"), std::string::npos) << complaint();
}

TEST(WeightsTest, BadFoldersAreNamed) {
  const ScratchFolder folder;
  const auto complaint = [&] { return Complaint([&] { ReadModel(folder.path()); }); };
  EXPECT_NE(Complaint([&] { ReadModel(folder.path() / "missing"); }).find("it is no folder"), std::string::npos);
  EXPECT_NE(complaint().find("config.json"), std::string::npos);
  const ModelWeights weights = SmallModel();
  WriteModel(folder.path(), weights, WeightFormat::kFloat32);
  const std::vector<float> values(300 * 48);
  const auto bytes = std::as_bytes(std::span(values));
  WriteSafetensors(folder.path() / "model.safetensors", {{"model.embed_tokens.weight", "F32", {300, 48}, bytes}});
  EXPECT_NE(complaint().find("holds no model."), std::string::npos) << complaint();
  WriteSafetensors(folder.path() / "model.safetensors", {{"model.embed_tokens.weight", "F32", {48, 300}, bytes}});
  EXPECT_NE(complaint().find("another shape"), std::string::npos) << complaint();
  WriteSafetensors(folder.path() / "model.safetensors", {{"classifier.weight", "F32", {48, 300}, bytes}});
  EXPECT_NE(complaint().find("does not have"), std::string::npos) << complaint();
  WriteFileAtomically(folder.path() / "config.json", "{");
  EXPECT_NE(complaint().find("is no JSON"), std::string::npos) << complaint();
}

}  // namespace
}  // namespace drtriton
