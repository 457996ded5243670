// Program <-> Python text.
//
// The flat functional form is one line an operator and is what a policy reads:
//
//   # model on cuda
//   def forward(x, *, p_fc_weight, p_fc_bias):
//       # x: f32[2, 3]
//       # p_fc_weight: f32[4, 3] parameter 'fc.weight'
//       # p_fc_bias: f32[4] parameter 'fc.bias'
//       linear = F.linear(x, p_fc_weight, p_fc_bias)  # f32[2, 4]
//       values, _ = torch.max(linear, dim=1)  # f32[2], _
//       return values
//
// Leaves before the `*` are Program::inputs, in order; the others follow.  A type is dtype[shape], and {strides} where
// the tensor is not contiguous.  Facts that differ from their defaults have lines of their own: `# context:
// training=True`,
// `# arguments: {'x': x}` when forward is not called with the inputs one by one.  Mutations are `buffer.copy_(value)`
// after the operators; a result that shares memory is listed in `# aliases: y of x`.  The text says everything, so it
// parses back to an equal Program.
#ifndef DRTRITON_GRAPH_PROGRAM_PYTHON_H_
#define DRTRITON_GRAPH_PROGRAM_PYTHON_H_

#include <string>
#include <string_view>

#include "graph/program.h"

namespace drtriton {

enum class Names : uint8_t {
  kOwn,        // the values' names
  kCanonical,  // x0 (inputs), w0 (parameters), b0 (buffers), c0 (constants), v0 (results), each in order
};

std::string FlatText(const Program& program, Names names = Names::kOwn);

// The inverse of FlatText().  Throws UserError naming the line that is not understood, or an operator whose arguments
// do not fit; the result passed Program::Validate().
Program ParseFlatText(std::string_view text);

// "f32[2, 3]{1, 2}"
std::string TypeText(const Value& value);

// A Python module that runs: `class Model(nn.Module)` with the parameters and buffers (random values of the right type,
// dots in their names replaced), `get_inputs()` and `get_init_inputs()`.
std::string ModuleText(const Program& program);

// The class alone, under another name, with a forward that passes all leaves, in the order of `inputs`, to a function
// `launch` and takes the Program's results from what it returns: what makes a file with a launcher a whole module.  The
// Program returns a tuple of its results, as fragments do.
std::string LaunchingClassText(const Program& program, std::string_view class_name);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_PROGRAM_PYTHON_H_
