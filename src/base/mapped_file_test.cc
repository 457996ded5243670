#include "base/mapped_file.h"

#include <gtest/gtest.h>

#include <string_view>

#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

std::string_view Text(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(MappedFileTest, HoldsTheBytesEvenWhenTheFileIsReplaced) {
  const ScratchFolder folder;
  const auto path = folder.path() / "a";
  WriteFileAtomically(path, "first");
  const MappedFile file(path);
  WriteFileAtomically(path, "second text");
  EXPECT_EQ(Text(file), "first");
  MappedFile other(path);
  EXPECT_EQ(Text(other), "second text");
  const MappedFile moved(std::move(other));
  EXPECT_EQ(Text(moved), "second text");
}

TEST(MappedFileTest, AnEmptyFileIsEmpty) {
  const ScratchFolder folder;
  WriteFileAtomically(folder.path() / "a", "");
  EXPECT_TRUE(MappedFile(folder.path() / "a").bytes().empty());
}

TEST(MappedFileTest, NamesWhatCannotBeRead) {
  const ScratchFolder folder;
  for (const auto& path : {folder.path() / "missing", folder.path()}) {
    try {
      MappedFile file(path);
      FAIL() << path;
    } catch (const UserError& error) {
      EXPECT_NE(std::string_view(error.what()).find(path.string()), std::string_view::npos) << error.what();
    }
  }
}

}  // namespace
}  // namespace drtriton
