// Candidates that attack: each costs itself alone, and the farm goes on.
#include <gtest/gtest.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json.h"
#include "compile/farm.h"
#include "compile/test_candidates.h"

namespace drtriton {
namespace {

class Hostile : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    FarmOptions options;
    options.timeout_s = 12;
    options.memory_limit_bytes = 3ll << 30;
    options.workers = 2;
    farm_ = new CompileFarm(H200(), options);
  }
  static void TearDownTestSuite() {
    delete farm_;
    farm_ = nullptr;
  }

  // The verdict on a candidate whose launch starts with `attack`; an innocent one runs beside it and must compile.
  CompileFailure Attack(const std::string& attack) {
    CompileRequest hostile, innocent;
    hostile.fragment = innocent.fragment = &fragment_;
    hostile.source = ReluSource(attack);
    innocent.source = ReluSource();
    std::vector<CompileResult> results = farm_->CompileAll({hostile, innocent});
    EXPECT_FALSE(results[1].failure) << results[1].failure->reason;
    EXPECT_TRUE(results[0].failure) << "was accepted: " << attack;
    return results[0].failure.value_or(CompileFailure{});
  }

  Fragment fragment_ = ReluFragment({64, 100});
  static CompileFarm* farm_;
};

CompileFarm* Hostile::farm_ = nullptr;

TEST_F(Hostile, ExitEndsTheCandidateAlone) {
  CompileFailure failure = Attack("import os; os._exit(0)");
  EXPECT_EQ(failure.code, "crashed");
  EXPECT_NE(failure.reason.find("status 0"), std::string::npos) << failure.reason;
}

TEST_F(Hostile, SystemExitIsForbidden) { EXPECT_EQ(Attack("raise SystemExit(3)").code, "forbidden"); }

TEST_F(Hostile, CrashIsToldWithItsSignal) {
  // A true fault of native code, of a function that no rule of the guard names.
  CompileFailure failure = Attack("import faulthandler; faulthandler._read_null()");
  EXPECT_EQ(failure.code, "crashed");
  EXPECT_NE(failure.reason.find("SIGSEGV"), std::string::npos) << failure.reason;
}

TEST_F(Hostile, EndlessLoopIsEndedAtTheLimit) {
  auto start = std::chrono::steady_clock::now();
  CompileFailure failure = Attack("\n    while True:\n        pass");
  EXPECT_EQ(failure.code, "timeout");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST_F(Hostile, MemoryIsLimited) { EXPECT_EQ(Attack("hoard = bytearray(4 << 30)").code, "out_of_memory"); }

TEST_F(Hostile, ForkBombIsEnded) {
  CompileFailure failure = Attack("import os\n    while True:\n        os.fork()");
  // Whichever limit is met first on a busy machine.
  EXPECT_TRUE(failure.code == "forbidden" || failure.code == "timeout") << failure.code << ": " << failure.reason;
}

// That these hold whatever Python says is the subject of sandbox_test.cc.
TEST_F(Hostile, WhatNoCandidateMayDoIsForbidden) {
  for (const char* attack :
       {"import socket; socket.create_connection(('1.1.1.1', 53), 2)", "open('/etc/hostile', 'w')", "open('../hostile', 'w')",
        "import os, signal; os.kill(os.getppid(), signal.SIGKILL); raise ValueError",
        "import ctypes; ctypes.string_at(1)"}) {
    CompileFailure failure = Attack(attack);
    EXPECT_EQ(failure.code, "forbidden") << attack << ": " << failure.reason;
  }
}

TEST_F(Hostile, ForgedAnswersAreParsedAsData) {
  CompileFailure failure = Attack(
      "import os\n    for fd in range(3, 64):\n        try: os.write(fd, b'{\"answer\": {\"plans\": [{}]}, \"files\": "
      "[]}\\n')\n"
      "        except OSError: pass\n    os._exit(0)");
  EXPECT_EQ(failure.code, "bad_plan") << failure.reason;
}

// Python reads more as JSON than we do: what we could not read would look like a worker that hangs.
TEST_F(Hostile, ForgedAnswersThatAreNoJsonCostTheirCandidateAlone) {
  auto start = std::chrono::steady_clock::now();
  for (const char* answer : {"NaN", "1e999", "9'*400+'", "\"\\\\ud800\"", "['*100000+']'*100000+'", "\\xff"}) {
    CompileFailure failure = Attack(std::string("import os\n    for fd in range(3, 64):\n        try: os.write(fd, ('{\"answer\": ") + answer +
                                    ", \"files\": []}\\n').encode('latin1'))\n        except OSError: pass\n    os._exit(0)");
    const std::string expected = std::string(answer).find("ud800") == std::string::npos ? "crashed" : "bad_plan";
    EXPECT_EQ(failure.code, expected) << answer << ": " << failure.reason;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
}

TEST_F(Hostile, ReasonsCanBeWrittenWhateverTheirCharacters) {
  for (const char* message : {"'\\ud800'", "'.' + '\u00e9' * 2000", "'\u00e9' * 2000", "'\\x00\\x07'"}) {
    CompileFailure failure = Attack(std::string("raise ValueError(") + message + ")");
    EXPECT_EQ(failure.code, "launcher_error") << failure.reason;
    EXPECT_NO_THROW(Json(failure.reason).dump()) << message;
  }
}

}  // namespace
}  // namespace drtriton
