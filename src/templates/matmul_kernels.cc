// The epilogue that all main kernels share, the sum of a split K, and the product of few rows.
#include "templates/matmul_kernels.h"

#include <algorithm>

#include "templates/blocks.h"
#include "templates/tile.h"

namespace drtriton {
std::string DescriptorText(const ModuleSource& module, const Lowered& lowered, const MatrixView& view,
                           const std::vector<int64_t>& block) {
  const std::string& name = module.NameOf(view.tensor);
  const std::string rows = std::to_string(view.rows), columns = std::to_string(view.columns);
  std::string matrix = name;
  // Scratch is made in the shape that is described.
  const bool input = view.tensor.kind == TensorRef::Kind::kInput;
  if (input) {
    const Value& value = lowered.InputValue(view.tensor.index);
    const bool same_shape = value.shape == Shape{view.rows, view.columns} && value.strides == Shape{view.row_stride, 1};
    const bool whole = IsContiguous(value.shape, value.strides) && value.Elements() == view.rows * view.columns &&
                       view.row_stride == view.columns;
    if (view.offset != 0 || (!same_shape && !whole)) {
      const std::string offset =
          view.offset == 0 ? "" : ", " + name + ".storage_offset() + " + std::to_string(view.offset);
      matrix = name + ".as_strided((" + rows + ", " + columns + "), (" + std::to_string(view.row_stride) + ", 1)" +
               offset + ")";
    } else if (!same_shape) {
      matrix = name + ".view(" + rows + ", " + columns + ")";
    }
  }
  return "TensorDescriptor.from_tensor(" + matrix + ", [" + std::to_string(block[0]) + ", " + std::to_string(block[1]) +
         "])";
}

std::string Widened(const Lowered& lowered) { return NeedsWideIndex(lowered) ? ".to(tl.int64)" : ""; }

void WriteEpilogue(const MatmulProblem& problem, const TileIndex& m, const TileIndex& n,
                   const std::vector<std::string>& products, KernelSource& kernel) {
  size_t product = 0;
  for (const MatmulGroup& group : problem.groups) {
    std::vector<TileDim> dims;
    if (!problem.batch_axes.empty()) dims.push_back({"batch", problem.batch_axes, "", "", "batch"});
    if (!problem.m_axes.empty()) dims.push_back({m.index, problem.m_axes, m.mask, "M", "m"});
    if (!group.n_axes.empty()) dims.push_back({n.index, group.n_axes, n.mask, "N", "n"});
    TileWriter tile(*problem.lowered, kernel, std::move(dims));
    for (const MatmulAnchor& anchor : group.anchors) tile.Bind(anchor.node, products[product++]);
    for (size_t store : group.stores) tile.StoreValue(problem.lowered->stores[store]);
  }
}

namespace {

// Adds the parts of a split K in their order.
class SumWriter {
 public:
  SumWriter(const MatmulProblem& problem, const MatmulSchedule& schedule, ModuleSource& module)
      : problem_(problem),
        schedule_(schedule),
        module_(module),
        kernel_(module.AddKernel("sum_parts_kernel")),
        block_n_(std::min<int64_t>(NextPowerOfTwo(problem.n), 128)),
        block_m_(std::min<int64_t>(NextPowerOfTwo(problem.m), 512 / block_n_)) {}

  void Write(const std::vector<TensorRef>& partials);
  KernelPlan Plan(double estimated_us) const;

 private:
  void Indices();
  std::string Sum(const TensorRef& partial, const std::string& mask);

  const MatmulProblem& problem_;
  const MatmulSchedule& schedule_;
  ModuleSource& module_;
  KernelSource& kernel_;
  int64_t block_n_, block_m_;
};

void SumWriter::Indices() {
  for (const char* name : {"m", "n", "m_mask", "n_mask", "batch", "part", "partial_offset"}) kernel_.Fresh(name);
  kernel_.Constant("M", problem_.m), kernel_.Constant("N", problem_.n), kernel_.Constant("SPLIT_K", schedule_.split_k);
  kernel_.Constant("BLOCK_M", block_m_), kernel_.Constant("BLOCK_N", block_n_);
  const std::string wide = Widened(*problem_.lowered);
  kernel_.Line("m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)" + wide);
  kernel_.Line("n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)" + wide);
  if (problem_.m % block_m_ != 0) kernel_.Line("m_mask = m < M");
  if (problem_.n % block_n_ != 0) kernel_.Line("n_mask = n < N");
  if (problem_.batch > 1) kernel_.Line("batch = tl.program_id(2)" + wide);
  const std::string row = problem_.batch > 1 ? "(batch * M + m[:, None])" : "m[:, None]";
  kernel_.Line("partial_offset = " + row + " * N + n[None, :]");
}

std::string SumWriter::Sum(const TensorRef& partial, const std::string& mask) {
  const std::string sum = kernel_.Fresh("acc");
  const std::string rows = problem_.batch > 1 ? kernel_.Constant("BATCH", problem_.batch) + " * M" : "M";
  kernel_.Line(sum + " = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)");
  kernel_.Line("for part in tl.static_range(SPLIT_K):");
  kernel_.Indent();
  kernel_.Line(sum + " += tl.load(" + kernel_.Pointer(partial) + " + part * (" + rows + " * N) + partial_offset" +
               (mask.empty() ? "" : ", mask=" + mask + ", other=0.0") + ")");
  kernel_.Dedent();
  return sum;
}

void SumWriter::Write(const std::vector<TensorRef>& partials) {
  kernel_.Doc("Adds the parts of the sum over K in a fixed order, then finishes the result.");
  Indices();
  const std::string m_mask = problem_.m % block_m_ == 0 ? "" : "m_mask[:, None]";
  const std::string n_mask = problem_.n % block_n_ == 0 ? "" : "n_mask[None, :]";
  const std::string mask = m_mask.empty() ? n_mask : n_mask.empty() ? m_mask : m_mask + " & " + n_mask;
  std::vector<std::string> sums;
  for (const TensorRef& partial : partials) sums.push_back(Sum(partial, mask));
  WriteEpilogue(problem_, {"m[:, None]", m_mask}, {"n[None, :]", n_mask}, sums, kernel_);
  std::vector<std::string> grid{std::to_string(CeilDiv(problem_.m, block_m_)),
                                std::to_string(CeilDiv(problem_.n, block_n_))};
  if (problem_.batch > 1) grid.push_back(std::to_string(problem_.batch));
  module_.Launch(kernel_, grid, 4, 1);
}

KernelPlan SumWriter::Plan(double estimated_us) const {
  KernelPlan plan{.name = kernel_.name(), .family = "matmul", .tile = {{"BLOCK_M", block_m_}, {"BLOCK_N", block_n_}}};
  plan.numerics = "fp32";
  plan.why = "bound by L2; a second kernel keeps the order of additions fixed, which atomics would not";
  plan.estimated_us = estimated_us;
  return plan;
}

// One row a program; products and sums in float32, without tensor cores.
class VectorWriter {
 public:
  VectorWriter(const MatmulProblem& problem, const MatmulSchedule& schedule, KernelSource& kernel)
      : problem_(problem),
        kernel_(kernel),
        even_n_(problem.n % schedule.block_n == 0),
        even_k_(problem.k % schedule.block_k == 0) {}

  void Indices(const MatmulSchedule& schedule);
  void Loop();
  void Finish();

 private:
  // The operand over k and either the row or the columns.
  std::string Operand(const MatmulOperand& operand, const AxisList& m_axes, const AxisList& n_axes);

  const MatmulProblem& problem_;
  KernelSource& kernel_;
  bool even_n_, even_k_;
  std::vector<std::string> sums_;
};

void VectorWriter::Indices(const MatmulSchedule& schedule) {
  kernel_.Doc("One row and BLOCK_N columns of A[M, K] @ B[K, N] and what follows, a program, without tensor cores.");
  for (const char* name : {"m", "n", "k", "k_start", "n_mask", "k_mask", "batch"}) kernel_.Fresh(name);
  kernel_.Constant("N", problem_.n), kernel_.Constant("K", problem_.k);
  kernel_.Constant("BLOCK_N", schedule.block_n), kernel_.Constant("BLOCK_K", schedule.block_k);
  const std::string wide = Widened(*problem_.lowered);
  kernel_.Line("n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)" + wide);
  if (!problem_.m_axes.empty()) kernel_.Line("m = tl.program_id(1)" + wide);
  if (problem_.batch > 1) kernel_.Line("batch = tl.program_id(2)" + wide);
  if (!even_n_) kernel_.Line("n_mask = n < N");
}

std::string VectorWriter::Operand(const MatmulOperand& operand, const AxisList& m_axes, const AxisList& n_axes) {
  std::vector<TileDim> dims{{"k[None, :]", problem_.k_axes, even_k_ ? "" : "k_mask[None, :]", "K", "k"}};
  if (!problem_.batch_axes.empty()) dims.push_back({"batch", problem_.batch_axes, "", "", "batch"});
  if (!m_axes.empty()) dims.push_back({"m", m_axes, "", "", "m"});
  if (!n_axes.empty()) dims.push_back({"n[:, None]", n_axes, even_n_ ? "" : "n_mask[:, None]", "N", "n"});
  const std::string text = TileWriter(*problem_.lowered, kernel_, std::move(dims)).Value(operand.node);
  // Beyond K a plain load reads zero; what a function makes of zero need not be zero.
  return operand.plain || even_k_ ? text : "tl.where(k_mask[None, :], " + text + ", 0.0)";
}

void VectorWriter::Loop() {
  for (int i = 0; i < problem_.AnchorCount(); ++i) {
    sums_.push_back(kernel_.Fresh("acc"));
    kernel_.Line(sums_.back() + " = tl.zeros((BLOCK_N, BLOCK_K), dtype=tl.float32)");
  }
  kernel_.Line("for k_start in range(0, K, BLOCK_K):");
  kernel_.Indent();
  kernel_.Line("k = k_start + tl.arange(0, BLOCK_K)" + Widened(*problem_.lowered));
  if (!even_k_) kernel_.Line("k_mask = k < K");
  const std::string a = Operand(problem_.a, problem_.m_axes, {});
  size_t anchor = 0;
  for (const MatmulGroup& group : problem_.groups) {
    for (const MatmulAnchor& product : group.anchors) {
      const std::string b = Operand(product.b, {}, group.n_axes);
      kernel_.Line(sums_[anchor++] + " += " + a + " * " + b);
    }
  }
  kernel_.Dedent();
}

void VectorWriter::Finish() {
  for (std::string& sum : sums_) {
    const std::string row = kernel_.Fresh("row");
    kernel_.Line(row + " = tl.sum(" + sum + ", axis=1)");
    sum = row;
  }
  WriteEpilogue(problem_, {"m", ""}, {"n", even_n_ ? "" : "n_mask"}, sums_, kernel_);
}

}  // namespace

KernelPlan WriteSum(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device,
                    const std::vector<TensorRef>& partials, ModuleSource& module) {
  SumWriter writer(problem, schedule, module);
  writer.Write(partials);
  return writer.Plan(SumUs(problem, schedule, device));
}

void WriteVector(const MatmulProblem& problem, const MatmulSchedule& schedule, ModuleSource& module,
                 KernelSource& kernel) {
  VectorWriter writer(problem, schedule, kernel);
  writer.Indices(schedule);
  writer.Loop();
  writer.Finish();
  std::vector<std::string> grid{std::to_string(CeilDiv(problem.n, schedule.block_n)), std::to_string(problem.m)};
  if (problem.batch > 1) grid.push_back(std::to_string(problem.batch));
  module.Launch(kernel, grid, schedule.num_warps, schedule.num_stages);
}

}  // namespace drtriton
