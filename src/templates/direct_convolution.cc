// See direct_convolution.h.  Tested by convolution_test.cc and, for values, by python/tests/test_templates.py.
#include "templates/direct_convolution.h"

namespace drtriton {
namespace {

std::string Body(const WindowProblem& problem, WindowTile& tile, KernelSource& kernel) {
  const std::string acc = kernel.Fresh("acc");
  kernel.Line(acc + " = tl.zeros(" + tile.ShapeText() + ", dtype=" + tile.AccumulatorType() + ")");
  tile.BeginTaps();
  std::string channel;
  if (problem.in_channels > 1) {
    channel = kernel.Fresh("i");
    kernel.BeginLoop("for " + channel + " in range(" + kernel.Constant("IN_CHANNELS", problem.in_channels) + "):");
  }
  const std::string x = tile.Input(channel), weight = tile.Weight(channel);
  kernel.Line(acc + " += " + x + " * " + weight);
  if (problem.in_channels > 1) kernel.EndLoop();
  tile.EndTaps();
  return acc;
}

}  // namespace

std::string OperatorsText(const Lowered& lowered) {
  std::string text;
  for (const std::string& name : lowered.operators) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::vector<WindowSchedule> DirectSchedules(const WindowProblem& problem, const DeviceSpec& device) {
  constexpr double kTapCost = 4;   // two loads, one of them shared, and a multiply-add
  return WindowSchedules(problem, device, kTapCost);
}

void AppendDirect(const WindowProblem& problem, const WindowSchedule& schedule, const DeviceSpec& device, ModuleSource& module,
                  Proposal& proposal) {
  const Lowered& lowered = *problem.lowered;
  KernelSource& kernel = module.AddKernel(KernelName(lowered.operators));
  kernel.Doc("A tile of positions x channels, each lane one element of the result and its whole sum.");
  WindowTile tile(problem, schedule, kernel);
  tile.Begin();
  StoreWindows(problem, tile, {Body(problem, tile, kernel)}, kernel);
  module.Launch(kernel, tile.Grid(), schedule.num_warps, 1);

  KernelPlan plan{.name = kernel.name(), .family = "convolution", .fuses = lowered.operators};
  plan.tile = {{"BLOCK_P", schedule.block_p}, {"BLOCK_C", schedule.block_c}};
  plan.num_warps = schedule.num_warps;
  plan.numerics = problem.dtype == DType::kFloat64 ? "fp64" : "fp32 products and sums";
  plan.why = "Sums of " + std::to_string(problem.SumLength()) + " products are too short for tensor cores or not of their types; taps are read from the caches.";
  plan.estimated_us = schedule.estimated_us;
  proposal.estimated_us += schedule.estimated_us + device.launch_us;
  proposal.kernels.push_back(std::move(plan));
}

Proposal WriteDirect(const WindowProblem& problem, const WindowSchedule& schedule, const DeviceSpec& device) {
  ModuleSource module(*problem.lowered);
  Proposal proposal{.proposer = "templates"};
  AppendDirect(problem, schedule, device, module, proposal);
  proposal.source = module.Text(OperatorsText(*problem.lowered) + " (direct, " + std::to_string(schedule.block_p) + " positions x " +
                                std::to_string(schedule.block_c) + " channels).");
  return proposal;
}

}  // namespace drtriton
