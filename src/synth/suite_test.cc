#include "synth/suite.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

const SamplerOptions kTiny{.size = SizeClass::kTiny};

TEST(Suite, IsWrittenWholeAndAlikeEachTime) {
  const ScratchFolder scratch;
  const fs::path first = scratch.path() / "first", second = scratch.path() / "second";
  WriteSuite(first, kTiny, kSuiteSeed, 2);
  const Json index = Json::parse(ReadFile(first / "index.json"));
  ASSERT_EQ(index.at("programs").size(), 400u);
  EXPECT_EQ(index.at("seed"), kSuiteSeed);
  std::set<std::string> ids;
  for (const Json& program : index.at("programs")) {
    EXPECT_TRUE(ids.insert(program.at("id")).second);
    EXPECT_EQ(program.at("operators").size(), program.at("level").get<size_t>());
    EXPECT_NE(ReadFile(first / program.at("file").get<std::string>()).find("class Model"), std::string::npos);
  }
  WriteSuite(second, kTiny, kSuiteSeed, 1);
  EXPECT_EQ(ReadFile(first / "index.json"), ReadFile(second / "index.json"));
  const std::string some = index.at("programs").at(250).at("file");
  EXPECT_EQ(ReadFile(first / some), ReadFile(second / some));
}

TEST(Suite, LeavesAFullFolderAlone) {
  const ScratchFolder scratch;
  WriteFileAtomically(scratch.path() / "mine", "kept");
  EXPECT_THROW(WriteSuite(scratch.path(), kTiny), UserError);
  EXPECT_EQ(std::distance(fs::directory_iterator(scratch.path()), fs::directory_iterator()), 1);
}

}  // namespace
}  // namespace drtriton
