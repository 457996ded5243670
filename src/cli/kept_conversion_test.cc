#include "cli/kept_conversion.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "graph/test_programs.h"

namespace drtriton {
namespace {

TEST(KeptConversion, IsGivenBackWhole) {
  ScratchFolder folder;
  Store store(folder.path() / "store.sqlite");
  EXPECT_FALSE(FindConversion(store, "key"));
  KeepConversion(store, "key", {"text", "Verified.", "{}", "<html>"});
  std::optional<KeptConversion> kept = FindConversion(store, "key");
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->emitted, "text");
  EXPECT_EQ(kept->outcome, "Verified.");
  EXPECT_EQ(kept->json, "{}");
  EXPECT_EQ(kept->html, "<html>");
}

TEST(KeptConversion, ARecordThatCannotBeReadIsNone) {
  ScratchFolder folder;
  Store store(folder.path() / "store.sqlite");
  store.Keep(RecordKind::kConversion, "key", "not json");
  EXPECT_FALSE(FindConversion(store, "key"));
}

TEST(ConversionKey, DependsOnOptionsSourceAndDevice) {
  Program program = LinearRelu();
  ConvertArguments arguments;
  std::string key = ConversionKey(arguments, program, "source", "NVIDIA H200");
  EXPECT_EQ(ConversionKey(arguments, program, "source", "NVIDIA H200"), key);
  EXPECT_NE(ConversionKey(arguments, program, "other", "NVIDIA H200"), key);
  EXPECT_NE(ConversionKey(arguments, program, "source", "interpreter"), key);
  arguments.strict = true;
  EXPECT_NE(ConversionKey(arguments, program, "source", "NVIDIA H200"), key);
}

}  // namespace
}  // namespace drtriton
