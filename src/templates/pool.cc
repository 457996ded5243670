// The pooling family: maximum, its index, and average over windows, every lane one element of the result.
//
// As PyTorch has it: a maximum ignores the padding, takes the first of equal elements and the last NaN; an average
// divides by the window's size, with or without the padding, or by a given number; a window that ceil_mode lets run over
// the padded operand's end is cut there first.  Tested by convolution_test.cc and python/tests/test_templates.py.
#include <algorithm>

#include "templates/direct_convolution.h"
#include "templates/family.h"
#include "templates/window_tile.h"

namespace drtriton {
namespace {

bool Has(const WindowProblem& problem, const std::string& function) {
  return std::any_of(problem.nodes.begin(), problem.nodes.end(),
                     [&](NodeId id) { return problem.lowered->node(id).function == function; });
}

// The sum over the window, divided.
std::string Average(const WindowProblem& problem, WindowTile& tile, KernelSource& kernel) {
  const std::string acc = kernel.Fresh("acc");
  kernel.Line(acc + " = tl.zeros(" + tile.ShapeText() + ", dtype=" + tile.AccumulatorType() + ")");
  tile.BeginTaps();
  kernel.Line(acc + " += " + tile.Input(""));
  tile.EndTaps();
  const Window& window = problem.window();
  const std::string count = window.divisor != 0 ? std::to_string(window.divisor) + ".0" : tile.CountText(window.count_padding);
  const std::string average = kernel.Fresh("average");
  kernel.Line(average + " = " + acc + " / " + count);
  return average;
}

struct Maximum {
  std::string value, index;
};

Maximum MaximumOf(const WindowProblem& problem, WindowTile& tile, KernelSource& kernel) {
  Maximum maximum{.value = kernel.Fresh("maximum")};
  const bool indexed = Has(problem, "max_index");
  kernel.Line(maximum.value + " = tl.full(" + tile.ShapeText() + ", float(\"-inf\"), dtype=" + tile.AccumulatorType() + ")");
  if (indexed) {
    maximum.index = kernel.Fresh("index");
    kernel.Line(maximum.index + " = tl.full(" + tile.ShapeText() + ", -1, dtype=tl.int32)");
  }
  tile.BeginTaps();
  const std::string value = tile.InputOr("float(\"-inf\")");
  if (indexed) {
    const std::string better = kernel.Fresh("better");
    kernel.Line(better + " = (" + value + " > " + maximum.value + ") | (" + value + " != " + value + ") | (" + maximum.index + " < 0)");
    const std::string taken = tile.inside().empty() ? better : tile.inside() + " & (" + better + ")";
    kernel.Line(maximum.index + " = tl.where(" + taken + ", " + tile.PlaceText() + ", " + maximum.index + ")");
  }
  kernel.Line(maximum.value + " = tl.maximum(" + maximum.value + ", " + value + ", propagate_nan=tl.PropagateNan.ALL)");
  tile.EndTaps();
  if (indexed) kernel.Line(maximum.index + " = " + maximum.index + ".to(tl.int64)");
  return maximum;
}

std::vector<std::string> Results(const WindowProblem& problem, WindowTile& tile, KernelSource& kernel) {
  if (Has(problem, "average")) return {Average(problem, tile, kernel)};
  const Maximum maximum = MaximumOf(problem, tile, kernel);
  std::vector<std::string> texts;
  for (NodeId id : problem.nodes) {
    texts.push_back(problem.lowered->node(id).function == "max" ? maximum.value : maximum.index);
  }
  return texts;
}

constexpr double kTapCost = 3;

void AppendPool(const WindowProblem& problem, const WindowSchedule& schedule, const DeviceSpec& device, ModuleSource& module,
                Proposal& proposal) {
  const Lowered& lowered = *problem.lowered;
  KernelSource& kernel = module.AddKernel(KernelName(lowered.operators));
  kernel.Doc("A tile of positions x channels, each lane one element of the result and its window.");
  WindowTile tile(problem, schedule, kernel);
  tile.Begin();
  StoreWindows(problem, tile, Results(problem, tile, kernel), kernel);
  module.Launch(kernel, tile.Grid(), schedule.num_warps, 1);

  KernelPlan plan{.name = kernel.name(), .family = "pool", .fuses = lowered.operators};
  plan.tile = {{"BLOCK_P", schedule.block_p}, {"BLOCK_C", schedule.block_c}};
  plan.num_warps = schedule.num_warps;
  plan.numerics = problem.dtype == DType::kFloat64 ? "fp64" : "fp32 in registers";
  plan.why = "Bound by memory: the operand is read once, overlapping windows find it in the caches.";
  plan.estimated_us = schedule.estimated_us;
  proposal.estimated_us += schedule.estimated_us + device.launch_us;
  proposal.kernels.push_back(std::move(plan));
}

Proposal Write(const WindowProblem& problem, const WindowSchedule& schedule, const DeviceSpec& device) {
  ModuleSource module(*problem.lowered);
  Proposal proposal{.proposer = "templates"};
  AppendPool(problem, schedule, device, module, proposal);
  proposal.source = module.Text(OperatorsText(*problem.lowered) + " (" + std::to_string(schedule.block_p) + " positions x " +
                                std::to_string(schedule.block_c) + " channels).");
  return proposal;
}

class PoolFamily : public Family {
 public:
  std::string Name() const override { return "pool"; }

  std::optional<std::string> WhyNot(const Lowered& lowered) const override {
    auto read = ReadWindow(lowered);
    if (auto* reason = std::get_if<std::string>(&read)) return *reason;
    if (std::get<WindowProblem>(read).function() == "convolution") return "it holds a convolution";
    return std::nullopt;
  }

  std::vector<Proposal> Propose(const Lowered& lowered, const DeviceSpec& device, int max_count) const override {
    const auto read = ReadWindow(lowered);
    const WindowProblem& problem = std::get<WindowProblem>(read);
    std::vector<Proposal> proposals;
    for (const WindowSchedule& schedule : WindowSchedules(problem, device, kTapCost)) {
      if (static_cast<int>(proposals.size()) >= max_count) break;
      proposals.push_back(Write(problem, schedule, device));
    }
    return proposals;
  }

  void Append(const Lowered& part, const DeviceSpec& device, size_t choice, ModuleSource& module, Proposal& proposal) const override {
    const auto read = ReadWindow(part);
    const WindowProblem& problem = std::get<WindowProblem>(read);
    const std::vector<WindowSchedule> schedules = WindowSchedules(problem, device, kTapCost);
    AppendPool(problem, schedules[std::min(choice, schedules.size() - 1)], device, module, proposal);
  }
};

}  // namespace

std::unique_ptr<Family> MakePoolFamily() { return std::make_unique<PoolFamily>(); }

}  // namespace drtriton
