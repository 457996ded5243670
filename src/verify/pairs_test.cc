#include "verify/pairs.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

std::vector<Pair> Read(const std::string& text) {
  ScratchFolder folder("drtriton-pairs");
  WriteFileAtomically(folder.path() / "pairs.jsonl", text);
  return ReadPairs(folder.path() / "pairs.jsonl");
}

TEST(ReadPairs, TakesEveryLineThatHoldsAPair) {
  const std::vector<Pair> pairs = Read("{\"module\": \"a.py\", \"candidate\": \"b.py\"}\n\n{\"candidate\": \"d.py\", \"module\": \"c.py\", \"more\": 1}");
  ASSERT_EQ(pairs.size(), 2u);
  EXPECT_EQ(pairs[0].module, "a.py");
  EXPECT_EQ(pairs[1].candidate, "d.py");
}

TEST(ReadPairs, NamesTheLineThatDoesNot) {
  for (const char* bad : {"{\"module\": \"a.py\"}", "[1]", "no JSON", "{\"module\": 1, \"candidate\": \"b.py\"}"}) {
    try {
      Read(std::string("{\"module\": \"a.py\", \"candidate\": \"b.py\"}\n") + bad);
      FAIL() << bad;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find("line 2"), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(Read(""), UserError);
}

}  // namespace
}  // namespace drtriton
