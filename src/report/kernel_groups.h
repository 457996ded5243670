// Kernel steps that are one and the same kernel: the layers of a network repeat, and what is known of a kernel is shown
// once however often it runs.
#ifndef DRTRITON_REPORT_KERNEL_GROUPS_H_
#define DRTRITON_REPORT_KERNEL_GROUPS_H_

#include <string>
#include <vector>

#include "core/composition.h"

namespace drtriton {

// Steps of the same kind with the same source.  Points into the Composition, which must outlive it.
struct KernelGroup {
  int number = 0;                        // 1, 2, ... in the order of the first steps; what the report calls it
  std::vector<const KernelStep*> steps;  // never empty
  const KernelStep& first() const { return *steps.front(); }
  // Where the report's section of this group is: the id of the first fragment.
  const std::string& anchor() const { return first().fragment.id; }
  // "linear, gelu": operators in order, those of several kernels too.
  std::vector<std::string> Operators() const;
  // Milliseconds of all steps together, 0 when untimed.
  double TotalMs() const;
};

std::vector<KernelGroup> GroupKernels(const Composition& composition);

}  // namespace drtriton

#endif  // DRTRITON_REPORT_KERNEL_GROUPS_H_
