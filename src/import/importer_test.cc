// Importer on modules that are right: what arrives on this side.  The Programs' contents are python/tests' subject.
#include "import/importer.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace drtriton {
namespace {

class ImporterTest : public testing::Test {
 protected:
  ImportedModule Import(const std::string& text, ImportOptions options = {}) {
    WriteFileAtomically(scratch_.path() / "model.py", text);
    return importer_.Import(scratch_.path() / "model.py", options, scratch_.path());
  }

  ScratchFolder scratch_{"importer_test"};
  Importer importer_;
};

constexpr char kLinear[] = R"(
import torch
from torch import nn

print("a module may print")

class Model(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc = nn.Linear(width, 4)

    def forward(self, x):
        print('{"done": "and even like this"}')
        return torch.relu(self.fc(x))

def get_inputs():
    return [torch.randn(6, 8)]

def get_init_inputs():
    return [8]
)";

TEST_F(ImporterTest, GivesTheProgramAndItsValues) {
  const ImportedModule imported = Import(kLinear);
  ASSERT_EQ(imported.program.nodes.size(), 2u);
  EXPECT_EQ(imported.program.nodes[0].op, "aten.linear.default");
  EXPECT_EQ(imported.program.nodes[1].op, "aten.relu.default");
  EXPECT_EQ(imported.program.device, "cpu");
  EXPECT_EQ(imported.program.name, "model");
  EXPECT_EQ(imported.source, kLinear);
  EXPECT_FALSE(imported.reduced);
  EXPECT_TRUE(std::filesystem::is_regular_file(imported.tensors));
  EXPECT_GT(imported.seconds, 0);
}

TEST_F(ImporterTest, ReducesWhatIsTooMuchForTheCpu) {
  ImportOptions options;
  options.max_cpu_flops = 100;
  const ImportedModule imported = Import(kLinear, options);
  ASSERT_TRUE(imported.reduced);
  EXPECT_TRUE(imported.tensors.empty());
  EXPECT_EQ(imported.program.value(imported.program.inputs[0]).shape, (Shape{6, 8}));
  EXPECT_EQ(imported.reduced_program.value(imported.reduced_program.inputs[0]).shape, (Shape{4, 8}));
  EXPECT_TRUE(std::filesystem::is_regular_file(imported.reduced_tensors));
}

TEST_F(ImporterTest, AnotherBatchSizeWhereTheModuleRunsWithOne) {
  ImportOptions options;
  options.other_batch = true;
  const ImportedModule imported = Import(kLinear, options);
  ASSERT_TRUE(imported.other_batch.has_value());
  EXPECT_EQ(imported.other_batch->rows, 6);
  EXPECT_EQ(imported.other_batch->other_rows, 3);
  const Program& other = imported.other_batch->program;
  EXPECT_EQ(other.value(other.Results().front()).shape, (Shape{3, 4}));
  EXPECT_TRUE(std::filesystem::is_regular_file(imported.other_batch->tensors));
  EXPECT_FALSE(Import(kLinear).other_batch.has_value());
  std::string fixed = kLinear;
  fixed.replace(fixed.find("self.fc(x)"), 10, "self.fc(x).view(6, 4)");
  EXPECT_FALSE(Import(fixed, options).other_batch.has_value());
}

TEST_F(ImporterTest, SiblingsOfTheFileCanBeImported) {
  WriteFileAtomically(scratch_.path() / "my_layers.py", "import torch\ndef act(x):\n  return torch.tanh(x)\n");
  const ImportedModule imported = Import(R"(
import torch
from my_layers import act
class Model(torch.nn.Module):
    def forward(self, x):
        return act(x)
def get_inputs():
    return [torch.randn(3)]
)");
  EXPECT_EQ(imported.program.nodes.at(0).op, "aten.tanh.default");
}

TEST_F(ImporterTest, WithoutAGpuAProgramForOneHasNoValues) {
  ImportOptions options;
  options.device = "cuda";
  const ImportedModule imported = Import(kLinear, options);
  EXPECT_EQ(imported.program.device, "cuda");
  EXPECT_EQ(imported.program.nodes.size(), 2u);
}

}  // namespace
}  // namespace drtriton
