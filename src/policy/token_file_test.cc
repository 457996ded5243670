#include "policy/token_file.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

const TokenVocabulary kVocabulary = {"0123abcd", 1000};

std::vector<int> Ids(const TokenSequence& sequence) { return {sequence.ids.begin(), sequence.ids.end()}; }

TEST(TokenFileTest, RoundTripKeepsSpans) {
  const ScratchFolder folder;
  const auto path = folder.path() / "a.tokens";
  TokenFileWriter writer(kVocabulary);
  writer.Add(std::vector<int32_t>{1, 2, 3}, std::vector<int32_t>{4}, std::vector<int32_t>{5, 999});
  writer.Add(std::vector<int32_t>{7}, {}, {});
  EXPECT_EQ(writer.size(), 2);
  EXPECT_EQ(writer.token_count(), 7);
  writer.Commit(path);
  EXPECT_EQ(writer.size(), 0);
  const TokenFile file(path);
  EXPECT_EQ(file.vocabulary(), kVocabulary);
  ASSERT_EQ(file.size(), 2);
  EXPECT_EQ(file.token_count(), 7);
  EXPECT_EQ(Ids(file.at(0)), (std::vector<int>{1, 2, 3, 4, 5, 999}));
  EXPECT_EQ(file.at(0).prompt_length, 3);
  EXPECT_EQ(file.at(0).plan_length, 1);
  EXPECT_EQ(file.at(0).code_length, 2);
  EXPECT_EQ(Ids(file.at(1)), (std::vector<int>{7}));
}

TEST(TokenFileTest, AnEmptyFileIsLegal) {
  const ScratchFolder folder;
  TokenFileWriter(kVocabulary).Commit(folder.path() / "a.tokens");
  EXPECT_EQ(TokenFile(folder.path() / "a.tokens").size(), 0);
}

TEST(TokenFileTest, WriterRefusesIdsOutsideTheVocabulary) {
  TokenFileWriter writer(kVocabulary);
  EXPECT_THROW(writer.Add({}, {}, std::vector<int32_t>{1000}), InternalError);
  EXPECT_THROW(writer.Add(std::vector<int32_t>{-1}, {}, {}), InternalError);
  EXPECT_EQ(writer.size(), 0);
}

TEST(TokenFileTest, ReaderRefusesWhatDoesNotFit) {
  const ScratchFolder folder;
  const auto path = folder.path() / "a.tokens";
  const auto complaint = [&](const Json& members, const std::vector<uint32_t>& lengths, const std::string& ids) {
    const std::string payload(reinterpret_cast<const char*>(lengths.data()), lengths.size() * 4);
    WriteSealedFile(path, "drtriton.tokens/1", members, payload + ids);
    try {
      TokenFile file(path);
      return std::string();
    } catch (const UserError& error) {
      return std::string(error.what());
    }
  };
  const auto header = [](int64_t sequences, int64_t tokens) {
    return Json{{"tokenizer", "t"}, {"vocabulary", 64}, {"sequences", sequences}, {"tokens", tokens}};
  };
  EXPECT_EQ(complaint(header(1, 2), {1, 1, 0}, std::string("\1\0\2\0", 4)), "");
  EXPECT_NE(complaint(header(1, 2), {1, 2, 0}, std::string("\1\0\2\0", 4)).find("counts other tokens"), std::string::npos);
  EXPECT_NE(complaint(header(1, 3), {1, 1, 0}, std::string("\1\0\2\0", 4)).find("does not fit"), std::string::npos);
  EXPECT_NE(complaint(header(9, 2), {1, 1, 0}, std::string("\1\0\2\0", 4)).find("out of range"), std::string::npos);
  EXPECT_NE(complaint(header(1, 2), {1, 1, 0}, std::string("\1\0\2\1", 4)).find("outside its vocabulary"), std::string::npos);
  EXPECT_NE(complaint(Json::object(), {}, "").find("tokenizer is missing"), std::string::npos);
}

}  // namespace
}  // namespace drtriton
