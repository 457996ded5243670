// docs/operators.md is current up to the section that the templates write (coverage_test); `operators_doc_test --update`
// writes that part.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "graph/registry_doc.h"

namespace drtriton {
namespace {

std::string Path() {
  const char* source = std::getenv("DRTRITON_SOURCE");
  return std::string(source != nullptr ? source : ".") + "/docs/operators.md";
}

std::string Read() {
  std::ifstream file(Path());
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The templates' section is the last one.
size_t TemplatesSection(const std::string& page) { return std::min(page.size(), page.find("## What the templates write\n")); }

TEST(OperatorsDocTest, IsCurrent) {
  const std::string page = Read();
  EXPECT_TRUE(page.substr(0, TemplatesSection(page)) == OperatorsMarkdown() + (TemplatesSection(page) < page.size() ? "\n" : "")) << Path() << " is out of date; run operators_doc_test --update";
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1 && std::string(argv[1]) == "--update") {
    const std::string page = drtriton::Read(), templates = page.substr(drtriton::TemplatesSection(page));
    std::ofstream(drtriton::Path()) << drtriton::OperatorsMarkdown() << (templates.empty() ? "" : "\n") << templates;
    std::cout << "wrote " << drtriton::Path() << "\n";
    return 0;
  }
  return RUN_ALL_TESTS();
}
