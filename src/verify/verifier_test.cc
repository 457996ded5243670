// The verifier with real workers: honest and wrong launchers for relu(x) * 2, judged under the interpreter.
#include "verify/verifier.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

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
    executors_ = new std::vector<std::unique_ptr<Executor>>(MakeExecutors(DeviceChoice::kCpu, 0, 2));
    farm_ = new CompileFarm(executors_->front()->device(), {});
    Program program;
    ValueId x = AddLeaf(program, ValueKind::kInput, "x", {10, 100});
    ValueId y = AddNode(program, "relu", "aten.relu.default", {ValueRef{x}}, {10, 100}, DType::kFloat32,
                        "aten::relu(Tensor self) -> Tensor");
    program.device = "cpu";
    program.result = Tree{.value = y};
    fragment_ = new Fragment(WholeProgram(program));
    fragment_->parent_inputs.clear();   // generated inputs only: no module was run
    twin_ = new Fragment(*fragment_);
  }
  static void TearDownTestSuite() {
    delete twin_;
    delete fragment_;
    delete farm_;
    delete executors_;
  }

  // Every other source is judged for the twin where `both`.
  std::vector<Judgement> JudgeSources(const std::vector<std::string>& sources, bool both, JudgeOptions options = {.strict = true, .timed = false}) {
    std::vector<Proposal> proposals;
    for (const std::string& source : sources) proposals.push_back({.proposer = "test", .source = source});
    std::vector<Candidate> candidates;
    for (const Proposal& proposal : proposals) candidates.push_back({both && candidates.size() % 2 == 1 ? twin_ : fragment_, &proposal});
    std::vector<Executor*> lanes;
    for (const auto& executor : *executors_) lanes.push_back(executor.get());
    if (!both) lanes.resize(1);
    Verifier verifier(*farm_, lanes, nullptr);
    finished_ = 0;
    return verifier.JudgeAll(candidates, options, [&](size_t, const Judgement&) { ++finished_; });
  }

  static std::vector<std::unique_ptr<Executor>>* executors_;
  static CompileFarm* farm_;
  static Fragment* fragment_;
  static Fragment* twin_;
  int finished_ = 0;
};
std::vector<std::unique_ptr<Executor>>* VerifierTest::executors_ = nullptr;
Fragment* VerifierTest::twin_ = nullptr;
CompileFarm* VerifierTest::farm_ = nullptr;
Fragment* VerifierTest::fragment_ = nullptr;

TEST_F(VerifierTest, TellsRightFromWrongAndNamesTheStage) {
  std::vector<Judgement> judgements =
      JudgeSources({Source("tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL)"), Source("x"), Source("x +"),
                    "def launch(x):\n    return (x.relu(),)\n"}, /*both=*/false);
  EXPECT_EQ(judgements[0].verdict.outcome, Outcome::kAccepted) << judgements[0].verdict.reason;
  EXPECT_TRUE(judgements[0].plan);
  EXPECT_EQ(judgements[1].verdict.stage, Stage::kNumerics) << judgements[1].verdict.reason;
  EXPECT_EQ(judgements[2].verdict.stage, Stage::kParse) << judgements[2].verdict.reason;
  EXPECT_EQ(judgements[3].verdict.stage, Stage::kRules) << judgements[3].verdict.reason;
}

// Two executors with a fragment each; every verdict is at its candidate's place.
TEST_F(VerifierTest, FragmentsGoToSeveralExecutors) {
  const std::string right = Source("tl.maximum(x, 0.0, propagate_nan=tl.PropagateNan.ALL)");
  const std::vector<Judgement> judgements = JudgeSources({right, Source("x"), right, Source("x * 2")}, /*both=*/true);
  EXPECT_EQ(finished_, 4);
  for (size_t i = 0; i < judgements.size(); ++i) {
    EXPECT_EQ(judgements[i].verdict.code, i % 2 == 0 ? "ok" : "wrong_values") << i << ": " << judgements[i].verdict.reason;
  }
}

TEST_F(VerifierTest, NothingIsRunOnceItIsEnough) {
  const std::vector<Judgement> judgements =
      JudgeSources({Source("x"), Source("x + 1")}, /*both=*/true, {.strict = true, .timed = false, .enough = [] { return true; }});
  for (const Judgement& judgement : judgements) EXPECT_EQ(judgement.verdict.code, "interrupted") << judgement.verdict.reason;
}

}  // namespace
}  // namespace drtriton
