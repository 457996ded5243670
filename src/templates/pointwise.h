// The pointwise family: fused chains of scalar functions over one iteration space, any rank, strided and broadcast inputs.
//
// Layouts, from simple to careful:
//   flat    one index over all elements; operands that do not lie like the result pay divisions
//   rows    a tile of rows x columns; operands that repeat along either are read once a tile
//   planes  a tile across two directions, for operands that are contiguous along another axis than the result (a
//           transpose): both sides of the copy touch whole sectors
#ifndef DRTRITON_TEMPLATES_POINTWISE_H_
#define DRTRITON_TEMPLATES_POINTWISE_H_

#include <string>
#include <vector>

#include "core/device.h"
#include "core/proposal.h"
#include "templates/lowered.h"
#include "templates/source.h"

namespace drtriton {

enum class PointwiseLayout : uint8_t { kFlat, kRows, kPlanes };

struct PointwiseSchedule {
  PointwiseLayout layout = PointwiseLayout::kFlat;
  AxisList outer, down, across;   // kFlat: all in `across`; kRows: `down` and `across`; kPlanes: all three
  int64_t block_down = 1;
  int64_t block_across = 1024;
  int num_warps = 4;
  double estimated_us = 0;
};

// Best estimate first.
std::vector<PointwiseSchedule> PointwiseSchedules(const Lowered& lowered, const DeviceSpec& device);
void AppendPointwise(const Lowered& lowered, const PointwiseSchedule& schedule, const DeviceSpec& device, ModuleSource& module,
                     Proposal& proposal);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_POINTWISE_H_
