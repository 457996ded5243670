#include "bench/verify.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace drtriton {
namespace {

// Whether they are right is not this test's subject: the table lists what was not accepted.
TEST(VerifyBench, CountsVerdictsOfTheExpertsCandidates) {
  ScratchFolder folder("drtriton-bench");
  VerifyBench bench{.programs = 5, .candidates = 1, .usual = 0, .store = folder.path() / "verdicts.sqlite", .seed = 3, .size = SizeClass::kTiny, .device = DeviceChoice::kCpu};
  const std::string table = RunVerifyBench(bench);
  EXPECT_NE(table.find("| programs judged | 5 |"), std::string::npos) << table;
  EXPECT_NE(table.find("| candidates | 5 |"), std::string::npos) << table;
  EXPECT_NE(table.find("| verdict ok | "), std::string::npos) << table;
  EXPECT_NE(table.find("| answered from the store | 0 |"), std::string::npos) << table;
  EXPECT_EQ(table.find("| the same again: answered from the store | 0 |"), std::string::npos) << table;
  EXPECT_NE(table.find("| reference values | "), std::string::npos) << table;
}

}  // namespace
}  // namespace drtriton
