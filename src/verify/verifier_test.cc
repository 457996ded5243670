// The verifier with real workers: honest and wrong launchers for relu(x) * 2, judged under the interpreter.
#include "verify/verifier.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "execute/tensor_file.h"
#include "graph/test_programs.h"

namespace drtriton {
namespace {

// y = relu(x) over 1,000 elements; `%s` is what the kernel stores.
std::string Source(const std::string& expression) {
  return "import torch\nimport triton\nimport triton.language as tl\n\n\n@triton.jit\n"
         "def relu_kernel(x_ptr, out_ptr, N: tl.constexpr, BLOCK: tl.constexpr):\n"
         "    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)\n"
         "    x = tl.load(x_ptr + i, mask=i < N)\n"
         "    tl.store(out_ptr + i, " + expression + ", mask=i < N)\n\n\n"
         "def launch(x):\n"
         "    out = torch.empty_like(x)\n"
         "    relu_kernel[(4,)](x, out, N=1000, BLOCK=256)\n"
         "    return (out,)\n";
}

class VerifierTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    executor_ = MakeExecutor(DeviceChoice::kCpu, 0).release();
    farm_ = new CompileFarm(executor_->device(), {});
    Program program;
    ValueId x = AddLeaf(program, ValueKind::kInput, "x", {10, 100});
    ValueId y = AddNode(program, "relu", "aten.relu.default", {ValueRef{x}}, {10, 100}, DType::kFloat32,
                        "aten::relu(Tensor self) -> Tensor");
    program.device = "cpu";
    program.result = Tree{.value = y};
    fragment_ = new Fragment(WholeProgram(program));
    fragment_->parent_inputs.clear();   // generated inputs only: no module was run
  }
  static void TearDownTestSuite() {
    delete fragment_;
    delete farm_;
    delete executor_;
  }

  std::vector<Judgement> JudgeSources(const std::vector<std::string>& sources) {
    std::vector<Proposal> proposals;
    for (const std::string& source : sources) proposals.push_back({.proposer = "test", .source = source});
    std::vector<Candidate> candidates;
    for (const Proposal& proposal : proposals) candidates.push_back({fragment_, &proposal});
    return Verifier(*farm_, *executor_, nullptr).JudgeAll(candidates, {.strict = true, .timed = false}, {});
  }

  static Executor* executor_;
  static CompileFarm* farm_;
  static Fragment* fragment_;
};
Executor* VerifierTest::executor_ = nullptr;
CompileFarm* VerifierTest::farm_ = nullptr;
Fragment* VerifierTest::fragment_ = nullptr;

TEST_F(VerifierTest, TellsRightFromWrongAndNamesTheStage) {
  std::vector<Judgement> judgements =
      JudgeSources({Source("tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL)"), Source("x"), Source("x +"),
                    "def launch(x):\n    return (x.relu(),)\n"});
  EXPECT_EQ(judgements[0].verdict.outcome, Outcome::kAccepted) << judgements[0].verdict.reason;
  EXPECT_TRUE(judgements[0].plan);
  EXPECT_EQ(judgements[1].verdict.stage, Stage::kNumerics) << judgements[1].verdict.reason;
  EXPECT_EQ(judgements[2].verdict.stage, Stage::kParse) << judgements[2].verdict.reason;
  EXPECT_EQ(judgements[3].verdict.stage, Stage::kRules) << judgements[3].verdict.reason;
}

}  // namespace
}  // namespace drtriton
