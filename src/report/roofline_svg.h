// The roofline plot: achieved FLOP/s of each kernel over its arithmetic intensity, under the device's ceilings.
// Source: Williams, Waterman, Patterson, "Roofline: an insightful visual performance model", CACM 52(4), 2009.
#ifndef DRTRITON_REPORT_ROOFLINE_SVG_H_
#define DRTRITON_REPORT_ROOFLINE_SVG_H_

#include <string>
#include <vector>

#include "core/device.h"

namespace drtriton {

struct RooflinePoint {
  std::string label;  // short; left out where there is no room, then only under the pointer
  double flops_per_byte = 0;
  double flops_per_us = 0;
  double bound_flops_per_us = 0;  // what the device's limits allow this kernel; a thin line leads up to it.  0: none
  std::string link = {};          // id in the page
};

// Empty text without points.  Both axes are logarithmic.
std::string RooflineSvg(const std::vector<RooflinePoint>& points, const DeviceSpec& device);

}  // namespace drtriton

#endif  // DRTRITON_REPORT_ROOFLINE_SVG_H_
