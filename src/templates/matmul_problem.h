// MatmulProblem: what the matmul family reads out of a lowered fragment.
//
// One or more matrix products of the same left operand, C[b, m, n] = sum over k of A[b, m, k] * B[b, k, n], with
// pointwise work on either operand before and on the accumulators after.  Products over the same n axes form a group:
// they meet in the same epilogue (silu(x @ w1) * (x @ w3)).  Groups differ in their n axes (the q, k and v projections)
// but not in size, so one tile of A serves them all.
//
// Batch axes that only one operand depends on are no batch: [B, M, K] @ [K, N] is one product of B*M rows.
#ifndef DRTRITON_TEMPLATES_MATMUL_PROBLEM_H_
#define DRTRITON_TEMPLATES_MATMUL_PROBLEM_H_

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "templates/lowered.h"

namespace drtriton {

// A plain load seen as a matrix that a tensor descriptor (TMA) can describe: `rows` times `columns`, columns
// contiguous.
struct MatrixView {
  TensorRef tensor;
  int64_t offset = 0;  // elements
  int64_t rows = 1;    // batch included: row = batch index * rows_per_batch + row index
  int64_t rows_per_batch = 1;
  int64_t row_stride = 1;  // elements
  int64_t columns = 1;
  bool k_is_row = false;  // the summed dimension runs over rows (B of x @ w), not over columns (a linear's weight)
};

struct MatmulOperand {
  NodeId node = -1;
  bool plain = false;                // a load with nothing in front of it
  std::optional<MatrixView> matrix;  // plain loads whose strides and alignment allow a descriptor
  bool k_contiguous = true;          // its elements lie next to each other along k (guides tile shapes)
  double bytes = 0;                  // memory behind it, touched once
  double scalar_cost = 0;            // float32 instructions an element in front of the product
};

struct MatmulAnchor {
  NodeId node = -1;
  MatmulOperand b;
};

struct MatmulGroup {
  AxisList n_axes;
  std::vector<MatmulAnchor> anchors;
  std::vector<size_t> stores;  // indices into Lowered::stores
};

struct MatmulProblem {
  const Lowered* lowered = nullptr;
  AxisList batch_axes, m_axes, k_axes;
  int64_t batch = 1, m = 1, n = 1, k = 1;
  MatmulOperand a;
  std::vector<MatmulGroup> groups;
  // Element type that both operands have when they enter the tensor cores: float16, bfloat16, or float32, which
  // `tf32_allowed` decides how to multiply.
  DType dtype = DType::kFloat32;
  bool tf32_allowed = false;
  bool convolution = false;  // a 1x1 convolution: cuDNN need not use TF32 where it may, so exact schedules stay in
  int64_t result_bytes = 2;   // of the widest result's element
  double epilogue_bytes = 0;  // results and what the epilogue loads
  double epilogue_cost = 0;   // float32 instructions an element of the result

  std::vector<const MatmulAnchor*> Anchors() const;  // in group order
  int AnchorCount() const;
  double Flops() const { return 2.0 * static_cast<double>(batch * m * n) * static_cast<double>(k) * AnchorCount(); }
  double OperandBytes() const;
};

// The problem, or the reason why the family does not cover the fragment: a clause for the report.
std::variant<MatmulProblem, std::string> ReadMatmul(const Lowered& lowered);

}  // namespace drtriton

#endif  // DRTRITON_TEMPLATES_MATMUL_PROBLEM_H_
