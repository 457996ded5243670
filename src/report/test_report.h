// A small report that the tests of this room share.
#ifndef DRTRITON_REPORT_TEST_REPORT_H_
#define DRTRITON_REPORT_TEST_REPORT_H_

#include <utility>

#include "graph/test_programs.h"
#include "report/report.h"

namespace drtriton {

// relu(linear(x)) by one kernel in 0.01 ms, the counter's add by PyTorch.
inline ConversionReport SmallReport() {
  ConversionReport report;
  report.module_path = "examples/a<b>.py";
  report.outcome = "Verified: 1 Triton kernel.";
  report.written = true;
  report.output_path = "examples/out_triton.py";
  report.device_name = "NVIDIA H200";
  report.mode = "eval";
  report.composition.program = LinearRelu();
  KernelStep step{ExtractFragment(report.composition.program, {0, 1}, "f00_linear_relu"), {}, {}, {}, "kind"};
  step.proposal.proposer = "templates";
  step.proposal.source = "if a < b and c > d: pass";
  step.proposal.kernels.push_back({.name = "linear_relu_kernel",
                                   .family = "matmul",
                                   .fuses = {"linear", "relu"},
                                   .tile = {{"BLOCK_M", 64}},
                                   .numerics = "tf32x3",
                                   .why = "Bound by memory."});
  step.verdict.outcome = Outcome::kAccepted;
  step.verdict.stage = Stage::kDone;
  step.verdict.time_ms = 0.01;
  step.verdict.eager_ms = 0.02;
  step.verdict.rel_err = 1e-7;
  report.tried.push_back({"kind", "f00_linear_relu", step.proposal, step.verdict});
  report.composition.steps.push_back(std::move(step));
  report.composition.steps.push_back(TorchStep{2, "no template covers it"});
  report.regions.push_back({"f00_linear_relu", {0, 1}, {"fused", "PyTorch"}, "fused", "0.01 ms against 0.02 ms"});
  report.timings = {{"eager", 0.03, 0.001, 40.0, ""},
                    {"torch.compile", std::nullopt, std::nullopt, std::nullopt, "no compiler"},
                    {"drtriton", 0.02, 0.001, 12.0, ""}};
  report.timed = true;
  return report;
}

}  // namespace drtriton

#endif  // DRTRITON_REPORT_TEST_REPORT_H_
