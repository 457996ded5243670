// A slice of PyTorch's own operator samples: python/tests/opinfo_check.py imports every 40th entry and holds its
// Programs against the registry.  The whole is run by hand; docs/operator_samples.md has its result.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace drtriton {
namespace {

std::string Environment(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : otherwise;
}

TEST(OpInfoTest, SamplesOfPyTorchsTestsAgree) {
  const std::string source = Environment("DRTRITON_SOURCE", ".");
  const std::string python = Environment("DRTRITON_PYTHON", source + "/.venv/bin/python");
  const std::filesystem::path facts = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "program_facts";
  const std::string command =
      "'" + python + "' '" + source + "/python/tests/opinfo_check.py' --slice 40 --facts '" + facts.string() + "'";
  EXPECT_EQ(std::system(command.c_str()), 0) << "see the problems above; " << command;
}

}  // namespace
}  // namespace drtriton
