#include "graph/attr.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace drtriton {
namespace {

TEST(AttrTest, IntegersAndFloatsAreDistinct) {
  EXPECT_NE(Attr(1), Attr(1.0));
  EXPECT_NE(Attr(true), Attr(1));
  EXPECT_EQ(Attr(std::numeric_limits<double>::quiet_NaN()), Attr(std::numeric_limits<double>::quiet_NaN()));
}

TEST(AttrTest, NumbersWiden) {
  EXPECT_EQ(Attr(true).AsInt(), 1);
  EXPECT_EQ(Attr(3).AsDouble(), 3.0);
  EXPECT_EQ(Attr(3).AsInts(), std::vector<int64_t>{3});
  EXPECT_EQ(Attr::Ints({1, 2}).AsInts(), (std::vector<int64_t>{1, 2}));
}

TEST(AttrTest, WrongKindIsOurBug) {
  EXPECT_THROW(Attr(1.5).AsInt(), InternalError);
  EXPECT_THROW(Attr().AsDouble(), InternalError);
  EXPECT_THROW(Attr("x").AsValue(), InternalError);
  EXPECT_THROW(Attr(1).AsBool(), InternalError);
}

}  // namespace
}  // namespace drtriton
