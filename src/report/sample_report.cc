// sample_report FILE.html: writes the report of a made-up conversion, 24 residual blocks timed on an H200, for the
// tests that open it in a browser.
#include <string>

#include "base/file.h"
#include "report/test_report.h"

namespace drtriton {
namespace {

constexpr int kBlocks = 24;

KernelStep Kernel(const Program& program, std::vector<int32_t> nodes, const std::string& name, double time_ms) {
  KernelStep step = std::get<KernelStep>(SmallReport().composition.steps[0]);
  step.fragment = ExtractFragment(program, std::move(nodes), name);
  step.verdict.time_ms = time_ms;
  step.verdict.time_ci_ms = 0.01 * time_ms;
  step.verdict.eager_ms = 1.7 * time_ms;
  step.verdict.ref_rel_err = 2e-7;
  return step;
}

// x + linear(relu(linear(x))).
ValueId AddBlock(Program& program, ValueId x, int block) {
  const std::string at = "block" + std::to_string(block);
  auto linear = [&](const std::string& name, ValueId input, Shape weight, Shape shape) {
    ValueId w = AddLeaf(program, ValueKind::kParameter, "p_" + name, weight);
    return AddNode(program, name, "aten.linear.default", {ValueRef{input}, ValueRef{w}}, shape, DType::kFloat32,
                   "aten::linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor");
  };
  ValueId up = linear(at + "_up", x, {4096, 1024}, {8192, 4096});
  ValueId relu = AddNode(program, at + "_relu", "aten.relu.default", {ValueRef{up}}, {8192, 4096}, DType::kFloat32,
                         "aten::relu(Tensor self) -> Tensor");
  ValueId down = linear(at + "_down", relu, {1024, 4096}, {8192, 1024});
  return AddNode(program, at + "_add", "aten.add.Tensor", {ValueRef{x}, ValueRef{down}}, {8192, 1024}, DType::kFloat32,
                 "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor");
}

// The first product with its relu is ours, the sum too, the second product PyTorch's.
void AddSteps(ConversionReport& report, int block) {
  const Program& program = report.composition.program;
  const std::string at = "f" + std::to_string(3 * block);
  const int32_t first = 4 * block;
  KernelStep fused = Kernel(program, {first, first + 1}, at + "_linear_relu", 0.69);
  KernelStep add = Kernel(program, {first + 3}, at + "_add", 0.027);
  add.kind = "sum";
  add.proposal.kernels[0] = {.name = "add_kernel",
                             .family = "pointwise",
                             .fuses = {"add"},
                             .tile = {{"BLOCK_N", 1024}},
                             .numerics = "float32 in registers",
                             .why = "Bound by memory: 101 MB in one pass."};
  add.proposal.source =
      "@triton.jit\ndef add_kernel(x_ptr, y_ptr, out_ptr, BLOCK_N: tl.constexpr):\n"
      "    offsets = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)  # one flat index, whatever the "
      "shape of the tensors was before\n";
  report.composition.steps.insert(report.composition.steps.end(),
                                  {fused, TorchStep{first + 2, "cuBLAS was faster: 0.66 ms against 0.71 ms"}, add});
  report.regions.push_back({at + "_linear_relu",
                            {first, first + 1},
                            {"fused", "vendor product, fused rest", "PyTorch"},
                            "fused",
                            "fused kernel 0.6900 ms, PyTorch 1.1730 ms (cold)"});
}

ConversionReport Sample() {
  ConversionReport report = SmallReport();
  report.outcome = "Verified: 48 Triton kernels, 24 operators kept in PyTorch; 33.1000 ms, 1.35x eager.";
  report.composition = {};
  report.regions.clear();
  report.composition.program.name = "Residuals";
  ValueId x = AddLeaf(report.composition.program, ValueKind::kInput, "x", {8192, 1024});
  for (int block = 0; block < kBlocks; ++block) x = AddBlock(report.composition.program, x, block);
  report.composition.program.result = Tree{.value = x};
  for (int block = 0; block < kBlocks; ++block) AddSteps(report, block);
  report.tried.push_back(report.tried[0]);
  report.tried[1].proposal.source = "another";
  report.tried[1].verdict =
      Verdict::Rejected(Stage::kNumerics, "wrong_values",
                        "result 0 differs from float64 by 3.1e-02 at [17, 4], where eager differs by 2.0e-07");
  report.timings = {{"eager", 44.7, 0.04, 44800.0, ""},
                    {"torch.compile", 33.2, 0.2, 33500.0, ""},
                    {"drtriton", 33.1, 0.1, 33300.0, ""}};
  report.versions = {{"drtriton", "0.1.0"}, {"torch", "2.11.0"}};
  report.stages = {{"import", 14.1}, {"search", 271.4}, {"check", 12.5}};
  report.seconds = 311;
  report.final_check = std::get<KernelStep>(report.composition.steps[0]).verdict;
  return report;
}

}  // namespace
}  // namespace drtriton

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  drtriton::WriteFileAtomically(argv[1], drtriton::ReportHtml(drtriton::Sample()));
  return 0;
}
