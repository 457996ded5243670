#include "emit/python_text.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"

namespace drtriton {
namespace {

TEST(PythonTextTest, TokensCoverEveryByte) {
  const std::string source = "x = r'a\\'b' + \"\"\"two\nlines\"\"\"  # note\nif x: y = 1.5e3\\\n  + é\n'open";
  std::string joined;
  for (const Token& token : Tokenize(source)) joined += token.text;
  EXPECT_EQ(joined, source);
}

struct RenameCase {
  const char* source;
  const char* expected;
};

TEST(PythonTextTest, RenamesNamesOnly) {
  const RenameCase cases[] = {
      {"tl.load(tl_x)", "T.load(tl_x)"},
      {"x.tl", "x.tl"},
      {"x . tl", "x . tl"},
      {"f(tl=1)", "f(tl=1)"},
      {"f(tl == 1)", "f(T == 1)"},
      {"tl = 3", "T = 3"},
      {"'tl' # tl", "'tl' # tl"},
      {"def f(a: tl.constexpr = 3):", "def f(a: T.constexpr = 3):"},
      {"f(x=tl)", "f(x=T)"},
      {"from tl.extra import a", "from tl.extra import a"},
  };
  for (const RenameCase& c : cases) EXPECT_EQ(Rename(c.source, {{"tl", "T"}}), c.expected) << c.source;
}

TEST(PythonTextTest, SplitsAtTheTopLevel) {
  const std::vector<TopLevel> parts = SplitTopLevel(
      "import torch\nfrom a import (\n    b,\n)\n\nLOG2E = tl.constexpr(1.4)\n\n# stray\n\n# about k\n@triton.jit\ndef k(x,\n      n):\n"
      "    y = '''\ndef fake():\n'''\n\n    # inner\n    return y\n# after\ndef launch(x):\n    return x\n");
  ASSERT_EQ(parts.size(), 5u);
  EXPECT_EQ(parts[0].kind, TopLevel::Kind::kImport);
  EXPECT_EQ(parts[1].text, "from a import (\n    b,\n)\n");
  EXPECT_EQ(parts[2].name, "LOG2E");
  EXPECT_EQ(parts[3].name, "k");
  EXPECT_EQ(parts[3].comments, "# about k\n");
  EXPECT_EQ(parts[3].decorators, "@triton.jit\n");
  EXPECT_NE(parts[3].text.find("return y\n"), std::string::npos);
  EXPECT_EQ(parts[3].text.find("# after"), std::string::npos);
  EXPECT_EQ(parts[4].name, "launch");
}

TEST(PythonTextTest, LiteralsReadBack) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(PythonLiteral(Attr(1e-5)), "1e-05");
  EXPECT_EQ(PythonLiteral(Attr(2.0)), "2.0");
  EXPECT_EQ(PythonLiteral(Attr(0.1)), "0.1");
  EXPECT_EQ(PythonLiteral(Attr(-inf)), "float(\"-inf\")");
  EXPECT_EQ(PythonLiteral(Attr(DType::kBFloat16)), "torch.bfloat16");
  EXPECT_EQ(PythonLiteral(Attr(AttrList{1, true, Attr()})), "[1, True, None]");
  EXPECT_EQ(PythonLiteral(Attr("a\"b\n")), "\"a\\\"b\\x0a\"");
  EXPECT_THROW(PythonLiteral(Attr(ValueRef{1})), InternalError);
  EXPECT_EQ(PythonTuple({4}), "(4,)");
  EXPECT_EQ(PythonTuple({}), "()");
}

}  // namespace
}  // namespace drtriton
