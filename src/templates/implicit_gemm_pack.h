// The kernels that rewrite a convolution's operands so that its main loop can be plain.  Used by implicit_gemm_source.cc.
#ifndef DRTRITON_TEMPLATES_IMPLICIT_GEMM_PACK_H_
#define DRTRITON_TEMPLATES_IMPLICIT_GEMM_PACK_H_

#include <vector>

#include "templates/implicit_gemm.h"
#include "templates/source.h"

namespace drtriton {

// The input with what is in front of it, channels last, zeros wherever a window reaches beyond it.
ImageView PackImage(const WindowProblem& problem, Precision precision, const DeviceSpec& device, ModuleSource& module, std::vector<KernelPlan>& plans);

// The weight as [groups x out, taps, in].
WeightView PackWeight(const WindowProblem& problem, Precision precision, const DeviceSpec& device, ModuleSource& module, std::vector<KernelPlan>& plans);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_IMPLICIT_GEMM_PACK_H_
