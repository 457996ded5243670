#include "report/python_html.h"

#include <gtest/gtest.h>

namespace drtriton {
namespace {

struct Case {
  const char* source;
  const char* html;
};

TEST(PythonHtml, MarksTokens) {
  const Case cases[] = {
      {"if a < 2:", "<i class=\"k\">if</i> a &lt; <i class=\"m\">2</i>:"},
      {"x = 'a\\'b' # <c>", "x = <i class=\"s\">&#39;a\\&#39;b&#39;</i> <i class=\"c\"># &lt;c&gt;</i>"},
      {"\"\"\"a \"b\" c\"\"\"\nz", "<i class=\"s\">&quot;&quot;&quot;a &quot;b&quot; c&quot;&quot;&quot;</i>\nz"},
      {"@triton.jit\ndef f1", "<i class=\"d\">@triton.jit</i>\n<i class=\"k\">def</i> f1"},
      {"1e5 iffy", "<i class=\"m\">1e5</i> iffy"},
      {"'open\nnext", "<i class=\"s\">&#39;open</i>\nnext"},
      {"'''open", "<i class=\"s\">&#39;&#39;&#39;open</i>"},
      {"a = '\\", "a = <i class=\"s\">&#39;\\</i>"},
      {"", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(PythonHtml(c.source), c.html) << c.source;
}

}  // namespace
}  // namespace drtriton
