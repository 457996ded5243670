#include "graph/schema.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "graph/registry.h"

namespace drtriton {
namespace {

TEST(SchemaTest, ReadsArgumentsAndResults) {
  const Schema s = ParseSchema(
      "aten::f.over(Tensor(a!) self, SymInt[2] size=[1, 2], Tensor?[] indices, *, Scalar? p=2, float eps=1e-05, str "
      "mode=\"a, b\", "
      "ScalarType? dtype=4, MemoryFormat memory_format=0, Generator? generator=None) -> (Tensor(a!) values, int[])");
  EXPECT_EQ(s.name, "aten.f.over");
  ASSERT_EQ(s.arguments.size(), 9u);
  EXPECT_TRUE(s.arguments[0].written);
  EXPECT_TRUE(s.Mutates());
  EXPECT_EQ(s.arguments[1].list_size, 2);
  EXPECT_EQ(s.arguments[1].default_value, Attr::Ints({1, 2}));
  EXPECT_TRUE(s.arguments[2].item_is_optional);
  EXPECT_FALSE(s.arguments[2].is_optional);
  EXPECT_TRUE(s.arguments[3].keyword_only);
  EXPECT_EQ(s.arguments[4].default_value, Attr(1e-5));
  EXPECT_EQ(s.arguments[5].default_value, Attr("a, b"));
  EXPECT_EQ(s.arguments[6].default_value, Attr(DType::kInt64));
  EXPECT_EQ(s.arguments[7].default_value, Attr(Attr::Variant(MemoryFormatAttr{"contiguous_format"})));
  EXPECT_EQ(s.arguments[8].type, ArgType::kOther);
  ASSERT_EQ(s.results.size(), 2u);
  EXPECT_EQ(s.results[0].name, "values");
  EXPECT_FALSE(s.results[1].is_tensor);
  EXPECT_EQ(s.Find("eps"), 4);
  EXPECT_EQ(s.Find("none"), -1);
}

TEST(SchemaTest, ListsOfTensorsAsResult) {
  const Schema s = ParseSchema("aten::split.Tensor(Tensor(a -> *) self, SymInt split_size, int dim=0) -> Tensor(a)[]");
  ASSERT_EQ(s.results.size(), 1u);
  EXPECT_TRUE(s.results[0].is_list);
  EXPECT_FALSE(s.Mutates());
}

TEST(SchemaTest, RefusesWhatIsNoSchema) {
  for (const char* text :
       {"", "f(Tensor x) -> Tensor", "aten::f(Tensor x", "aten::f(Tensor x) Tensor", "aten::f(int n=x) -> Tensor",
        "aten::f(Tensor x) -> Tensor extra junk", "aten::f(str s=\"a) -> Tensor"}) {
    EXPECT_THROW(ParseSchema(text), UserError) << text;
  }
}

TEST(SchemaTest, SameArgumentSeesThroughSpelling) {
  const Schema s = ParseSchema("aten::f(int[2] padding=0, Scalar alpha=1, bool flag=False) -> Tensor");
  EXPECT_TRUE(SameArgument(s.arguments[0], Attr(0), Attr::Ints({0, 0})));
  EXPECT_FALSE(SameArgument(s.arguments[0], Attr(0), Attr::Ints({0, 1})));
  EXPECT_TRUE(SameArgument(s.arguments[1], Attr(1), Attr(1.0)));
  EXPECT_FALSE(SameArgument(s.arguments[2], Attr(false), Attr(0)));
}

TEST(SchemaTest, AcceptsByType) {
  const Schema s = ParseSchema("aten::f(Tensor x, Tensor? y, int[2] size, float eps, Tensor?[] indices) -> Tensor");
  EXPECT_TRUE(Accepts(s.arguments[0], Attr(ValueRef{0})));
  EXPECT_TRUE(Accepts(s.arguments[0], Attr(2.5)));
  EXPECT_FALSE(Accepts(s.arguments[0], Attr()));
  EXPECT_TRUE(Accepts(s.arguments[1], Attr()));
  EXPECT_TRUE(Accepts(s.arguments[2], Attr(3)));
  EXPECT_FALSE(Accepts(s.arguments[2], Attr(AttrList{1, 2.5})));
  EXPECT_TRUE(Accepts(s.arguments[3], Attr(1)));
  EXPECT_TRUE(Accepts(s.arguments[4], Attr(AttrList{Attr(), ValueRef{1}})));
}

}  // namespace
}  // namespace drtriton
