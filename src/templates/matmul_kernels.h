// The kernels around and instead of the tiled product: operands rewritten into halves, the sum of a split K, and the
// product of few rows.  Used by matmul_source.cc alone.
//
// Halves.  A row of a float32 operand is scaled by a power of two so that its largest element lies in [2^14, 2^15), and
// every element becomes high + low, two float16 numbers: 22 bits for elements down to 2^-16 of the row's largest, then
// an absolute error of 2^-39 of it.  high*high + high*low + low*high leaves out low*low, 2^-22 of the product, as
// tf32x3 does.  The scales are powers of two, so undoing them is exact.  NaN and inf are carried by `low` with `high`
// zero, so that each meets the other operand once, by its high half.
// Hopper's tensor cores cut a running float32 sum off instead of rounding it: left in them over all of K, the error
// grows with K (3e-5 at 8192 on an H200).  So each step's three products are summed apart and added by float32
// additions.
#ifndef DRTRITON_TEMPLATES_MATMUL_KERNELS_H_
#define DRTRITON_TEMPLATES_MATMUL_KERNELS_H_

#include <string>
#include <vector>

#include "core/proposal.h"
#include "templates/matmul_problem.h"
#include "templates/matmul_schedule.h"
#include "templates/source.h"

namespace drtriton {

struct HalfOperand {
  MatrixView high, low;  // [batch * rows, K] float16, K contiguous; `low` only for Precision::kHalves
  TensorRef scale;       // float32, one a row: what 2^0 of the scaled row stands for, times 2^14
};

struct Halves {
  HalfOperand a;
  std::vector<HalfOperand> b;  // one an anchor
};

// Adds the kernels that rewrite the operands, and their plans.
Halves WriteHalves(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device,
                   ModuleSource& module, std::vector<KernelPlan>& plans);

// Multiplies an accumulator by its rows' and columns' scales; assumes m, n (and their masks) and batch as variables.
void UndoScale(const std::string& accumulator, const HalfOperand& a, const HalfOperand& b, const MatmulProblem& problem,
               const MatmulSchedule& schedule, KernelSource& kernel);

// ".to(tl.int64)" behind indices where some tensor is so large that offsets need it, else nothing.
std::string Widened(const Lowered& lowered);

// How an epilogue's tile is indexed along m or n: "m[:, None]" with its mask, which is empty where all is inside.
struct TileIndex {
  std::string index, mask;
};

// Binds every product to its text, in group order, and writes all stores.
void WriteEpilogue(const MatmulProblem& problem, const TileIndex& m, const TileIndex& n,
                   const std::vector<std::string>& products, KernelSource& kernel);

// Adds the kernel that sums the parts of a split K in order and carries the epilogue.
KernelPlan WriteSum(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device,
                    const std::vector<TensorRef>& partials, ModuleSource& module);

// Fills the kernel for at most four rows: one program a row and block of columns.
void WriteVector(const MatmulProblem& problem, const MatmulSchedule& schedule, ModuleSource& module,
                 KernelSource& kernel);

// The launcher's text for a descriptor over the matrix: "TensorDescriptor.from_tensor(x.view(4096, 768), [128, 64])".
std::string DescriptorText(const ModuleSource& module, const Lowered& lowered, const MatrixView& view,
                           const std::vector<int64_t>& block);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_MATMUL_KERNELS_H_
