#include "train/token_data.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

std::string Complaint(const std::function<void()>& work) {
  try {
    work();
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

// Sequence i has i prompt tokens, a plan of 2 and a code of 3.
void WriteTokens(const std::filesystem::path& path, int32_t first, int32_t count, const std::string& tokenizer = "t") {
  TokenFileWriter writer({tokenizer, 100});
  for (int32_t i = first; i < first + count; ++i) {
    writer.Add(std::vector<int32_t>(static_cast<size_t>(i), 1), std::vector<int32_t>{10, 11}, std::vector<int32_t>{20, 21, i});
  }
  writer.Commit(path);
}

TEST(TokenDataTest, FilesOfFoldersInOrderWithoutWhatIsTooLong) {
  const ScratchFolder folder;
  WriteTokens(folder.path() / "b.tokens", 5, 3);
  WriteTokens(folder.path() / "a.tokens", 0, 5);
  WriteFileAtomically(folder.path() / "note.txt", "not a token file");
  const TokenData data({folder.path()}, 11);
  ASSERT_EQ(data.size(), 7);   // 12 tokens are too long
  EXPECT_EQ(data.left_out(), 1);
  for (int64_t i = 0; i < data.size(); ++i) EXPECT_EQ(data.at(i).ids.back(), i);
  EXPECT_EQ(data.vocabulary().size, 100);
}

TEST(TokenDataTest, Refusals) {
  const ScratchFolder folder;
  EXPECT_NE(Complaint([&] { TokenData({folder.path()}, 9); }).find("holds no token file"), std::string::npos);
  WriteTokens(folder.path() / "a.tokens", 4, 2);
  EXPECT_NE(Complaint([&] { TokenData({folder.path()}, 5); }).find("no sequence of at most 5"), std::string::npos);
  WriteTokens(folder.path() / "b.tokens", 4, 2, "other");
  EXPECT_NE(Complaint([&] { TokenData({folder.path()}, 50); }).find("another tokenizer"), std::string::npos);
}

TEST(TokenDataTest, APackPredictsPlanAndCodeAlone) {
  const ScratchFolder folder;
  WriteTokens(folder.path() / "a.tokens", 0, 3);
  const TokenData data({folder.path() / "a.tokens"}, 100);
  const TokenPack pack = MakePack(data, {2, 0}, 0.5, 2);
  EXPECT_EQ(pack.ids, (std::vector<int64_t>{1, 1, 10, 11, 20, 21, 2, 10, 11, 20, 21, 0}));
  EXPECT_EQ(pack.starts, (std::vector<int64_t>{0, 7, 12}));
  EXPECT_EQ(pack.rows, (std::vector<int64_t>{1, 2, 3, 4, 5, 7, 8, 9, 10}));
  EXPECT_EQ(pack.targets, (std::vector<int64_t>{10, 11, 20, 21, 2, 11, 20, 21, 0}));
  EXPECT_EQ(pack.weights, (std::vector<float>{0.5, 0.5, 2, 2, 2, 0.5, 2, 2, 2}));
  EXPECT_EQ(pack.plan, (std::vector<uint8_t>{1, 1, 0, 0, 0, 1, 0, 0, 0}));
  EXPECT_EQ(pack.TotalWeight(), 13.5);
}

TEST(TokenDataTest, EachEpochIsADifferentOrderOfEverything) {
  const ScratchFolder folder;
  WriteTokens(folder.path() / "a.tokens", 0, 20);
  const TokenData data({folder.path()}, 100);
  DataOrder order(data, 7, 60, {});
  std::vector<std::vector<int64_t>> epochs(2);
  while (true) {
    const std::vector<int64_t> pack = order.NextPack();
    if (order.position().epoch == 2) break;
    auto& epoch = epochs[static_cast<size_t>(order.position().epoch)];
    epoch.insert(epoch.end(), pack.begin(), pack.end());
    size_t tokens = 0;
    for (const int64_t sequence : pack) tokens += data.at(sequence).ids.size();
    EXPECT_LE(tokens, 60u);
  }
  EXPECT_NE(epochs[0], epochs[1]);
  for (const auto& epoch : epochs) {
    EXPECT_EQ(epoch.size(), 20u);
    EXPECT_EQ(std::set<int64_t>(epoch.begin(), epoch.end()).size(), 20u);
  }
}

TEST(TokenDataTest, APositionIsAllThereIsToKeep) {
  const ScratchFolder folder;
  WriteTokens(folder.path() / "a.tokens", 0, 20);
  const TokenData data({folder.path()}, 100);
  DataOrder order(data, 7, 60, {});
  for (int i = 0; i < 10; ++i) {
    DataOrder resumed(data, 7, 60, order.position());
    EXPECT_EQ(resumed.NextPack(), order.NextPack());
    EXPECT_EQ(resumed.position(), order.position());
  }
}

}  // namespace
}  // namespace drtriton
