// The executor without a GPU: interpreter and reference process together.
#include "execute/executor.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "execute/gpu_probe.h"
#include "execute/test_programs.h"

namespace drtriton {
namespace {

constexpr int64_t kElements = 3000;

std::string Source(const std::string& value) {
  return R"(import torch
import triton
import triton.language as tl


@triton.jit
def add_relu(x_ptr, y_ptr, o_ptr, n, BLOCK: tl.constexpr):
    i = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + i, mask=i < n)
    y = tl.load(y_ptr + i, mask=i < n)
    tl.store(o_ptr + i, )" +
         value + R"(, mask=i < n)


def launch(x, y):
    o = torch.empty_like(x)
    add_relu[(triton.cdiv(x.numel(), 1024),)](x, y, o, x.numel(), BLOCK=1024)
    return (o,)
)";
}

class ExecutorTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new ScratchFolder();
    program_ = AddReluProgram(kElements, "cpu");
    fragment_ = WholeProgram(program_);
    fragment_.id = "f00_add_relu";
    WriteAddRelu(folder_->path() / "values.tensors", MakeAddReluValues(kElements, 5));
    executor_ = MakeExecutor(DeviceChoice::kCpu, 1).release();
    executor_->LoadProgram(program_, folder_->path() / "values.tensors");
    problem_ = executor_->Prepare(fragment_, 3);
  }
  static void TearDownTestSuite() {
    delete executor_;
    delete folder_;
  }

  static Verdict Run(const std::string& source) {
    Executable candidate;
    candidate.request.fragment = &fragment_;
    candidate.request.source = source;
    return executor_->Execute(problem_, candidate, {});
  }

  static ScratchFolder* folder_;
  static Executor* executor_;
  static Program program_;
  static Fragment fragment_;
  static ProblemId problem_;
};
ScratchFolder* ExecutorTest::folder_ = nullptr;
Executor* ExecutorTest::executor_ = nullptr;
Program ExecutorTest::program_;
Fragment ExecutorTest::fragment_;
ProblemId ExecutorTest::problem_ = -1;

TEST_F(ExecutorTest, AcceptsARightCandidate) {
  const Verdict verdict = Run(Source("tl.maximum(x + y, 0.0)"));
  EXPECT_TRUE(verdict.accepted()) << verdict.code << ": " << verdict.reason;
  EXPECT_EQ(verdict.device, "interpreter");
  EXPECT_FALSE(verdict.time_ms.has_value());
  EXPECT_TRUE(verdict.rel_err.has_value());
}

TEST_F(ExecutorTest, RefusesWrongCandidates) {
  for (const char* wrong : {"x + y", "x", "tl.zeros_like(x)", "tl.maximum((x + y).to(tl.bfloat16).to(tl.float32), 0.0)"}) {
    const Verdict verdict = Run(Source(wrong));
    EXPECT_EQ(verdict.outcome, Outcome::kRejected) << wrong;
    EXPECT_EQ(verdict.code, "wrong_values") << wrong << ": " << verdict.reason;
  }
}

TEST_F(ExecutorTest, ACandidateThatCrashesCostsItselfAlone) {
  EXPECT_EQ(Run("def launch(x, y):\n    import os\n    os._exit(3)\n").outcome, Outcome::kRejected);
  EXPECT_TRUE(Run(Source("tl.maximum(x + y, 0.0)")).accepted());
}

TEST_F(ExecutorTest, JudgesTheResultsOfAFreshProcess) {
  EXPECT_TRUE(executor_->CompareResults(folder_->path() / "values.tensors").accepted());
  AddReluValues values = MakeAddReluValues(kElements, 5);
  values.result[5] += 1;
  WriteAddRelu(folder_->path() / "wrong.tensors", values);
  EXPECT_EQ(executor_->CompareResults(folder_->path() / "wrong.tensors").code, "wrong_values");
}

TEST(MakeExecutorTest, CudaWithoutAGpuIsAUserError) {
  if (ProbeGpu()) GTEST_SKIP() << "there is a GPU";
  EXPECT_THROW(MakeExecutor(DeviceChoice::kCuda, 1), UserError);
  EXPECT_EQ(MakeExecutor(DeviceChoice::kAuto, 1)->device_name(), "interpreter");
}

}  // namespace
}  // namespace drtriton
