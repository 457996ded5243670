// Cost model: a roofline with launch, occupancy and tail terms.  Orders schedules; the measured time decides.
#ifndef DRTRITON_TEMPLATES_COST_H_
#define DRTRITON_TEMPLATES_COST_H_

#include <cstdint>

#include "core/device.h"
#include "templates/lowered.h"

namespace drtriton {

struct KernelCost {
  double bytes = 0;              // moved to and from memory
  double flops = 0;              // float32 instructions of scalar work
  double matmul_flops = 0;       // on tensor cores
  double matmul_flops_per_us = 0;
  int64_t programs = 1;          // of the grid
  int num_warps = 4;
  double bytes_per_program_in_flight = 0;  // loads that one program has outstanding; 0: enough
  int64_t shared_bytes = 0;
};

// Time of one kernel in microseconds, without the launch gap.
double EstimateUs(const KernelCost& cost, const DeviceSpec& device);

// Bytes that a load or a store touches once: distinct elements times their size.
double AccessBytes(const Lowered& lowered, const Access& access);
// Sum of FunctionCost over nodes times their elements.
double ScalarFlops(const Lowered& lowered);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_COST_H_
