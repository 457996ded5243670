#include "base/file.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <string>

#include "base/error.h"

namespace drtriton {
namespace {

namespace fs = std::filesystem;

std::string MessageOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  return "nothing thrown";
}

int CountFiles(const fs::path& folder) {
  return static_cast<int>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(File, ReadsBackWhatWasWritten) {
  ScratchFolder scratch;
  std::string bytes(100'000, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 7);
  for (std::string_view content : {std::string_view(), std::string_view("short"), std::string_view(bytes)}) {
    WriteFileAtomically(scratch.path() / "f", content);
    EXPECT_EQ(ReadFile(scratch.path() / "f"), content);
  }
  EXPECT_EQ(CountFiles(scratch.path()), 1);
}

TEST(File, ReadsFilesWithoutASize) { EXPECT_NE(ReadFile("/proc/self/status").find("Pid:"), std::string::npos); }

TEST(File, ReadFailuresNameThePathAndTheReason) {
  ScratchFolder scratch;
  EXPECT_EQ(MessageOf([&] { ReadFile(scratch.path()); }),
            "cannot read " + scratch.path().string() + ": Is a directory");
  EXPECT_NE(MessageOf([&] { ReadFile(scratch.path() / "none"); }).find("none: No such file or directory"),
            std::string::npos);
}

TEST(File, AFailedWriteLeavesNothingBehind) {
  ScratchFolder scratch;
  fs::create_directory(scratch.path() / "taken");
  EXPECT_NE(MessageOf([&] { WriteFileAtomically(scratch.path() / "taken", "x"); }), "nothing thrown");
  EXPECT_NE(MessageOf([&] { WriteFileAtomically(scratch.path() / "no" / "f", "x"); }), "nothing thrown");
  EXPECT_EQ(CountFiles(scratch.path()), 1);
}

TEST(File, ADraftReplacesTheFileWhenItIsCommitted) {
  ScratchFolder scratch;
  const fs::path path = scratch.path() / "out";
  WriteFileAtomically(path, "old");
  {
    FileDraft draft(path);
    draft.Append("half");
  }
  EXPECT_EQ(ReadFile(path), "old");
  FileDraft draft(path);
  draft.Append("new ");
  draft.Append("text");
  EXPECT_EQ(ReadFile(path), "old");
  draft.Commit();
  EXPECT_EQ(ReadFile(path), "new text");
  EXPECT_EQ(CountFiles(scratch.path()), 1);
}

TEST(File, WritesThroughASymbolicLink) {
  ScratchFolder scratch;
  WriteFileAtomically(scratch.path() / "real", "old");
  fs::create_symlink("real", scratch.path() / "link");
  WriteFileAtomically(scratch.path() / "link", "new");
  EXPECT_TRUE(fs::is_symlink(scratch.path() / "link"));
  EXPECT_EQ(ReadFile(scratch.path() / "real"), "new");
}

TEST(File, ADeviceIsWrittenAndNotReplaced) {
  WriteFileAtomically("/dev/null", "gone");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  RequireWritable("/dev/null");
}

TEST(File, RequireWritableTellsBeforehand) {
  ScratchFolder scratch;
  RequireWritable(scratch.path() / "new.py");
  EXPECT_EQ(CountFiles(scratch.path()), 0);
  EXPECT_NE(MessageOf([&] { RequireWritable(scratch.path()); }).find("Is a directory"), std::string::npos);
  EXPECT_NE(MessageOf([&] { RequireWritable(scratch.path() / "no" / "f"); }).find("No such file"), std::string::npos);
  EXPECT_NE(MessageOf([&] { RequireWritable("/proc/none/f"); }), "nothing thrown");
}

TEST(ScratchFolderTest, IsRemovedWithItsContents) {
  fs::path path;
  {
    ScratchFolder scratch("prefix");
    path = scratch.path();
    fs::create_directories(path / "a" / "b");
    EXPECT_NE(path.filename().string().find("prefix"), std::string::npos);
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(Folders, TheCacheFollowsItsVariable) {
  ScratchFolder scratch;
  setenv("DRTRITON_CACHE", (scratch.path() / "cache").c_str(), 1);
  EXPECT_EQ(CacheFolder(), scratch.path() / "cache");
  EXPECT_TRUE(fs::is_directory(scratch.path() / "cache"));
  unsetenv("DRTRITON_CACHE");
}

TEST(Folders, ThePythonFolderFollowsTheSourceVariable) {
  const char* before = std::getenv("DRTRITON_SOURCE");
  std::string saved = before ? before : "";
  setenv("DRTRITON_SOURCE", "/checkout", 1);
  EXPECT_EQ(PythonFolder(), "/checkout/python");
  saved.empty() ? unsetenv("DRTRITON_SOURCE") : setenv("DRTRITON_SOURCE", saved.c_str(), 1);
}

}  // namespace
}  // namespace drtriton
