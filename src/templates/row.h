// The row family: reductions, softmax and normalisations with fused prologue and epilogue.
//
// Ways, by the size of the row:
//   whole    a program keeps whole rows in registers: every reduction and the result from one read
//   looped   a program walks along its rows once for each pass (row_passes.h); the later passes find the row in the cache
//   split    few long rows: each pass is a kernel of its own whose programs reduce a part of a row to a partial result;
//            every program of the next kernel joins the partial results of its rows, always in the same order (no atomics:
//            runs agree bit for bit)
#ifndef DRTRITON_TEMPLATES_ROW_H_
#define DRTRITON_TEMPLATES_ROW_H_

#include <vector>

#include "core/device.h"
#include "core/proposal.h"
#include "templates/lowered.h"
#include "templates/row_problem.h"
#include "templates/source.h"

namespace drtriton {

enum class RowWay : uint8_t { kWhole, kLooped, kSplit };

struct RowSchedule {
  RowWay way = RowWay::kWhole;
  int64_t block_m = 1;     // rows a program
  int64_t block_n = 1024;  // columns a step
  int64_t splits = 1;      // parts of a row, for kSplit; a power of two
  int64_t part = 0;        // columns of a part: a multiple of block_n
  int num_warps = 4;
  int num_stages = 1;
  double estimated_us = 0;
};

// row_schedule.cc.  Best estimate first.
std::vector<RowSchedule> RowSchedules(const Lowered& lowered, const RowProblem& problem, const DeviceSpec& device);
// row_source.cc
void AppendRows(const Lowered& lowered, const RowProblem& problem, const RowSchedule& schedule, const DeviceSpec& device,
                ModuleSource& module, Proposal& proposal);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_ROW_H_
