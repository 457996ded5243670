// What only a GPU can show: launches, shared buffers, isolation of faults and hangs, poison, determinism, timing.
// Kernels are PTX written by hand, so that nothing but the execute room is under test.  Skips without a GPU.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <thread>

#include "base/file.h"
#include "base/hash.h"
#include "execute/gpu_executor.h"
#include "execute/gpu_probe.h"
#include "execute/test_programs.h"

namespace drtriton {
namespace {

constexpr int64_t kElements = 1 << 22;
constexpr int kThreads = 128;

// out[i] = f(x[i] + y[i]) for i < n, one element a thread; `body` turns %f3 (the sum) into %f4 and may do anything else.
std::string Ptx(const std::string& body, const std::string& after = "") {
  return R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry k(.param .u64 x, .param .u64 y, .param .u64 o, .param .u32 n, .param .u64 g, .param .u64 p) {
  .reg .pred %p<4>; .reg .u32 %r<12>; .reg .u64 %rd<12>; .reg .f32 %f<8>;
  ld.param.u64 %rd1,[x]; ld.param.u64 %rd2,[y]; ld.param.u64 %rd3,[o]; ld.param.u32 %r1,[n];
  mov.u32 %r2,%ctaid.x; mov.u32 %r3,%tid.x; mad.lo.u32 %r4,%r2,128,%r3;
  setp.ge.u32 %p1,%r4,%r1; @%p1 bra DONE;
  mul.wide.u32 %rd4,%r4,4; add.u64 %rd5,%rd1,%rd4; add.u64 %rd6,%rd2,%rd4; add.u64 %rd7,%rd3,%rd4;
  ld.global.f32 %f1,[%rd5]; ld.global.f32 %f2,[%rd6]; add.f32 %f3,%f1,%f2;
)" + body + "\n  st.global.f32 [%rd7],%f4;\n" + after + "\nDONE: ret;\n}\n";
}

const char* const kRelu = "  max.f32 %f4,%f3,0f00000000;";

class GpuSelfTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const auto gpu = ProbeGpu();
    if (!gpu) return;
    folder_ = new ScratchFolder();
    const auto begin = std::chrono::steady_clock::now();
    executor_ = new GpuExecutor(*gpu, 1);
    WriteAddRelu(folder_->path() / "values.tensors", MakeAddReluValues(kElements, 5));
    program_ = AddReluProgram(kElements, "cuda");
    executor_->LoadProgram(program_, folder_->path() / "values.tensors");
    problem_ = executor_->Prepare(WholeProgram(program_), 7);
    std::printf("%s: executor ready with its problem after %.2f s\n", gpu->name.c_str(),
                std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  static void TearDownTestSuite() {
    delete executor_;
    delete folder_;
    executor_ = nullptr;
  }
  void SetUp() override {
    if (executor_ == nullptr) GTEST_SKIP() << "no GPU";
  }

  // x + y -> kernel -> result; one launch.
  static LaunchPlan Plan(const std::string& ptx, int64_t n = kElements) {
    LaunchPlan plan;
    plan.buffers = {{BufferKind::kInput, 0, 4 * kElements}, {BufferKind::kInput, 1, 4 * kElements}, {BufferKind::kAllocated, -1, 4 * kElements}};
    KernelImage kernel;
    kernel.name = kernel.function = "k";
    kernel.cubin_path = "0.cubin";
    kernel.cubin_sha256 = Sha256(ptx);
    kernel.num_warps = kThreads / 32;
    kernel.params = {ParamType::kPointer, ParamType::kPointer, ParamType::kPointer, ParamType::kI32};
    kernel.arguments = {{"x", false, {}}, {"y", false, {}}, {"o", false, {}}, {"n", false, {}}};
    plan.kernels = {kernel};
    LaunchStep step;
    step.kernel = 0;
    step.grid = {(kElements + kThreads - 1) / kThreads + 1, 1, 1};
    step.args = {PointerArg{0, 0}, PointerArg{1, 0}, PointerArg{2, 0}, ScalarArg{ParamType::kI32, n, 0}};
    plan.steps = {step};
    plan.results = {{2, DType::kFloat32, {kElements}, {1}, 0}};
    WriteFileAtomically(folder_->path() / "0.cubin", ptx);
    return plan;
  }

  static Verdict Run(const LaunchPlan& plan, double timeout_s = 30, bool timed = false) {
    Executable candidate;
    candidate.plan = &plan;
    candidate.folder = folder_->path();
    ExecuteOptions options;
    options.timed = timed;
    options.timeout_s = timeout_s;
    const auto begin = std::chrono::steady_clock::now();
    const Verdict verdict = executor_->Execute(problem_, candidate, options);
    std::printf("  %s at %s, %s: %s (%.0f ms)\n", Name(verdict.outcome).c_str(), Name(verdict.stage).c_str(), verdict.code.c_str(), verdict.reason.c_str(),
                1e3 * std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    return verdict;
  }
  static Verdict Run(const std::string& body, const std::string& after = "") { return Run(Plan(Ptx(body, after))); }

  static ScratchFolder* folder_;
  static GpuExecutor* executor_;
  static Program program_;
  static ProblemId problem_;
};
ScratchFolder* GpuSelfTest::folder_ = nullptr;
GpuExecutor* GpuSelfTest::executor_ = nullptr;
Program GpuSelfTest::program_;
ProblemId GpuSelfTest::problem_ = -1;

TEST_F(GpuSelfTest, TheProgramAgreesWithTheModule) { EXPECT_EQ(executor_->CheckAgainstModule(), std::nullopt); }

TEST_F(GpuSelfTest, ARightKernelIsAcceptedAndTimed) {
  const Verdict verdict = Run(Plan(Ptx(kRelu)), 30, true);
  EXPECT_TRUE(verdict.accepted());
  ASSERT_TRUE(verdict.time_ms && verdict.eager_ms);
  std::printf("  candidate %.4f ms +- %.4f, eager %.4f ms, speedup %s\n", *verdict.time_ms, verdict.time_ci_ms.value_or(0), *verdict.eager_ms,
              verdict.speedup ? std::to_string(*verdict.speedup).c_str() : "not resolved");
  EXPECT_GT(*verdict.time_ms, 0.002);
  EXPECT_LT(*verdict.time_ms, *verdict.eager_ms);   // one kernel against two
  EXPECT_EQ(verdict.kernel_share.value_or(0), 1.0);
}

// Ten times the same, with other work and idle time between them: within 2% or 0.3 us of their middle, and the interval
// tells how far they are apart.
TEST_F(GpuSelfTest, TimesRepeat) {
  std::vector<double> times;
  for (int i = 0; i < 10; ++i) {
    if (i % 3 == 1) Run(Plan(Ptx(std::string(kRelu) + "  membar.gl; membar.gl;")), 30, true);
    if (i % 4 == 2) std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const Verdict verdict = Run(Plan(Ptx(kRelu)), 30, true);
    times.push_back(verdict.time_ms.value_or(0));
    EXPECT_LE(verdict.time_ci_ms.value_or(1), std::max(0.01 * times.back(), 0.00015)) << "the interval did not become narrow";
  }
  const double middle = Median(times).median;
  double largest = 0;
  for (const double time : times) largest = std::max(largest, std::fabs(time - middle));
  std::printf("  ten medians around %.5f ms, the farthest %.5f ms (%.2f%%) away\n", middle, largest, 100 * largest / middle);
  EXPECT_LE(largest, std::max(0.02 * middle, 0.0003));
}

// Equal work is never called faster or slower.
TEST_F(GpuSelfTest, ADifferenceThatCannotBeResolvedIsNotCalled) {
  // The eager side is two kernels; a candidate whose time lies within the noise of itself is compared with its own repeat.
  const LaunchPlan plan = Plan(Ptx(kRelu));
  const Verdict first = Run(plan, 30, true), second = Run(plan, 30, true);
  const auto interval = [](const Verdict& verdict) { return MedianInterval{*verdict.time_ms, *verdict.time_ms - *verdict.time_ci_ms, *verdict.time_ms + *verdict.time_ci_ms}; };
  const auto speedup = Speedup(interval(first), interval(second));
  if (speedup) {
    EXPECT_NEAR(*speedup, 1, 0.02);
  }
}

TEST_F(GpuSelfTest, WrongValues) { EXPECT_EQ(Run("  mov.f32 %f4,%f3;").code, "wrong_values"); }

TEST_F(GpuSelfTest, AnElementThatIsNotWritten) { EXPECT_EQ(Run(Plan(Ptx(kRelu), kElements - 1)).code, "unwritten"); }

TEST_F(GpuSelfTest, AWritePastTheEnd) { EXPECT_EQ(Run(Plan(Ptx(kRelu), kElements + 8)).code, "illegal_access"); }

// Reads alone leave no trace but a fault.  The element lies a whole number of pages behind the buffer's start, in the red zone.
TEST_F(GpuSelfTest, AReadPastTheEnd) {
  const Verdict verdict = Run(std::string(kRelu) + "  ld.volatile.global.u32 %r6,[%rd1+" + std::to_string(4 * kElements) + "];");
  EXPECT_EQ(verdict.code, "illegal_access");
  EXPECT_NE(verdict.reason.find("outside of its buffers"), std::string::npos) << verdict.reason;
  EXPECT_TRUE(Run(kRelu).accepted());
}

TEST_F(GpuSelfTest, AReadBeforeTheStart) {
  const Verdict verdict = Run(std::string(kRelu) + "  ld.volatile.global.u32 %r6,[%rd2+-4];");
  EXPECT_EQ(verdict.code, "illegal_access");
  EXPECT_NE(verdict.reason.find("outside of its buffers"), std::string::npos) << verdict.reason;
}

TEST_F(GpuSelfTest, GuardPagesAreNamedAmongTheLayers) {
  const Verdict verdict = Run(kRelu);
  EXPECT_EQ(verdict.layers, std::vector<std::string>{"guard pages"});
}

// Which multiprocessor a block gets depends on its neighbours.
TEST_F(GpuSelfTest, BitsThatDependOnTheMultiprocessor) {
  EXPECT_EQ(Run(std::string(kRelu) + R"(
  setp.gt.f32 %p2,%f4,0f3F800000; mov.u32 %r6,%smid; and.b32 %r6,%r6,1; mov.b32 %r7,%f4; add.u32 %r8,%r7,%r6;
  @%p2 mov.b32 %f4,%r8;)").code, "nondeterministic");
}

TEST_F(GpuSelfTest, RepeatedRunsCostLittle) {
  const LaunchPlan plan = Plan(Ptx(kRelu));
  const auto seconds = [&](int runs) {
    Executable candidate;
    candidate.plan = &plan;
    candidate.folder = folder_->path();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(executor_->Execute(problem_, candidate, {.timed = false, .determinism_runs = runs}).accepted());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / 10;
  };
  const double one = seconds(1), eight = seconds(8);
  std::printf("  a candidate in %.2f ms with one run, in %.2f ms with eight\n", 1e3 * one, 1e3 * eight);
  EXPECT_LT(eight - one, 0.02);
}

TEST_F(GpuSelfTest, AChangedInput) { EXPECT_EQ(Run(kRelu, "  st.global.f32 [%rd5],%f4;").code, "wrong_mutation"); }

TEST_F(GpuSelfTest, AFaultCostsItsCandidateAlone) {
  EXPECT_EQ(Run(std::string("  mov.u64 %rd7,16;\n") + kRelu).code, "illegal_access");
  EXPECT_TRUE(Run(kRelu).accepted());
  EXPECT_EQ(Run(std::string("  mov.u64 %rd7,16;\n") + kRelu).code, "illegal_access");
  EXPECT_EQ(Run(std::string("  mov.u64 %rd7,16;\n") + kRelu).code, "illegal_access");
  EXPECT_TRUE(Run(kRelu).accepted());
}

TEST_F(GpuSelfTest, AHangCostsItsCandidateAlone) {
  EXPECT_EQ(Run(Plan(Ptx(std::string("SPIN: bra SPIN;\n") + kRelu)), 2).code, "timeout");
  EXPECT_TRUE(Run(kRelu).accepted());
}

TEST_F(GpuSelfTest, BitsThatMoveBetweenRuns) {
  const std::string moving = std::string(kRelu) + R"(
  setp.gt.f32 %p2,%f4,0f3F800000; mov.u32 %r6,%clock; and.b32 %r6,%r6,1; mov.b32 %r7,%f4; add.u32 %r8,%r7,%r6;
  @%p2 mov.b32 %f4,%r8;)";
  EXPECT_EQ(Run(moving).code, "nondeterministic");
}

TEST_F(GpuSelfTest, AResultThatDependsOnUnwrittenMemory) {
  // Bit 2 of what the result's buffer held before: 1 in the first poison, 0 in the second.
  const std::string reading = std::string(kRelu) + R"(
  ld.global.u32 %r6,[%rd7]; shr.u32 %r6,%r6,2; and.b32 %r6,%r6,1; setp.gt.f32 %p2,%f4,0f3F800000; mov.b32 %r7,%f4; add.u32 %r8,%r7,%r6;
  @%p2 mov.b32 %f4,%r8;)";
  EXPECT_EQ(Run(reading).code, "unwritten");
}

TEST_F(GpuSelfTest, VendorStepsFillsAndCopiesShareTheBuffers) {
  LaunchPlan plan = Plan(Ptx("  mov.f32 %f4,%f3;"));   // the sum alone
  plan.buffers.push_back({BufferKind::kAllocated, -1, 4 * kElements});
  plan.buffers.push_back({BufferKind::kAllocated, -1, 4 * kElements});
  const TensorView sum{2, DType::kFloat32, {kElements}, {1}, 0}, relu{3, DType::kFloat32, {kElements}, {1}, 0}, result{4, DType::kFloat32, {kElements}, {1}, 0};
  const TensorView columns{3, DType::kFloat32, {2, kElements / 2}, {1, 2}, 0}, result_columns{4, DType::kFloat32, {2, kElements / 2}, {1, 2}, 0};
  plan.steps.insert(plan.steps.begin(), FillStep{relu, Attr(1.5)});
  plan.steps.push_back(VendorStep{"aten.relu.default", {ValueRef{0}}, {sum}, {relu}});
  plan.steps.push_back(CopyStep{columns, result_columns});   // strided: libtorch's
  plan.steps.push_back(CopyStep{result, relu});              // dense: the runner's
  plan.results = {relu};
  const Verdict verdict = Run(plan, 30, true);
  EXPECT_TRUE(verdict.accepted());
  EXPECT_EQ(verdict.vendor_steps, std::vector<std::string>{"aten.relu.default"});
  EXPECT_LT(verdict.kernel_share.value_or(1), 1.0);
}

TEST_F(GpuSelfTest, MoreMemoryThanThereIs) {
  LaunchPlan plan = Plan(Ptx(kRelu));
  plan.buffers.push_back({BufferKind::kAllocated, -1, int64_t{1} << 42});
  EXPECT_EQ(Run(plan).code, "out_of_memory");
  EXPECT_TRUE(Run(kRelu).accepted());
}

}  // namespace
}  // namespace drtriton
