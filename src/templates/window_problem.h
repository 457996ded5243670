// WindowProblem: what the convolution and pooling families read out of a lowered fragment.
//
// Windows over one operand - a convolution, a pool, a maximum with its index - with pointwise work on the operands in
// front and on the results behind.  Positions are the result's images and places, channels its groups x channels.
#ifndef DRTRITON_TEMPLATES_WINDOW_PROBLEM_H_
#define DRTRITON_TEMPLATES_WINDOW_PROBLEM_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "templates/lowered.h"

namespace drtriton {

struct WindowProblem {
  const Lowered* lowered = nullptr;
  std::vector<NodeId> nodes;   // kWindow, alike but for their function and the axes of their results
  NodeId input = -1;
  NodeId weight = -1;          // of a convolution
  bool plain_input = false;    // a load with nothing in front of it
  bool plain_weight = false;
  DType dtype = DType::kFloat32;   // that the operands have

  int64_t images = 1, groups = 1;
  int64_t out_channels = 1, in_channels = 1;   // of a group
  int64_t positions = 1;                       // images times places of the result
  bool channels_last = false;                  // the result's channels lie next to each other

  double input_bytes = 0, weight_bytes = 0;
  double epilogue_bytes = 0;    // results and what the epilogue loads
  double prologue_cost = 0;     // float32 instructions an element of the input
  double epilogue_cost = 0;     // the same of the result

  const Window& window() const { return lowered->node(nodes.front()).window; }
  const std::string& function() const { return lowered->node(nodes.front()).function; }
  // Products of one group's sum.
  int64_t SumLength() const { return in_channels * window().TapCount(); }
  // Without the products that upsampling would waste.
  double Flops() const;
};

// The problem, or the reason why no window family covers the fragment: a clause for the report.
std::variant<WindowProblem, std::string> ReadWindow(const Lowered& lowered);

// The window nodes that a store needs, and the store's place: which of `problem.nodes` gives its axes.
NodeId WindowOfStore(const WindowProblem& problem, const LoweredStore& store);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_WINDOW_PROBLEM_H_
