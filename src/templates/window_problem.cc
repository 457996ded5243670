// The reading goes from the windows outwards: what is in front of them has axes of its own (Draft::Detach), what is
// behind them must run over the axes of their results.
#include "templates/window_problem.h"

#include <algorithm>
#include <set>

#include "templates/cost.h"
#include "templates/expression.h"
#include "templates/layout.h"

namespace drtriton {
namespace {

bool IsSubset(const AxisList& part, const AxisList& whole) { return Without(part, whole).empty(); }

// All nodes that `root` needs, itself included, stopping at windows (which are included, not entered).
std::set<NodeId> Needs(const Lowered& lowered, NodeId root) {
  std::set<NodeId> seen;
  std::vector<NodeId> open{root};
  while (!open.empty()) {
    const NodeId id = open.back();
    open.pop_back();
    if (!seen.insert(id).second) continue;
    const LoweredNode& node = lowered.node(id);
    if (node.kind != LoweredKind::kWindow) open.insert(open.end(), node.operands.begin(), node.operands.end());
  }
  return seen;
}

AxisList ResultAxes(const Window& window) {
  AxisList axes = window.Positions();
  axes.insert(axes.end(), window.groups.begin(), window.groups.end());
  axes.insert(axes.end(), window.channels.begin(), window.channels.end());
  return axes;
}

bool SameDims(const Window& a, const Window& b) {
  return std::equal(a.dims.begin(), a.dims.end(), b.dims.begin(), b.dims.end(), [](const WindowDim& x, const WindowDim& y) {
    return x.input == y.input && x.output == y.output && x.kernel == y.kernel && x.stride == y.stride &&
           x.padding == y.padding && x.dilation == y.dilation;
  });
}

std::optional<std::string> WhyNotTogether(const Lowered& lowered, const std::vector<NodeId>& windows) {
  const LoweredNode& first = lowered.node(windows.front());
  for (NodeId id : windows) {
    const LoweredNode& node = lowered.node(id);
    if (id != windows.front() && (first.function == "convolution" || node.function == "convolution")) {
      return "more than one convolution";
    }
    const bool alike = node.operands == first.operands && SameDims(node.window, first.window) &&
                       node.window.adaptive == first.window.adaptive;
    if (!alike) return "windows over different operands";
  }
  return std::nullopt;
}

// Gives the store to the problem's epilogue; the reason when it does not run over a window's results.
std::optional<std::string> AddStore(const LoweredStore& store, WindowProblem& problem) {
  const Lowered& lowered = *problem.lowered;
  const std::set<NodeId> needed = Needs(lowered, store.node);
  const NodeId window = WindowOfStore(problem, store);
  if (window < 0) return "a result beside the convolution or pooling";
  const AxisList all = ResultAxes(lowered.node(window).window);
  if (!IsSubset(store.access.axes, all) || !IsSubset(all, store.access.axes)) {
    return "a result that is not shaped like the convolution's or pool's";
  }
  for (NodeId id : needed) {
    const LoweredNode& node = lowered.node(id);
    if (!IsSubset(node.axes, all)) return "an operand behind the convolution or pooling that runs over other dimensions";
    if (node.kind == LoweredKind::kLoad) problem.epilogue_bytes += AccessBytes(lowered, node.access);
    if (node.kind == LoweredKind::kPointwise) problem.epilogue_cost += FunctionCost(node.function);
  }
  problem.epilogue_bytes += AccessBytes(lowered, store.access);
  return std::nullopt;
}

struct Operand {
  bool plain = false;
  double bytes = 0, cost = 0;
};

Operand ReadOperand(const Lowered& lowered, NodeId id) {
  Operand operand;
  const LoweredNode& root = lowered.node(id);
  operand.plain = root.kind == LoweredKind::kLoad && root.operands.empty();
  for (NodeId needed : Needs(lowered, id)) {
    const LoweredNode& node = lowered.node(needed);
    if (node.kind == LoweredKind::kLoad) operand.bytes += AccessBytes(lowered, node.access);
    if (node.kind == LoweredKind::kPointwise) operand.cost += FunctionCost(node.function);
  }
  return operand;
}

void ReadOperands(const Lowered& lowered, WindowProblem& problem) {
  const LoweredNode& node = lowered.node(problem.nodes.front());
  problem.input = node.operands[0];
  problem.dtype = lowered.node(problem.input).dtype;
  const Operand input = ReadOperand(lowered, problem.input);
  problem.plain_input = input.plain, problem.input_bytes = input.bytes, problem.prologue_cost = input.cost;
  if (node.operands.size() < 2) return;
  problem.weight = node.operands[1];
  const Operand weight = ReadOperand(lowered, problem.weight);
  problem.plain_weight = weight.plain, problem.weight_bytes = weight.bytes;
}

void ReadSizes(const Lowered& lowered, WindowProblem& problem) {
  const Window& window = problem.window();
  problem.images = lowered.Product(window.batch);
  problem.groups = lowered.Product(window.groups);
  problem.out_channels = lowered.Product(window.channels);
  problem.in_channels = lowered.Product(window.in_channels);
  problem.positions = lowered.Product(window.Positions());
  const AxisList channels = window.channels.empty() ? window.groups : window.channels;
  const Access& result = lowered.stores.front().access;
  problem.channels_last = !channels.empty() && StrideOf(result, channels.back()) == 1;
}

}  // namespace

double WindowProblem::Flops() const {
  double taps = static_cast<double>(window().TapCount());
  for (size_t i = 0; i < window().dims.size(); ++i) {
    const WindowDim& dim = window().dims[i];
    if (window().transposed) taps /= static_cast<double>(std::min(dim.stride, dim.output));
  }
  const double results = static_cast<double>(positions * groups) * static_cast<double>(out_channels);
  return 2 * results * taps * static_cast<double>(in_channels);
}

NodeId WindowOfStore(const WindowProblem& problem, const LoweredStore& store) {
  const std::set<NodeId> needed = Needs(*problem.lowered, store.node);
  const auto found = std::find_if(problem.nodes.begin(), problem.nodes.end(), [&](NodeId id) { return needed.count(id) != 0; });
  return found == problem.nodes.end() ? -1 : *found;
}

std::variant<WindowProblem, std::string> ReadWindow(const Lowered& lowered) {
  WindowProblem problem{.lowered = &lowered, .nodes = lowered.OfKind(LoweredKind::kWindow)};
  if (problem.nodes.empty()) return "no convolution or pooling";
  if (auto reason = WhyNotTogether(lowered, problem.nodes)) return *reason;
  for (const LoweredNode& node : lowered.nodes) {
    const bool simple = node.kind == LoweredKind::kLoad || node.kind == LoweredKind::kConstant || node.kind == LoweredKind::kIndex ||
                        node.kind == LoweredKind::kPointwise || node.kind == LoweredKind::kWindow;
    if (!simple) return "a reduction or product beside the convolution or pooling";
  }
  ReadOperands(lowered, problem);
  if (!IsFloating(problem.dtype)) return "a convolution or pooling of integers";
  for (const LoweredStore& store : lowered.stores) {
    if (auto reason = AddStore(store, problem)) return *reason;
  }
  ReadSizes(lowered, problem);
  return problem;
}

}  // namespace drtriton
