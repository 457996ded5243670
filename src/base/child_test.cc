#include "base/child.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <memory>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

using namespace std::chrono_literals;

ProcessOptions Shell(const std::string& script) {
  ProcessOptions options;
  options.command = {"sh", "-c", script};
  return options;
}

Child::Deadline In(std::chrono::milliseconds time) { return std::chrono::steady_clock::now() + time; }

// The number that the child prints first.
int ReadNumber(Child* child) {
  while (child->output.find('\n') == std::string::npos && child->Pump(In(10s))) {
  }
  return std::stoi(child->output);
}

// True once no process has this id (a zombie counts as gone).
bool IsGone(pid_t pid) {
  for (int attempt = 0; attempt < 200; ++attempt) {
    if (kill(pid, 0) != 0) return true;
    std::string status;
    try {
      status = ReadFile("/proc/" + std::to_string(pid) + "/stat");
    } catch (const UserError&) {
      return true;
    }
    if (status.find(") Z") != std::string::npos) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

TEST(Child, PumpMovesBytesBothWays) {
  Child child(Shell("cat"));
  std::string text(3'000'000, 'x');
  std::string_view left = text;
  while (child.output.size() < text.size() && child.Pump(In(10s), &left)) {
  }
  EXPECT_EQ(child.output, text);
  EXPECT_TRUE(left.empty());
}

TEST(Child, PumpTellsThatTheDeadlinePassed) {
  Child child(Shell("sleep 100"));
  EXPECT_FALSE(child.Pump(In(20ms)));
  EXPECT_FALSE(child.Ended());
}

TEST(Child, AGrandchildThatKeepsThePipesIsKilledWhenTheChildIsReaped) {
  Child child(Shell("sleep 100 & echo $!"));
  int grandchild = ReadNumber(&child);
  EXPECT_EQ(child.Reap().exit_code, 0);
  EXPECT_TRUE(IsGone(grandchild));
}

TEST(Child, TheDestructorEndsTheWholeGroup) {
  auto child = std::make_unique<Child>(Shell("sleep 100 & echo $!; sleep 100"));
  int grandchild = ReadNumber(child.get());
  child.reset();
  EXPECT_TRUE(IsGone(grandchild));
}

TEST(Child, OutlivesTheThreadThatStartedIt) {
  std::unique_ptr<Child> child;
  std::thread([&] { child = std::make_unique<Child>(Shell("read line; echo $line")); }).join();
  std::string_view text = "7\n";
  while (!text.empty() && child->Pump(In(10s), &text)) {
  }
  EXPECT_EQ(ReadNumber(child.get()), 7);
}

TEST(Child, EndsWithItsParent) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  pid_t parent = fork();
  if (parent == 0) {
    Child child(Shell("sleep 100"));
    int pid = child.pid();
    [[maybe_unused]] ssize_t written = write(ends[1], &pid, sizeof pid);
    kill(getpid(), SIGKILL);
  }
  int pid = 0;
  ASSERT_EQ(read(ends[0], &pid, sizeof pid), static_cast<ssize_t>(sizeof pid));
  waitpid(parent, nullptr, 0);
  EXPECT_TRUE(IsGone(pid));
  close(ends[0]);
  close(ends[1]);
}

}  // namespace
}  // namespace drtriton
