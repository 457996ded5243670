// The proposals of an implicit product: its kernels with their plans; the main one is written by implicit_gemm_writer.h.
#include "templates/implicit_gemm.h"

#include "templates/direct_convolution.h"
#include "templates/implicit_gemm_pack.h"
#include "templates/implicit_gemm_writer.h"

namespace drtriton {
namespace {

std::string Why(const WindowProblem& problem, const GemmSchedule& schedule, const DeviceSpec& device) {
  const double bytes_us = (problem.input_bytes + problem.weight_bytes + problem.epilogue_bytes) / device.memory_bytes_per_us;
  const double flops_us = problem.Flops() / device.MatmulFlopsPerUs(problem.dtype, schedule.precision == Precision::kTf32);
  std::string text = bytes_us > flops_us ? "bound by memory" : "bound by the tensor cores";
  if (problem.window().transposed) text += "; every phase has its own share of the taps, so that no product with an inserted zero is made";
  if (schedule.flat) text += "; few channels, so the sum runs over channels and taps at once";
  if (schedule.pack_input) text += "; the input was rewritten, so the loop loads whole vectors and checks no bounds";
  return text;
}

}  // namespace

void AppendGemm(const WindowProblem& problem, const GemmSchedule& schedule, const DeviceSpec& device, ModuleSource& module,
                Proposal& proposal) {
  const Lowered& lowered = *problem.lowered;
  std::vector<KernelPlan> plans;   // rewritten operands first
  const std::optional<ImageView> image = schedule.pack_input ? PackImage(problem, schedule.precision, device, module, plans) : PlainImage(problem);
  const WeightView weight = schedule.pack_weight ? PackWeight(problem, schedule.precision, device, module, plans) : *PlainWeight(problem);
  KernelSource& kernel = module.AddKernel(KernelName(lowered.operators));
  const std::vector<std::string> grid = GemmWriter(problem, schedule, kernel, image, weight).Write();
  module.Launch(kernel, grid, schedule.num_warps, schedule.num_stages);

  KernelPlan plan{.name = kernel.name(), .family = "convolution", .fuses = lowered.operators};
  plan.tile = {{"BLOCK_M", schedule.block_m}, {"BLOCK_N", schedule.block_n}, {"BLOCK_K", schedule.block_k}};
  plan.num_warps = schedule.num_warps;
  plan.num_stages = schedule.num_stages;
  plan.numerics = NumericsText(schedule.precision, problem.dtype);
  plan.why = Why(problem, schedule, device);
  plan.estimated_us = schedule.estimated_us;
  for (const KernelPlan& before : plans) plan.estimated_us -= before.estimated_us + device.launch_us;
  plans.push_back(std::move(plan));
  proposal.kernels.insert(proposal.kernels.end(), plans.begin(), plans.end());
  proposal.estimated_us += schedule.estimated_us;
}

Proposal WriteGemm(const WindowProblem& problem, const GemmSchedule& schedule, const DeviceSpec& device) {
  ModuleSource module(*problem.lowered);
  Proposal proposal{.proposer = "templates"};
  AppendGemm(problem, schedule, device, module, proposal);
  proposal.source = module.Text(OperatorsText(*problem.lowered) + " (" + Describe(schedule) + ").");
  return proposal;
}

}  // namespace drtriton
