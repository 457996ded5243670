// Which operators of the registry the templates write alone: the section "What the templates write" of docs/operators.md is
// current (`--update` writes it), and what was covered once stays covered.
#include "templates/coverage.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

namespace drtriton {
namespace {

constexpr int kCases = 12;
constexpr uint64_t kSeed = 20260321;

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

// The page up to the section, which is the last one; a blank line stands between.
std::string Head(const std::string& page) {
  const size_t section = page.find(CoverageHeading());
  return section == std::string::npos ? page + "\n" : page.substr(0, section);
}

TEST(Coverage, ThePageIsCurrent) {
  std::string page = Read();
  EXPECT_TRUE(page == Head(page) + CoverageMarkdown(MeasureCoverage(kCases, kSeed)))
      << Path() << " is out of date; run coverage_test --update";
}

// A seed of its own: the page's cases are not the only ones that work.
TEST(Coverage, OperatorsThatPeopleUseAreCovered) {
  for (const char* name : {"aten.add.Tensor", "aten.gelu", "aten.softmax.int", "aten.layer_norm", "aten.cat", "aten.stack", "aten.roll",
                           "aten.gather", "aten.embedding", "aten.index.Tensor", "aten.pad.default", "aten.argmax", "aten.max.dim",
                           "aten.cumsum", "aten.cummax", "aten.cross_entropy_loss", "aten.scaled_dot_product_attention", "aten.linear",
                           "aten._native_batch_norm_legit_functional"}) {
    for (const OperatorCoverage& one : MeasureCoverage(10, 77, name)) {
      EXPECT_EQ(one.covered, one.legal) << one.name << ": " << one.reason;
    }
  }
}

TEST(Coverage, ASeedDrawsTheSameCases) {
  const OperatorInfo& info = *FindOperator("aten.cat.default");
  std::vector<Program> once = DrawPrograms(info, 5, 3), again = DrawPrograms(info, 5, 3);
  ASSERT_EQ(once.size(), again.size());
  for (size_t i = 0; i < once.size(); ++i) EXPECT_EQ(once[i].value(0).shape, again[i].value(0).shape);
}

void Update() {
  std::string page = Head(Read());
  std::ofstream(Path()) << page + CoverageMarkdown(MeasureCoverage(kCases, kSeed));
  std::cout << "wrote " << Path() << "\n";
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc > 1 && std::string(argv[1]) == "--update") {
    drtriton::Update();
    return 0;
  }
  return RUN_ALL_TESTS();
}
