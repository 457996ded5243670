// Convolutions without tensor cores: every lane sums up one element of the result.
//
// For depthwise convolutions and small groups, where a matrix product would be mostly padding, and for float64.  Covers
// every convolution, transposed ones too: a lane visits the taps of its own phase alone.
#ifndef DRTRITON_TEMPLATES_DIRECT_CONVOLUTION_H_
#define DRTRITON_TEMPLATES_DIRECT_CONVOLUTION_H_

#include <vector>

#include "core/device.h"
#include "core/proposal.h"
#include "templates/window_problem.h"
#include "templates/window_tile.h"

namespace drtriton {

// Best estimate first.
std::vector<WindowSchedule> DirectSchedules(const WindowProblem& problem, const DeviceSpec& device);
void AppendDirect(const WindowProblem& problem, const WindowSchedule& schedule, const DeviceSpec& device, ModuleSource& module,
                  Proposal& proposal);
Proposal WriteDirect(const WindowProblem& problem, const WindowSchedule& schedule, const DeviceSpec& device);

// "conv_transpose2d, bias and relu": what a module docstring begins with.
std::string OperatorsText(const Lowered& lowered);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_DIRECT_CONVOLUTION_H_
