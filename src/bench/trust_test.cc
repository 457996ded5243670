#include "bench/trust.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

class TrustTest : public testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = scratch_.path() / path;
    std::filesystem::create_directories(file.parent_path());
    WriteFileAtomically(file, text);
  }

  ScratchFolder scratch_;
};

TEST_F(TrustTest, ReadsWhatACandidateMustGet) {
  Write("cheats/races/late.py", "# Races.\n#\n# module: sum\n# mode: hybrid\n# shows: on a GPU\n# expect: rejected numerics wrong_values|unwritten\n\nimport torch\n");
  Write("honest/plain.py", "# Plain.\n#\n# module: sum\n# expect: accepted done ok\n");
  const std::vector<TrustCandidate> candidates = ReadTrustCandidates(scratch_.path());
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[0].kind, "races");
  EXPECT_EQ(candidates[0].name, "late");
  EXPECT_EQ(candidates[0].mode, "hybrid");
  EXPECT_TRUE(candidates[0].gpu_only);
  EXPECT_EQ(candidates[0].codes, (std::vector<std::string>{"wrong_values", "unwritten"}));
  EXPECT_EQ(candidates[1].kind, "honest");
  EXPECT_EQ(candidates[1].mode, "strict");
  EXPECT_EQ(candidates[1].verdict, "accepted");
}

TEST_F(TrustTest, NamesAFileThatDoesNotSay) {
  Write("cheats/races/late.py", "# module: sum\nimport torch\n");
  Write("honest/plain.py", "# module: sum\n# expect: accepted done ok\n");
  EXPECT_THROW(ReadTrustCandidates(scratch_.path()), UserError);
  EXPECT_THROW(ReadTrustCandidates(scratch_.path() / "missing"), UserError);
}

}  // namespace
}  // namespace drtriton
