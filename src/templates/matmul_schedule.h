// MatmulSchedule: how one matrix product is carried out, and the model that orders the choices.
//
// The choices, with what they are for:
//   pointers      loads by address; any strides, any prologue
//   descriptors   loads by TMA; needs aligned rows; near the hardware's rate in 16 bits
//   persistent    one program an SM that walks over tiles, so that a tile's epilogue overlaps the next one's loads
//   split K       few output tiles and a long sum: parts are summed by a second kernel in a fixed order (no atomics)
//   halves        float32 operands rewritten once as two scaled float16 numbers each (22 bits), then three float16
//                 products: fp32 accuracy below a third of the float16 rate, tf32x3 has it below a third of TF32's
//   vector        at most four rows: multiply and sum without tensor cores, bound by memory
#ifndef DRTRITON_TEMPLATES_MATMUL_SCHEDULE_H_
#define DRTRITON_TEMPLATES_MATMUL_SCHEDULE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "core/device.h"
#include "templates/matmul_problem.h"
#include "templates/precision.h"

namespace drtriton {

struct MatmulSchedule {
  Precision precision = Precision::kNative;
  bool descriptors = false;
  bool persistent = false;
  bool vector = false;
  int64_t split_k = 1;
  int64_t block_m = 128, block_n = 128, block_k = 64;
  int64_t group_m = 8;  // rows of tiles that run together, so that they find each other's operands in L2
  int num_warps = 4;
  int num_stages = 3;
  double estimated_us = 0;

  bool SplitsOperands() const { return precision == Precision::kHalves || precision == Precision::kHalf; }
};

// "tf32x3, TMA, persistent, 128x128x32": for reports and tests.
std::string Describe(const MatmulSchedule& schedule);

// Schedules of one kind differ in their tile alone: "tf32x3, TMA, persistent".
std::string Kind(const MatmulSchedule& schedule);

// At most `max_count` valid schedules, best estimate first, kinds and tiles mixed so that a wrong estimate of one
// cannot crowd out the others, and no more than three eighths of them halves while others are left.  At least one for
// every problem that ReadMatmul() accepts.  Deterministic.
std::vector<MatmulSchedule> MatmulSchedules(const MatmulProblem& problem, const DeviceSpec& device, int max_count);

// Whether the schedule fits the problem and the device: shared memory, registers, alignment.
bool IsValid(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device);

// Microseconds, launches of helper kernels included.
double EstimateUs(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device);

// Its parts: rewriting one operand of so many elements into halves, and summing the parts of a split K.
double RewriteUs(const MatmulOperand& operand, int64_t elements, const MatmulSchedule& schedule,
                 const DeviceSpec& device);
double SumUs(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device);

// Shared memory of the main kernel's pipeline in bytes.
int64_t SharedBytes(const MatmulProblem& problem, const MatmulSchedule& schedule);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_MATMUL_SCHEDULE_H_
