// docs/operators.md is current; `operators_doc_test --update` writes it.
#include <gtest/gtest.h>

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

TEST(OperatorsDocTest, IsCurrent) {
  std::ifstream file(Path());
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_TRUE(text.str() == OperatorsMarkdown()) << Path() << " is out of date; run operators_doc_test --update";
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1 && std::string(argv[1]) == "--update") {
    std::ofstream(drtriton::Path()) << drtriton::OperatorsMarkdown();
    std::cout << "wrote " << drtriton::Path() << "\n";
    return 0;
  }
  return RUN_ALL_TESTS();
}
