#include "base/process.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace drtriton {
namespace {

using namespace std::chrono_literals;

ProcessOptions Shell(const std::string& script) {
  ProcessOptions options;
  options.command = {"sh", "-c", script};
  return options;
}

ProcessOptions Python(const std::string& script) {
  ProcessOptions options;
  options.command = {"python3", "-c", script};
  return options;
}

TEST(Process, AnswersLineByLine) {
  Process process(Shell("cat"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(process.Send({{"i", i}}));
    EXPECT_EQ(process.Receive(10s), Json({{"i", i}}));
  }
  EXPECT_TRUE(process.running());
  EXPECT_EQ(process.Wait(10s).Describe(), "exited with status 0");
  EXPECT_FALSE(process.running());
}

TEST(Process, SeveralLinesAtOnceComeInOrder) {
  Process process(Shell("printf '{\"a\":1}\\n{\"a\":2}\\n{\"a\":3}'"));
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(process.Receive(10s), Json({{"a", i}}));
  EXPECT_EQ(process.Receive(10s), std::nullopt);
}

TEST(Process, ALineThatIsNoMessageGoesToTheTail) {
  Process process(Shell("echo hello; echo 42; echo '{\"a\":1}'; echo oops >&2; exit 3"));
  EXPECT_EQ(process.Receive(10s), Json({{"a", 1}}));
  ProcessEnd end = process.Wait(10s);
  // The two pipes are read side by side: "oops" may come before, between or behind the lines of the output.
  const size_t hello = end.stderr_tail.find("hello\n");
  ASSERT_NE(hello, std::string::npos);
  EXPECT_NE(end.stderr_tail.find("42\n", hello), std::string::npos);
  EXPECT_NE(end.stderr_tail.find("oops\n"), std::string::npos);
  EXPECT_EQ(end.Describe(), "exited with status 3");
}

TEST(Process, TheLastLineIsTheLastThatSaysSomething) {
  EXPECT_EQ((ProcessEnd{.stderr_tail = "Traceback\nValueError: no \r\n\n"}).LastLine(), "ValueError: no");
  EXPECT_EQ((ProcessEnd{.stderr_tail = "alone"}).LastLine(), "alone");
  EXPECT_EQ((ProcessEnd{.stderr_tail = " \n"}).LastLine(), "");
}

TEST(Process, CarriesAHundredMegabytesBothWays) {
  Process process(Shell("cat"));
  Json message = {{"data", std::string(100'000'000, 'x')}};
  ASSERT_TRUE(process.Send(message));
  std::optional<Json> answer = process.Receive(60s);
  ASSERT_TRUE(answer.has_value());
  EXPECT_TRUE(*answer == message);
}

TEST(Process, AChattyChildNeverBlocks) {
  Process process(
      Python("import sys\nfor i in range(200000): print('noise', i, file=sys.stderr)\nprint('{\"done\":1}')"));
  EXPECT_EQ(process.Receive(30s), Json({{"done", 1}}));
  ProcessEnd end = process.Wait(10s);
  EXPECT_LE(end.stderr_tail.size(), 65536u);
  EXPECT_NE(end.stderr_tail.find("noise 199999\n"), std::string::npos);
}

TEST(Process, ReceiveKillsAtItsLimit) {
  Process process(Shell("sleep 100"));
  EXPECT_EQ(process.Receive(50ms), std::nullopt);
  ProcessEnd end = process.Wait(10s);
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.Describe(), "ran past its limit of 50 ms");
}

TEST(Process, TheLongestLimitIsNoLimit) {
  Process process(Shell("echo '{\"a\":1}'"));
  EXPECT_EQ(process.Receive(std::chrono::milliseconds::max()), Json({{"a", 1}}));
  EXPECT_FALSE(process.Wait(std::chrono::milliseconds::max()).timed_out);
}

TEST(Process, WaitKillsAtItsLimit) {
  Process process(Shell("sleep 100"));
  ProcessEnd end = process.Wait(50ms);
  EXPECT_TRUE(end.timed_out);
  EXPECT_EQ(end.signal, SIGKILL);
}

TEST(Process, ACrashIsTold) {
  Process process(Shell("kill -SEGV $$"));
  EXPECT_EQ(process.Receive(10s), std::nullopt);
  EXPECT_EQ(process.Wait(10s).Describe(), "was killed by signal 11 (Segmentation fault)");
}

TEST(Process, SendToAnEndedChildReturnsFalse) {
  Process process(Shell("exit 0"));
  while (process.running()) std::this_thread::sleep_for(1ms);
  EXPECT_FALSE(process.Send({{"a", 1}}));
}

TEST(RunCommandTest, ReturnsWhatWasPrinted) {
  CommandResult result = RunCommand(Shell("echo out; echo err >&2; exit 5"), 10s);
  EXPECT_EQ(result.output, "out\n");
  EXPECT_EQ(result.end.stderr_tail, "err\n");
  EXPECT_EQ(result.end.exit_code, 5);
}

TEST(PythonProcessTest, NamesInterpreterModuleAndPath) {
  setenv("DRTRITON_PYTHON", "/bin/sh", 1);
  setenv("DRTRITON_SOURCE", "/checkout", 1);
  unsetenv("PYTHONPATH");
  ProcessOptions options = PythonProcess("importer", {"--x"});
  EXPECT_EQ(options.command, (std::vector<std::string>{"/bin/sh", "-P", "-m", "drtriton.importer", "--x"}));
  EXPECT_EQ(options.environment.at("PYTHONPATH"), "/checkout/python");
}

TEST(PythonProcessTest, APythonThatCannotRunIsASetUpFailure) {
  setenv("DRTRITON_PYTHON", "/no/python", 1);
  try {
    PythonExecutable();
    FAIL();
  } catch (const UserError& error) {
    EXPECT_EQ(error.status(), ExitStatus::kSetUpFailed);
    EXPECT_NE(std::string(error.what()).find("/no/python"), std::string::npos);
  }
}

}  // namespace
}  // namespace drtriton
