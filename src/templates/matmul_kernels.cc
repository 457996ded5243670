#include "templates/matmul_kernels.h"

#include <algorithm>
#include <bit>

#include "templates/tile.h"

namespace drtriton {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t NextPowerOf2(int64_t n) { return static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(std::max<int64_t>(n, 1)))); }

// Tile of the rewriting kernel: rows by k.  A row that lies along k is read at once where it fits in registers; columns
// are read in squares.
struct HalvesTile {
  int64_t rows, k;
  int warps;
};
HalvesTile HalvesTileOf(const MatmulOperand& operand, int64_t k) {
  if (!operand.k_contiguous) return {64, 64, 8};
  const int64_t block_k = std::min<int64_t>(NextPowerOf2(k), 4096);
  return {std::max<int64_t>(1, 2048 / block_k), block_k, block_k >= 2048 ? 8 : 4};
}

MatrixView ScratchMatrix(const TensorRef& tensor, int64_t batch, int64_t rows, int64_t k) {
  return {.tensor = tensor, .rows = batch * rows, .rows_per_batch = rows, .row_stride = k, .columns = k};
}

// Writes one operand's rewriting kernel.  Its rows are the row-major product of batch and the operand's own axes.
class HalvesWriter {
 public:
  HalvesWriter(const MatmulProblem& problem, const MatmulSchedule& schedule, const MatmulOperand& operand, AxisList own_axes,
               const std::string& name, ModuleSource& module)
      : problem_(problem), lowered_(*problem.lowered), operand_(operand), module_(module), name_(name),
        both_(schedule.precision == Precision::kHalves), tile_(HalvesTileOf(operand, problem.k)) {
    rows_axes_ = problem.batch_axes;
    rows_axes_.insert(rows_axes_.end(), own_axes.begin(), own_axes.end());
    rows_ = lowered_.Product(rows_axes_);
  }

  HalfOperand Write(KernelPlan& plan);

 private:
  std::string Load(KernelSource& kernel);
  void Maximum(KernelSource& kernel);
  void Scales(KernelSource& kernel, const TensorRef& scale);
  void Rewrite(KernelSource& kernel, const HalfOperand& half);
  bool Once() const { return tile_.k >= problem_.k; }
  bool EvenRows() const { return rows_ % tile_.rows == 0; }
  bool EvenK() const { return problem_.k % tile_.k == 0; }

  const MatmulProblem& problem_;
  const Lowered& lowered_;
  const MatmulOperand& operand_;
  ModuleSource& module_;
  std::string name_;
  bool both_;
  HalvesTile tile_;
  AxisList rows_axes_;
  int64_t rows_ = 1;
};

// Emits the k indices and the operand's tile as float32, [BLOCK_ROWS, BLOCK_K]; zeros outside.
std::string HalvesWriter::Load(KernelSource& kernel) {
  kernel.Line(Once() ? "k = tl.arange(0, BLOCK_K)" : "k = k_start + tl.arange(0, BLOCK_K)");
  if (!EvenK()) kernel.Line("k_mask = k < K");
  TileWriter tile(lowered_, kernel,
                  {{"row[:, None]", rows_axes_, EvenRows() ? "" : "row_mask[:, None]", "ROWS", "row"},
                   {"k[None, :]", problem_.k_axes, EvenK() ? "" : "k_mask[None, :]", "K", "k"}});
  std::string text = tile.Value(operand_.node);
  if (!operand_.plain && !EvenK()) text = "tl.where(k_mask[None, :], " + text + ", 0.0)";
  const std::string variable = kernel.Fresh("value");
  kernel.Line(variable + " = tl.broadcast_to(" + text + ", (BLOCK_ROWS, BLOCK_K))");
  return variable;
}

// The largest finite magnitude of each row.
void HalvesWriter::Maximum(KernelSource& kernel) {
  if (Once()) {
    const std::string value = Load(kernel);
    kernel.Line("x = " + value);
    kernel.Line("finite = tl.where(tl.abs(x) < float(\"inf\"), tl.abs(x), 0.0)");
    kernel.Line("largest = tl.max(finite, axis=1)");
    return;
  }
  kernel.Line("largest = tl.zeros((BLOCK_ROWS,), dtype=tl.float32)");
  kernel.Line("for k_start in range(0, K, BLOCK_K):");
  kernel.Indent();
  const std::string value = Load(kernel);
  kernel.Line("finite = tl.where(tl.abs(" + value + ") < float(\"inf\"), tl.abs(" + value + "), 0.0)");
  kernel.Line("largest = tl.maximum(largest, tl.max(finite, axis=1))");
  kernel.Dedent();
}

void HalvesWriter::Scales(KernelSource& kernel, const TensorRef& scale) {
  kernel.Comment("Powers of two by their exponent bits: `factor` takes the largest element to [2^14, 2^15), `unit` times");
  kernel.Comment("2^-14 takes it back.");
  kernel.Line("exponent = (largest.to(tl.int32, bitcast=True) >> 23) & 255");
  kernel.Line("factor_bits = tl.minimum(268 - exponent, 253)");
  kernel.Line("factor = (factor_bits << 23).to(tl.float32, bitcast=True)");
  kernel.Line("unit = ((268 - factor_bits) << 23).to(tl.float32, bitcast=True)");
  kernel.Line("tl.store(" + kernel.Pointer(scale) + " + row, unit" + (EvenRows() ? "" : ", mask=row_mask") + ")");
}

void HalvesWriter::Rewrite(KernelSource& kernel, const HalfOperand& half) {
  std::string value = "x";
  if (!Once()) {
    kernel.Line("for k_start in range(0, K, BLOCK_K):");
    kernel.Indent();
    value = Load(kernel);
  }
  std::string mask = EvenRows() ? "" : "row_mask[:, None]";
  if (!EvenK()) mask += (mask.empty() ? "" : " & ") + std::string("k_mask[None, :]");
  if (!mask.empty()) mask = ", mask=" + mask;
  const bool wide = static_cast<double>(rows_) * static_cast<double>(problem_.k) >= 2147483648.0;
  kernel.Line(std::string("offset = row[:, None]") + (wide ? ".to(tl.int64)" : "") + " * K + k[None, :]");
  kernel.Line("scaled = " + value + " * factor[:, None]");
  kernel.Line("high = scaled.to(tl.float16)");
  kernel.Line("tl.store(" + kernel.Pointer(half.high.tensor) + " + offset, high" + mask + ")");
  if (both_) {
    kernel.Line("low = tl.where(tl.abs(scaled) <= 32768.0, scaled - high.to(tl.float32), 0.0)");
    kernel.Line("tl.store(" + kernel.Pointer(half.low.tensor) + " + offset, low.to(tl.float16)" + mask + ")");
  }
  if (!Once()) kernel.Dedent();
}

HalfOperand HalvesWriter::Write(KernelPlan& plan) {
  const Shape shape{rows_, problem_.k};
  const int64_t rows_per_batch = rows_ / problem_.batch;
  HalfOperand half;
  half.high = ScratchMatrix(module_.AddScratch(name_ + "_high", DType::kFloat16, shape), problem_.batch, rows_per_batch, problem_.k);
  if (both_) {
    half.low = ScratchMatrix(module_.AddScratch(name_ + "_low", DType::kFloat16, shape), problem_.batch, rows_per_batch, problem_.k);
  }
  half.scale = module_.AddScratch(name_ + "_scale", DType::kFloat32, {rows_});
  KernelSource& kernel = module_.AddKernel(name_ + "_halves_kernel");
  kernel.Doc(both_ ? "Every float32 as high + low, two float16 numbers, its row scaled by a power of two."
                   : "Every float32 as a float16 number, its row scaled by a power of two.");
  for (const char* name : {"row", "row_mask", "k", "k_mask", "k_start", "x", "finite", "largest", "exponent", "factor_bits", "factor",
                           "unit", "offset", "scaled", "high", "low"}) {
    kernel.Fresh(name);
  }
  kernel.Constant("ROWS", rows_), kernel.Constant("K", problem_.k);
  kernel.Constant("BLOCK_ROWS", tile_.rows), kernel.Constant("BLOCK_K", tile_.k);
  kernel.Line("row = tl.program_id(0) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)");
  if (!EvenRows()) kernel.Line("row_mask = row < ROWS");
  Maximum(kernel);
  Scales(kernel, half.scale);
  Rewrite(kernel, half);
  module_.Launch(kernel, {std::to_string(CeilDiv(rows_, tile_.rows))}, tile_.warps, 1);
  plan = {.name = kernel.name(), .family = "matmul", .tile = {{"BLOCK_ROWS", tile_.rows}, {"BLOCK_K", tile_.k}}};
  plan.num_warps = tile_.warps;
  plan.numerics = both_ ? "fp32 to 22 bits" : "fp32 to 11 bits";
  plan.why = "bound by memory; done once, so that the product's loop only moves and multiplies float16";
  plan.estimated_us = 1.15 * (operand_.bytes + static_cast<double>(rows_ * problem_.k) * (both_ ? 4 : 2)) / 4.3e6 + 1.0;
  return half;
}

}  // namespace

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
      const std::string offset = view.offset == 0 ? "" : ", " + name + ".storage_offset() + " + std::to_string(view.offset);
      matrix = name + ".as_strided((" + rows + ", " + columns + "), (" + std::to_string(view.row_stride) + ", 1)" + offset + ")";
    } else if (!same_shape) {
      matrix = name + ".view(" + rows + ", " + columns + ")";
    }
  }
  return "TensorDescriptor.from_tensor(" + matrix + ", [" + std::to_string(block[0]) + ", " + std::to_string(block[1]) + "])";
}

Halves WriteHalves(const MatmulProblem& problem, const MatmulSchedule& schedule, ModuleSource& module,
                   std::vector<KernelPlan>& plans) {
  Halves halves;
  plans.emplace_back();
  halves.a = HalvesWriter(problem, schedule, problem.a, problem.m_axes, "left", module).Write(plans.back());
  for (const MatmulGroup& group : problem.groups) {
    for (const MatmulAnchor& anchor : group.anchors) {
      const std::string name = halves.b.empty() ? "right" : "right_" + std::to_string(halves.b.size() + 1);
      plans.emplace_back();
      halves.b.push_back(HalvesWriter(problem, schedule, anchor.b, group.n_axes, name, module).Write(plans.back()));
    }
  }
  return halves;
}

void UndoScale(const std::string& accumulator, const HalfOperand& a, const HalfOperand& b, const MatmulProblem& problem,
               const MatmulSchedule& schedule, KernelSource& kernel) {
  auto scale = [&](const TensorRef& tensor, const char* index, int64_t size, int64_t block, const char* extent) {
    const std::string batch = problem.batch > 1 ? "batch * " + std::string(extent) + " + " : "";
    const std::string mask = size % block == 0 ? "" : std::string(", mask=") + index + "_mask, other=0.0";
    return "tl.load(" + kernel.Pointer(tensor) + " + " + batch + index + mask + ")";
  };
  const std::string rows = scale(a.scale, "m", problem.m, schedule.block_m, "M");
  const std::string columns = scale(b.scale, "n", problem.n, schedule.block_n, "N");
  kernel.Line(accumulator + " = " + accumulator + " * 2.0**-28 * " + rows + "[:, None] * " + columns + "[None, :]");
}

KernelPlan WriteSum(const MatmulProblem& problem, const MatmulSchedule& schedule, const std::vector<TensorRef>& partials,
                    ModuleSource& module) {
  const Lowered& lowered = *problem.lowered;
  const int64_t block_n = std::min<int64_t>(NextPowerOf2(problem.n), 128);
  const int64_t block_m = std::clamp<int64_t>(NextPowerOf2(problem.m), 1, std::max<int64_t>(1, 512 / block_n));
  const bool even_m = problem.m % block_m == 0, even_n = problem.n % block_n == 0;
  KernelSource& kernel = module.AddKernel("sum_parts_kernel");
  kernel.Doc("Adds the parts of the sum over K in a fixed order, then finishes the result.");
  for (const char* name : {"m", "n", "m_mask", "n_mask", "batch", "partial_offset"}) kernel.Fresh(name);
  kernel.Constant("M", problem.m), kernel.Constant("N", problem.n), kernel.Constant("SPLIT_K", schedule.split_k);
  kernel.Constant("BLOCK_M", block_m), kernel.Constant("BLOCK_N", block_n);
  kernel.Line("m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)");
  kernel.Line("n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)");
  if (!even_m) kernel.Line("m_mask = m < M");
  if (!even_n) kernel.Line("n_mask = n < N");
  std::string rows = "M";
  if (problem.batch > 1) {
    kernel.Line("batch = tl.program_id(2)");
    rows = kernel.Constant("BATCH", problem.batch) + " * M";
  }
  kernel.Line(std::string("partial_offset = (") + (problem.batch > 1 ? "batch * M + " : "") + "m[:, None]) * N + n[None, :]");
  std::string mask = even_m ? "" : "m_mask[:, None]";
  if (!even_n) mask += (mask.empty() ? "" : " & ") + std::string("n_mask[None, :]");
  std::vector<std::string> sums;
  for (const TensorRef& partial : partials) {
    const std::string sum = kernel.Fresh("acc");
    sums.push_back(sum);
    kernel.Line(sum + " = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)");
    kernel.Line("for part in tl.static_range(SPLIT_K):");
    kernel.Indent();
    kernel.Line(sum + " += tl.load(" + kernel.Pointer(partial) + " + part * " + rows + " * N + partial_offset" +
                (mask.empty() ? "" : ", mask=" + mask + ", other=0.0") + ")");
    kernel.Dedent();
  }
  size_t anchor = 0;
  for (const MatmulGroup& group : problem.groups) {
    std::vector<TileDim> dims;
    if (!problem.batch_axes.empty()) dims.push_back({"batch", problem.batch_axes, "", "", "batch"});
    dims.push_back({"m[:, None]", problem.m_axes, even_m ? "" : "m_mask[:, None]", "M", "m"});
    dims.push_back({"n[None, :]", group.n_axes, even_n ? "" : "n_mask[None, :]", "N", "n"});
    TileWriter tile(lowered, kernel, std::move(dims));
    for (const MatmulAnchor& product : group.anchors) tile.Bind(product.node, sums[anchor++]);
    for (size_t store : group.stores) tile.StoreValue(lowered.stores[store]);
  }
  std::vector<std::string> grid{std::to_string(CeilDiv(problem.m, block_m)), std::to_string(CeilDiv(problem.n, block_n))};
  if (problem.batch > 1) grid.push_back(std::to_string(problem.batch));
  module.Launch(kernel, grid, 4, 1);
  KernelPlan plan{.name = kernel.name(), .family = "matmul", .tile = {{"BLOCK_M", block_m}, {"BLOCK_N", block_n}}};
  plan.numerics = "fp32";
  plan.why = "bound by L2; a second kernel keeps the order of additions fixed, which atomics would not";
  plan.estimated_us = 3.0;
  return plan;
}

void WriteVector(const MatmulProblem& problem, const MatmulSchedule& schedule, ModuleSource& module, KernelSource& kernel) {
  const Lowered& lowered = *problem.lowered;
  const bool even_n = problem.n % schedule.block_n == 0, even_k = problem.k % schedule.block_k == 0;
  kernel.Doc(Describe(schedule) + ": one row of the result a program, no tensor cores.");
  for (const char* name : {"m", "n", "k", "k_start", "n_mask", "k_mask", "batch"}) kernel.Fresh(name);
  kernel.Constant("N", problem.n), kernel.Constant("K", problem.k);
  kernel.Constant("BLOCK_N", schedule.block_n), kernel.Constant("BLOCK_K", schedule.block_k);
  kernel.Line("n = tl.program_id(0) * BLOCK_N + tl.arange(0, BLOCK_N)");
  kernel.Line("m = tl.program_id(1)");
  if (problem.batch > 1) kernel.Line("batch = tl.program_id(2)");
  if (!even_n) kernel.Line("n_mask = n < N");
  const TileDim batch{"batch", problem.batch_axes, "", "", "batch"};
  const TileDim row{"m", problem.m_axes, "", "", "m"};
  auto dims = [&](const TileDim& other) {
    std::vector<TileDim> list;
    if (!problem.batch_axes.empty()) list.push_back(batch);
    if (!problem.m_axes.empty()) list.push_back(row);
    list.push_back(other);
    return list;
  };
  std::vector<std::string> sums;
  for (int i = 0; i < problem.AnchorCount(); ++i) {
    sums.push_back(kernel.Fresh("acc"));
    kernel.Line(sums.back() + " = tl.zeros((BLOCK_N, BLOCK_K), dtype=tl.float32)");
  }
  kernel.Line("for k_start in range(0, K, BLOCK_K):");
  kernel.Indent();
  kernel.Line("k = k_start + tl.arange(0, BLOCK_K)");
  if (!even_k) kernel.Line("k_mask = k < K");
  const TileDim k{"k[None, :]", problem.k_axes, even_k ? "" : "k_mask[None, :]", "K", "k"};
  TileWriter left(lowered, kernel, dims(k));
  auto guarded = [&](std::string text, bool plain) {
    return plain || even_k ? text : "tl.where(k_mask[None, :], " + text + ", 0.0)";
  };
  const std::string a = guarded(left.Value(problem.a.node), problem.a.plain);
  size_t anchor = 0;
  for (const MatmulGroup& group : problem.groups) {
    for (const MatmulAnchor& product : group.anchors) {
      std::vector<TileDim> both = problem.batch_axes.empty() ? std::vector<TileDim>{} : std::vector<TileDim>{batch};
      both.push_back({"n[:, None]", group.n_axes, even_n ? "" : "n_mask[:, None]", "N", "n"});
      both.push_back(k);
      TileWriter right(lowered, kernel, std::move(both));
      kernel.Line(sums[anchor++] + " += " + a + " * " + guarded(right.Value(product.b.node), product.b.plain));
    }
  }
  kernel.Dedent();
  anchor = 0;
  for (const MatmulGroup& group : problem.groups) {
    TileWriter tile(lowered, kernel, dims({"n", group.n_axes, even_n ? "" : "n_mask", "N", "n"}));
    for (const MatmulAnchor& product : group.anchors) {
      kernel.Line(sums[anchor] + "_sum = tl.sum(" + sums[anchor] + ", axis=1)");
      tile.Bind(product.node, sums[anchor++] + "_sum");
    }
    for (size_t store : group.stores) tile.StoreValue(lowered.stores[store]);
  }
  std::vector<std::string> grid{std::to_string(CeilDiv(problem.n, schedule.block_n)), std::to_string(problem.m)};
  if (problem.batch > 1) grid.push_back(std::to_string(problem.batch));
  module.Launch(kernel, grid, schedule.num_warps, schedule.num_stages);
}

}  // namespace drtriton
