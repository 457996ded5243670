// Proposals of every kind of schedule, run under Triton's interpreter against float64 (python/tests/matmul_check.py).
#include "templates/matmul.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/file.h"
#include "base/process.h"
#include "templates/family.h"
#include "templates/lower.h"
#include "templates/matmul_cases_write.h"

namespace drtriton {
namespace {

std::vector<Proposal> ProposalsOf(const Program& program, int count) {
  const Fragment fragment = WholeProgram(program);
  const auto lowered = Lower(fragment, LeafReading::kShared);
  return MakeMatmulFamily()->Propose(std::get<Lowered>(lowered), H200(), count);
}

TEST(Matmul, PlansSayWhatAndWhy) {
  for (const MatmulCase& one : RealMatmulCases()) {
    for (const Proposal& proposal : ProposalsOf(one.program, 8)) {
      EXPECT_GT(proposal.estimated_us, 0);
      ASSERT_FALSE(proposal.kernels.empty());
      double sum = 0;
      for (const KernelPlan& plan : proposal.kernels) {
        EXPECT_NE(proposal.source.find("def " + plan.name + "("), std::string::npos) << plan.name;
        EXPECT_FALSE(plan.numerics.empty() || plan.why.empty()) << plan.name;
        EXPECT_GT(plan.estimated_us, 0) << plan.name;
        sum += plan.estimated_us;
      }
      EXPECT_LE(sum, proposal.estimated_us * 1.001);
    }
  }
}

TEST(Matmul, DescriptorsAreImportedOnlyWhereUsed) {
  for (const Proposal& proposal : ProposalsOf(LinearCase("linear", 512, 512, 512, DType::kBFloat16).program, 12)) {
    const bool used = proposal.source.find("_desc.load(") != std::string::npos;
    EXPECT_EQ(used, proposal.source.find("import TensorDescriptor") != std::string::npos);
  }
}

TEST(Matmul, EqualArgumentsGiveEqualSources) {
  const Program program = LinearCase("linear", 300, 200, 100, DType::kFloat32).program;
  const auto first = ProposalsOf(program, 6), second = ProposalsOf(program, 6);
  for (size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].source, second[i].source);
}

TEST(Matmul, EveryKindOfScheduleIsRightUnderTheInterpreter) {
  ScratchFolder folder("drtriton_matmul");
  WriteMatmulCases(SmallMatmulCases(), 0, true, folder.path());
  ProcessOptions options;
  const std::string script = (PythonFolder() / "tests" / "matmul_check.py").string();
  options.command = {PythonExecutable(), script, folder.path().string(), "--seconds", "400"};
  options.environment = {{"TRITON_INTERPRET", "1"}, {"CUDA_VISIBLE_DEVICES", ""}};
  const CommandResult result = RunCommand(options, std::chrono::minutes(8));
  EXPECT_EQ(result.end.exit_code, 0) << result.output << result.end.stderr_tail;
  EXPECT_EQ(result.end.signal, 0) << result.end.Describe();
}

}  // namespace
}  // namespace drtriton
