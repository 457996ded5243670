#include "bench/verify.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

// Whether they are right is not this test's subject: the table lists what was not accepted.
TEST(VerifyBench, CountsVerdictsOfTheExpertsCandidates) {
  VerifyBench bench{.programs = 5, .candidates = 1, .usual = 0, .seed = 3, .size = SizeClass::kTiny, .device = DeviceChoice::kCpu};
  const std::string table = RunVerifyBench(bench);
  EXPECT_NE(table.find("| programs judged | 5 |"), std::string::npos) << table;
  EXPECT_NE(table.find("| candidates | 5 |"), std::string::npos) << table;
  EXPECT_NE(table.find("| verdict ok | "), std::string::npos) << table;
}

}  // namespace
}  // namespace drtriton
