// Writes the kernels of one matmul schedule.
#ifndef DRTRITON_TEMPLATES_MATMUL_SOURCE_H_
#define DRTRITON_TEMPLATES_MATMUL_SOURCE_H_

#include <vector>

#include "core/device.h"
#include "core/proposal.h"
#include "templates/matmul_problem.h"
#include "templates/matmul_schedule.h"
#include "templates/source.h"

namespace drtriton {

// Adds the kernels and their launches to `module`, and returns their plans in the order of launching:
// the operands' rewriting into halves (where the schedule asks for it), the products with their epilogue, and for a
// split K the kernel that sums the parts and carries the epilogue.
std::vector<KernelPlan> WriteMatmul(const MatmulProblem& problem, const MatmulSchedule& schedule,
                                    const DeviceSpec& device, ModuleSource& module);

// What the arithmetic is, for KernelPlan::numerics.
std::string NumericsText(const MatmulProblem& problem, const MatmulSchedule& schedule);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_MATMUL_SOURCE_H_
