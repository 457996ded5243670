#include "templates/axes.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

AxisList Concatenate(std::initializer_list<AxisList> lists) {
  AxisList all;
  for (const AxisList& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

TEST(AxisTable, SizeOneIsTheEmptyProduct) {
  AxisTable table;
  EXPECT_TRUE(table.Fresh(1).empty());
  EXPECT_EQ(table.Product({}), 1);
}

TEST(AxisTable, EqualSizesMerge) {
  AxisTable table;
  AxisList a = table.Fresh(6), b = table.Fresh(6);
  ASSERT_TRUE(table.Unify(a, b));
  EXPECT_EQ(table.Resolve(a), table.Resolve(b));
}

TEST(AxisTable, AReshapeSplitsTheLargerAxis) {
  AxisTable table;
  AxisList channels = table.Fresh(12), groups = table.Fresh(3), rest = table.Fresh(4);
  ASSERT_TRUE(table.Unify(channels, Concatenate({groups, rest})));
  AxisList resolved = table.Resolve(channels);
  ASSERT_EQ(resolved.size(), 2u);
  EXPECT_EQ(table.size(resolved[0]), 3);
  EXPECT_EQ(table.size(resolved[1]), 4);
  EXPECT_EQ(resolved, table.Resolve(Concatenate({groups, rest})));
}

TEST(AxisTable, SplitsOnBothSidesMeet) {
  AxisTable table;
  AxisList left = Concatenate({table.Fresh(3), table.Fresh(4)}), right = Concatenate({table.Fresh(6), table.Fresh(2)});
  ASSERT_TRUE(table.Unify(left, right));
  EXPECT_EQ(table.Resolve(left), table.Resolve(right));
  EXPECT_EQ(table.Resolve(left).size(), 3u);
}

TEST(AxisTable, SizesThatDoNotFactorAlikeAreRefused) {
  AxisTable table;
  EXPECT_FALSE(table.Unify(Concatenate({table.Fresh(2), table.Fresh(3)}), Concatenate({table.Fresh(3), table.Fresh(2)})));
  EXPECT_FALSE(table.Unify(table.Fresh(4), table.Fresh(8)));
}

}  // namespace
}  // namespace drtriton
