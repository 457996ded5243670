#include "store/store.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include "base/file.h"

namespace drtriton {
namespace {

class StoreTest : public testing::Test {
 protected:
  std::filesystem::path path() const { return folder_.path() / "store.sqlite"; }

  // A child that keeps records "<who>:<n>", n counting up, until it is killed or has kept `count`.
  pid_t Writer(const std::string& who, int count) const {
    const pid_t child = fork();
    if (child != 0) return child;
    Store store(path());
    for (int i = 0; i < count; ++i) store.Keep(RecordKind::kVerdict, who + ":" + std::to_string(i), Record(i));
    _exit(0);
  }

  static std::string Record(int i) { return std::string(20000, static_cast<char>('a' + i % 26)); }

  // Until `writer` has kept it; false: it ended before.
  bool AwaitRecord(const std::string& key, pid_t writer) const {
    Store store(path());
    while (!store.Find(RecordKind::kVerdict, key)) {
      if (waitpid(writer, nullptr, WNOHANG) != 0) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  ScratchFolder folder_;
};

TEST_F(StoreTest, KeepsAndFinds) {
  {
    Store store(path());
    EXPECT_FALSE(store.Find(RecordKind::kVerdict, "k"));
    store.Keep(RecordKind::kVerdict, "k", std::string("a\0b", 3));
    store.Keep(RecordKind::kVerdict, "k", std::string("c\0d", 3));
    store.Keep(RecordKind::kConversion, "k", "");
  }
  Store store(path());
  EXPECT_EQ(store.Find(RecordKind::kVerdict, "k"), std::string("c\0d", 3));
  EXPECT_EQ(store.Find(RecordKind::kConversion, "k"), "");
  EXPECT_EQ(store.Count(RecordKind::kVerdict), 1);
}

TEST_F(StoreTest, SeveralProcessesWriteAtOnce) {
  const std::vector<pid_t> children = {Writer("a", 50), Writer("b", 50), Writer("c", 50)};
  for (pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  Store store(path());
  EXPECT_EQ(store.Count(RecordKind::kVerdict), 150);
  EXPECT_TRUE(store.Find(RecordKind::kVerdict, "b:49") == Record(49));
}

TEST_F(StoreTest, RecordsSurviveKill9Whole) {
  for (int round = 0; round < 3; ++round) {
    const std::string name = "r" + std::to_string(round);
    const pid_t child = Writer(name, 1000000);
    ASSERT_TRUE(AwaitRecord(name + ":0", child));
    std::this_thread::sleep_for(std::chrono::milliseconds(20));   // the kill falls into a later record
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
  Store store(path());
  for (int round = 0; round < 3; ++round) {
    for (int i = 0;; ++i) {
      const auto record = store.Find(RecordKind::kVerdict, "r" + std::to_string(round) + ":" + std::to_string(i));
      if (!record) {
        EXPECT_GT(i, 0) << "what was kept before the kill is lost";
        break;
      }
      ASSERT_TRUE(*record == Record(i)) << i;
    }
  }
  store.Keep(RecordKind::kVerdict, "after", "x");
  EXPECT_TRUE(store.Find(RecordKind::kVerdict, "after"));
}

TEST_F(StoreTest, WhatCannotBeUsedActsAsEmpty) {
  WriteFileAtomically(path(), "this is no database, and long enough that SQLite looks at its header: it has 100 bytes there .........");
  std::filesystem::create_directory(folder_.path() / "folder");
  for (const std::filesystem::path& broken : {path(), folder_.path() / "folder", folder_.path() / "none" / "store.sqlite"}) {
    testing::internal::CaptureStderr();
    Store store(broken);
    store.Keep(RecordKind::kVerdict, "k", "v");
    EXPECT_FALSE(store.Find(RecordKind::kVerdict, "k"));
    EXPECT_EQ(store.Count(RecordKind::kVerdict), 0);
    const std::string told = testing::internal::GetCapturedStderr();
    EXPECT_NE(told.find(broken.string()), std::string::npos) << told;
    EXPECT_EQ(told.find("is not used"), told.rfind("is not used")) << "told more than once: " << told;
  }
}

TEST_F(StoreTest, DamageInTheMiddleIsTold) {
  {
    Store store(path());
    for (int i = 0; i < 50; ++i) store.Keep(RecordKind::kVerdict, std::to_string(i), Record(i));
  }
  std::string bytes = ReadFile(path());
  for (size_t i = 4096; i < bytes.size(); ++i) bytes[i] = '\x5a';
  WriteFileAtomically(path(), bytes);
  testing::internal::CaptureStderr();
  Store store(path());
  EXPECT_FALSE(store.Find(RecordKind::kVerdict, "7"));
  store.Keep(RecordKind::kVerdict, "7", "x");
  EXPECT_NE(testing::internal::GetCapturedStderr().find("is not used"), std::string::npos);
}

TEST_F(StoreTest, ANewerFileIsLeftAlone) {
  { Store store(path()); }
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &database), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(database, "PRAGMA user_version = 99", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  Store store(path());
  store.Keep(RecordKind::kVerdict, "k", "v");
  EXPECT_FALSE(store.Find(RecordKind::kVerdict, "k"));
}

}  // namespace
}  // namespace drtriton
