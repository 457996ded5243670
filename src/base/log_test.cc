#include "base/log.h"

#include <gtest/gtest.h>

#include <regex>

namespace drtriton {
namespace {

class LogTest : public testing::Test {
 protected:
  void TearDown() override { SetLogLevel(LogLevel::kInfo); }
};

TEST_F(LogTest, LevelsDecideWhatIsPrinted) {
  struct Case {
    LogLevel level;
    const char* printed;
  };
  const Case cases[] = {{LogLevel::kQuiet, "warning: w\n"},
                        {LogLevel::kInfo, "i\nwarning: w\n"},
                        {LogLevel::kDebug, "i\nwarning: w\ndebug: [0-9.]+ s: d\n"}};
  for (const Case& c : cases) {
    SetLogLevel(c.level);
    testing::internal::CaptureStderr();
    Info("i");
    Warn("w");
    Debug("d");
    EXPECT_TRUE(std::regex_match(testing::internal::GetCapturedStderr(), std::regex(c.printed)));
  }
}

// Tests have no terminal once standard error is captured; ctest and pipes never have one.
TEST_F(LogTest, ProgressIsNotShownWithoutATerminal) {
  testing::internal::CaptureStderr();
  SetProgress("half way");
  Info("line");
  ClearProgress();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "line\n");
}

}  // namespace
}  // namespace drtriton
