// Compiled Triton kernels on a GPU: farm, runner and reference process together.  Shared memory above 48 KiB, tensor
// descriptors, clusters, scalars of every kind.  Skips without a GPU (the plans are still compiled).
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>

#include "base/file.h"
#include "compile/farm.h"
#include "execute/gpu_executor.h"
#include "execute/gpu_probe.h"
#include "execute/test_programs.h"

namespace drtriton {
namespace {

constexpr int64_t kRows = 512, kInner = 1024, kColumns = 384;

// matmul(a, b.T) of a [kRows, kInner] and b [kColumns, kInner] in bfloat16.
Program MatmulProgram() {
  Program program;
  program.name = "linear";
  const auto value = [&](const std::string& name, Shape shape, ValueKind kind) {
    Value v;
    v.name = name;
    v.dtype = DType::kBFloat16;
    v.strides = ContiguousStrides(shape);
    v.shape = std::move(shape);
    v.kind = kind;
    v.node = kind == ValueKind::kNode ? 0 : -1;
    program.values.push_back(v);
  };
  value("a", {kRows, kInner}, ValueKind::kInput);
  value("b", {kColumns, kInner}, ValueKind::kInput);
  value("linear", {kRows, kColumns}, ValueKind::kNode);
  program.nodes.push_back({"aten.linear.default", {ValueRef{0}, ValueRef{1}, Attr()}, {2}, "aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor"});
  program.inputs = {0, 1};
  program.arguments.kind = Tree::Kind::kTuple;
  for (const ValueId id : program.inputs) {
    Tree leaf;
    leaf.value = id;
    program.arguments.children.push_back(leaf);
  }
  program.result.value = 2;
  return program;
}

// bfloat16 values are the upper halves of float32 ones.
std::vector<uint16_t> RandomBFloat16(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<uint16_t> values;
  for (int64_t i = 0; i < count; ++i) {
    const float value = normal(random);
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    values.push_back(static_cast<uint16_t>(bits >> 16));
  }
  return values;
}

constexpr const char* kHead = R"(import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor

)";

// Tiles by pointers; the depth of the pipeline takes the shared memory.
std::string PointerMatmul(int stages, int ctas, const std::string& result) {
  return std::string(kHead) + R"(
@triton.jit
def mm(a, b, o, K, N, scale, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    m = tl.program_id(0) * BM + tl.arange(0, BM)
    n = tl.program_id(1) * BN + tl.arange(0, BN)
    k = tl.arange(0, BK)
    acc = tl.zeros((BM, BN), tl.float32)
    for start in range(0, K, BK):
        x = tl.load(a + m[:, None] * K + (start + k)[None, :])
        y = tl.load(b + n[None, :] * K + (start + k)[:, None])
        acc = tl.dot(x, y, acc)
    tl.store(o + m[:, None] * N + n[None, :], )" + result + R"()


def launch(a, b):
    o = torch.empty((a.shape[0], b.shape[0]), dtype=a.dtype, device=a.device)
    mm[(a.shape[0] // 128, b.shape[0] // 128)](a, b, o, a.shape[1], b.shape[0], 1.0, BM=128, BN=128, BK=64, num_stages=)" +
         std::to_string(stages) + ", num_warps=8, num_ctas=" + std::to_string(ctas) + ")\n    return (o,)\n";
}

const std::string kDescriptorMatmul = std::string(kHead) + R"(
@triton.jit
def mm(a, b, o, K, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    m = tl.program_id(0) * BM
    n = tl.program_id(1) * BN
    acc = tl.zeros((BM, BN), tl.float32)
    for k in range(0, K, BK):
        acc = tl.dot(a.load([m, k]), b.load([n, k]).T, acc)
    o.store([m, n], acc.to(tl.bfloat16))


def launch(a, b):
    o = torch.empty((a.shape[0], b.shape[0]), dtype=a.dtype, device=a.device)
    mm[(a.shape[0] // 128, b.shape[0] // 128)](
        TensorDescriptor.from_tensor(a, [128, 64]), TensorDescriptor.from_tensor(b, [128, 64]),
        TensorDescriptor.from_tensor(o, [128, 128]), a.shape[1], BM=128, BN=128, BK=64, num_stages=4, num_warps=8)
    return (o,)
)";

class TritonSelfTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    fragment_ = WholeProgram(MatmulProgram());
    fragment_.id = "f00_linear";
    gpu_ = ProbeGpu();
    farm_ = new CompileFarm(gpu_.value_or(H200()), {});
    if (!gpu_) return;
    folder_ = new ScratchFolder();
    const auto a = RandomBFloat16(kRows * kInner, 1), b = RandomBFloat16(kColumns * kInner, 2);
    WriteTensorFile(folder_->path() / "values.tensors", {{"a", DType::kBFloat16, {kRows, kInner}, {kInner, 1}, std::as_bytes(std::span(a))},
                                                         {"b", DType::kBFloat16, {kColumns, kInner}, {kInner, 1}, std::as_bytes(std::span(b))}});
    executor_ = new GpuExecutor(*gpu_, 1);
    executor_->LoadProgram(MatmulProgram(), folder_->path() / "values.tensors");
    problem_ = executor_->Prepare(fragment_, 7);
  }
  static void TearDownTestSuite() {
    delete executor_;
    delete farm_;
    delete folder_;
  }

  // Compiles; runs where there is a GPU, else the test ends there.
  static std::optional<Verdict> Run(const std::string& source) {
    CompileRequest request;
    request.fragment = &fragment_;
    request.source = source;
    const std::vector<CompileResult> results = farm_->CompileAll({request});
    EXPECT_FALSE(results.at(0).failure.has_value()) << results[0].failure->reason;
    if (results[0].failure || executor_ == nullptr) return std::nullopt;
    const KernelImage& kernel = results[0].plans.at(0).kernels.at(0);
    Verdict verdict = executor_->Execute(problem_, {request, &results[0].plans[0], results[0].folder}, {});
    std::printf("  %lld bytes of shared memory, %d CTAs: %s %s, rel. error %.3g (eager %.3g), %.4f ms (eager %.4f)\n", static_cast<long long>(kernel.shared_bytes),
                kernel.num_ctas, verdict.code.c_str(), verdict.reason.c_str(), verdict.rel_err.value_or(-1), verdict.ref_rel_err.value_or(-1),
                verdict.time_ms.value_or(-1), verdict.eager_ms.value_or(-1));
    return verdict;
  }

  static std::optional<DeviceSpec> gpu_;
  static ScratchFolder* folder_;
  static CompileFarm* farm_;
  static GpuExecutor* executor_;
  static Fragment fragment_;
  static ProblemId problem_;
};
std::optional<DeviceSpec> TritonSelfTest::gpu_;
ScratchFolder* TritonSelfTest::folder_ = nullptr;
CompileFarm* TritonSelfTest::farm_ = nullptr;
GpuExecutor* TritonSelfTest::executor_ = nullptr;
Fragment TritonSelfTest::fragment_;
ProblemId TritonSelfTest::problem_ = -1;

void ExpectAccepted(const std::optional<Verdict>& verdict) {
  if (!verdict) GTEST_SKIP() << "compiled only";
  EXPECT_TRUE(verdict->accepted()) << verdict->code << ": " << verdict->reason;
}

TEST_F(TritonSelfTest, PointerKernelWithMuchSharedMemory) { ExpectAccepted(Run(PointerMatmul(5, 1, "(acc * scale).to(tl.bfloat16)"))); }

TEST_F(TritonSelfTest, TensorDescriptors) { ExpectAccepted(Run(kDescriptorMatmul)); }

TEST_F(TritonSelfTest, WrongScaleIsRefused) {
  const auto verdict = Run(PointerMatmul(3, 1, "(acc * 1.02).to(tl.bfloat16)"));
  if (!verdict) GTEST_SKIP() << "compiled only";
  EXPECT_EQ(verdict->code, "wrong_values");
}

}  // namespace
}  // namespace drtriton
