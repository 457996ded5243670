#include "policy/sealed_file.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

constexpr std::string_view kFormat = "drtriton.test/1";

std::string Complaint(const std::filesystem::path& path) {
  try {
    SealedFile(path, kFormat, "test file");
  } catch (const UserError& error) {
    return error.what();
  }
  return "";
}

TEST(SealedFileTest, RoundTripIsAligned) {
  const ScratchFolder folder;
  for (size_t length = 0; length < 130; ++length) {  // every remainder of the header's length
    const auto path = folder.path() / "a";
    WriteSealedFile(path, kFormat, {{"name", std::string(length, 'x')}}, "payload");
    const SealedFile file(path, kFormat, "test file");
    EXPECT_EQ(file.header().at("name").get<std::string>().size(), length);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(file.payload().data()) % 64, 0u);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(file.payload().data()), file.payload().size()), "payload");
  }
}

TEST(SealedFileTest, EveryChangedByteIsSeen) {
  const ScratchFolder folder;
  const auto path = folder.path() / "a";
  WriteSealedFile(path, kFormat, {{"count", 7}}, "payload");
  const std::string whole = ReadFile(path);
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    if (changed[i] == '!') continue;  // a space of the filling
    WriteFileAtomically(path, changed);
    EXPECT_NE(Complaint(path), "") << i << ": " << changed;
  }
}

TEST(SealedFileTest, SaysWhatIsWrong) {
  const ScratchFolder folder;
  const auto path = folder.path() / "a";
  EXPECT_NE(Complaint(path).find("cannot read"), std::string::npos);
  WriteFileAtomically(path, "something else");
  EXPECT_NE(Complaint(path).find("is not a test file"), std::string::npos);
  WriteSealedFile(path, kFormat, Json::object(), "payload");
  std::string whole = ReadFile(path);
  WriteFileAtomically(path, std::string_view(whole).substr(0, whole.size() - 3));
  EXPECT_NE(Complaint(path).find("cut off"), std::string::npos);
  whole.back() = '?';
  WriteFileAtomically(path, whole);
  EXPECT_NE(Complaint(path).find("is damaged"), std::string::npos);
}

}  // namespace
}  // namespace drtriton
