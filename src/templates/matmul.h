// The matmul family's one-schedule entry, for tests and probes; everyone else uses MakeMatmulFamily() (family.h).
#ifndef DRTRITON_TEMPLATES_MATMUL_H_
#define DRTRITON_TEMPLATES_MATMUL_H_

#include "core/device.h"
#include "core/proposal.h"
#include "templates/matmul_problem.h"
#include "templates/matmul_schedule.h"

namespace drtriton {

// The proposal that carries out `problem` by `schedule`, which must be valid for it.
Proposal MatmulProposal(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_MATMUL_H_
