#include "base/spawner.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

using namespace std::chrono_literals;

TEST(Spawn, AMissingProgramIsNamed) {
  ProcessOptions options;
  for (const char* program : {"no-such-program", "/no/such/program"}) {
    options.command = {program};
    try {
      Spawn(options);
      FAIL() << program;
    } catch (const UserError& error) {
      EXPECT_NE(std::string(error.what()).find(program), std::string::npos);
    }
  }
}

TEST(Spawn, TheMemoryLimitHolds) {
  ProcessOptions options;
  options.command = {"python3", "-c", "x = bytearray(400 << 20)"};
  options.memory_limit_bytes = 200 << 20;
  CommandResult result = RunCommand(options, 20s);
  EXPECT_EQ(result.end.exit_code, 1);
  EXPECT_NE(result.end.stderr_tail.find("MemoryError"), std::string::npos);
}

TEST(Spawn, SetsEnvironmentAndFolder) {
  ScratchFolder scratch;
  ProcessOptions options;
  options.command = {"sh", "-c", "echo \"$ADDED|$HOME\"; pwd -P"};
  options.environment = {{"ADDED", "yes"}, {"HOME", ""}};
  options.working_folder = scratch.path();
  CommandResult result = RunCommand(options, 10s);
  EXPECT_EQ(result.output, "yes|\n" + std::filesystem::canonical(scratch.path()).string() + "\n");
}

TEST(Spawn, ADescriptorOfOursDoesNotReachTheChild) {
  const int leaky = fcntl(STDIN_FILENO, F_DUPFD, 200);  // not closed on exec
  ASSERT_GE(leaky, 200);
  ProcessOptions options;
  options.command = {"sh", "-c", "ls /proc/$$/fd"};
  EXPECT_EQ(RunCommand(options, 10s).output.find(std::to_string(leaky)), std::string::npos);
  close(leaky);
}

}  // namespace
}  // namespace drtriton
