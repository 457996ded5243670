#include "graph/domain_text.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

using Parts = std::vector<std::string_view>;

TEST(DomainText, SplitsOutsideBracketsAndQuotes) {
  EXPECT_EQ(SplitDomain("f; self=[N,C]|[C] ;dim=0", ";"), (Parts{"f", "self=[N,C]|[C]", "dim=0"}));
  EXPECT_EQ(SplitDomain("[N,C]|[C]", "|"), (Parts{"[N,C]", "[C]"}));
  EXPECT_EQ(SplitDomain("[[A,1],2],B", ","), (Parts{"[[A,1],2]", "B"}));
  EXPECT_EQ(SplitDomain("'a,b',c", ","), (Parts{"'a,b'", "c"}));
}

TEST(DomainText, KeepsEmptyPartsAndLongSeparators) {
  EXPECT_EQ(SplitDomain("a||b|c", "||"), (Parts{"a", "b|c"}));
  EXPECT_EQ(SplitDomain(",a,", ","), (Parts{"", "a", ""}));
  EXPECT_EQ(SplitDomain("", ","), Parts{""});
}

TEST(DomainText, Trims) {
  EXPECT_EQ(TrimSpaces("  a b "), "a b");
  EXPECT_EQ(TrimSpaces("   "), "");
}

}  // namespace
}  // namespace drtriton
