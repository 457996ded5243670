// Where a plan's buffers and scratch lie inside the runner's one allocation, and who carries out which step.
//
// The client, the runner and the reference process each compute this from the plan, so that they agree without a
// message.  Buffers start at multiples of 256 bytes and are followed by a red zone that holds the poison byte like
// everything nobody wrote: a write past a buffer's end shows there.
#ifndef DRTRITON_EXECUTE_PLAN_LAYOUT_H_
#define DRTRITON_EXECUTE_PLAN_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/launch_plan.h"

namespace drtriton {

inline constexpr int64_t kRedZoneBytes = 1024;

struct PlanLayout {
  struct Range {
    int64_t offset = 0;   // bytes from the start of the allocation
    int64_t bytes = 0;
  };
  std::vector<Range> buffers;           // one a buffer of the plan
  std::vector<Range> red_zones;         // the gap behind each buffer (and one before the first)
  std::vector<Range> global_scratch;    // one a step; 0 bytes where the step needs none
  std::vector<Range> profile_scratch;   // likewise
  int64_t bytes = 0;                    // in all, a multiple of 2 MiB (what CUDA IPC shares)
};

PlanLayout LayOut(const LaunchPlan& plan);

// Consecutive steps that one process carries out.
struct PlanSegment {
  size_t first = 0;
  size_t last = 0;         // one past
  bool in_runner = true;   // else in the reference process, by libtorch on the mapped buffers
  bool has_launches = false;
};

// The runner does launches, fills of dense views and copies between dense views of one dtype; copies that convert or
// reorder and vendor steps are libtorch's.
bool RunnerCarriesOut(const PlanStep& step);
std::vector<PlanSegment> Segments(const LaunchPlan& plan);

// What a fill writes: the element's bytes, least significant first, in the low `ElementBytes(dtype)` bytes.
uint64_t FillPattern(const Attr& value, DType dtype);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_PLAN_LAYOUT_H_
