// What the HTML report says of the kernels: the roofline with a table of all, then one section for each.
#ifndef DRTRITON_REPORT_KERNEL_SECTIONS_H_
#define DRTRITON_REPORT_KERNEL_SECTIONS_H_

#include <string>
#include <vector>

#include "report/kernel_groups.h"
#include "report/report.h"

namespace drtriton {

// `groups` are those of the report's composition.  Empty text without kernels.
std::string KernelSections(const ConversionReport& report, const std::vector<KernelGroup>& groups);

}  // namespace drtriton

#endif  // DRTRITON_REPORT_KERNEL_SECTIONS_H_
