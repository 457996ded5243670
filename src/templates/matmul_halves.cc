// Float32 operands as scaled float16 halves; matmul_kernels.h has the idea.
#include "templates/matmul_kernels.h"

#include <algorithm>

#include "templates/blocks.h"
#include "templates/tile.h"

namespace drtriton {
namespace {

// Tile of the rewriting kernel: rows by k.  A row that lies along k is read at once where it fits in registers; columns
// are read in squares.
struct HalvesTile {
  int64_t rows, k;
  int warps;
};
HalvesTile HalvesTileOf(const MatmulOperand& operand, int64_t k) {
  if (!operand.k_contiguous) return {64, 64, 8};
  const int64_t block_k = std::min<int64_t>(NextPowerOfTwo(k), 8192);
  return {std::max<int64_t>(1, 2048 / block_k), block_k, block_k >= 2048 ? 8 : 4};
}

// Writes one operand's rewriting kernel.  Its rows are the row-major product of batch and the operand's own axes.
class HalvesWriter {
 public:
  HalvesWriter(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device,
               const MatmulOperand& operand, const AxisList& own_axes, const std::string& name, ModuleSource& module)
      : problem_(problem),
        lowered_(*problem.lowered),
        schedule_(schedule),
        device_(device),
        operand_(operand),
        module_(module),
        name_(name),
        both_(schedule.precision == Precision::kHalves),
        tile_(HalvesTileOf(operand, problem.k)) {
    rows_axes_ = problem.batch_axes;
    rows_axes_.insert(rows_axes_.end(), own_axes.begin(), own_axes.end());
    rows_ = lowered_.Product(rows_axes_);
  }

  HalfOperand Write(std::vector<KernelPlan>& plans);

 private:
  HalfOperand Scratch();
  KernelPlan Plan(const KernelSource& kernel) const;
  std::string Load(KernelSource& kernel);
  void Maximum(KernelSource& kernel);
  void Scales(KernelSource& kernel, const TensorRef& scale);
  void Rewrite(KernelSource& kernel, const HalfOperand& half);
  bool Once() const { return tile_.k >= problem_.k; }
  bool EvenRows() const { return rows_ % tile_.rows == 0; }
  bool EvenK() const { return problem_.k % tile_.k == 0; }

  const MatmulProblem& problem_;
  const Lowered& lowered_;
  const MatmulSchedule& schedule_;
  const DeviceSpec& device_;
  const MatmulOperand& operand_;
  ModuleSource& module_;
  std::string name_;
  bool both_;
  HalvesTile tile_;
  AxisList rows_axes_;
  int64_t rows_ = 1;
  std::string value_;  // the row's variable where it is read once
};

// Emits the k indices and the operand's tile as float32, [BLOCK_ROWS, BLOCK_K]; zeros outside.
std::string HalvesWriter::Load(KernelSource& kernel) {
  kernel.Line(std::string(Once() ? "k = " : "k = k_start + ") + "tl.arange(0, BLOCK_K)" + Widened(lowered_));
  if (!EvenK()) kernel.Line("k_mask = k < K");
  TileWriter tile(lowered_, kernel,
                  {{"row[:, None]", rows_axes_, EvenRows() ? "" : "row_mask[:, None]", "ROWS", "row"},
                   {"k[None, :]", problem_.k_axes, EvenK() ? "" : "k_mask[None, :]", "K", "k"}});
  std::string text = tile.Value(operand_.node);
  if (!operand_.plain && !EvenK()) text = "tl.where(k_mask[None, :], " + text + ", 0.0)";
  if (operand_.plain && lowered_.node(operand_.node).axes.size() == rows_axes_.size() + problem_.k_axes.size())
    return text;
  const std::string variable = kernel.Fresh("value");
  kernel.Line(variable + " = tl.broadcast_to(" + text + ", (BLOCK_ROWS, BLOCK_K))");
  return variable;
}

// The largest finite magnitude of each row.
void HalvesWriter::Maximum(KernelSource& kernel) {
  if (Once()) {
    value_ = Load(kernel);
    kernel.Line("finite = tl.where(tl.abs(" + value_ + ") < float(\"inf\"), tl.abs(" + value_ + "), 0.0)");
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
  kernel.Comment(
      "Powers of two by their exponent bits: `factor` takes the largest element to [2^14, 2^15), `unit` times");
  kernel.Comment("2^-14 takes it back.");
  kernel.Line("exponent = (largest.to(tl.int32, bitcast=True) >> 23) & 255");
  kernel.Line("factor_bits = tl.minimum(268 - exponent, 253)");
  kernel.Line("factor = (factor_bits << 23).to(tl.float32, bitcast=True)");
  kernel.Line("unit = ((268 - factor_bits) << 23).to(tl.float32, bitcast=True)");
  kernel.Line("tl.store(" + kernel.Pointer(scale) + " + row, unit" + (EvenRows() ? "" : ", mask=row_mask") + ")");
}

void HalvesWriter::Rewrite(KernelSource& kernel, const HalfOperand& half) {
  std::string value = value_;
  if (!Once()) {
    kernel.Line("for k_start in range(0, K, BLOCK_K):");
    kernel.Indent();
    value = Load(kernel);
  }
  std::string mask = EvenRows() ? "" : "row_mask[:, None]";
  if (!EvenK()) mask += (mask.empty() ? "" : " & ") + std::string("k_mask[None, :]");
  if (!mask.empty()) mask = ", mask=" + mask;
  const bool wide = static_cast<double>(rows_) * static_cast<double>(problem_.k) >= 2147483648.0;
  kernel.Line("offset = row[:, None]" + std::string(wide ? ".to(tl.int64)" : "") + " * K + k[None, :]");
  kernel.Line("scaled = " + value + " * factor[:, None]");
  if (!both_) {
    kernel.Line("tl.store(" + kernel.Pointer(half.high.tensor) + " + offset, scaled.to(tl.float16)" + mask + ")");
  } else {
    kernel.Comment("inf and NaN go into `low` alone: in `high` they would meet low halves of either sign.");
    kernel.Line("is_finite = tl.abs(scaled) < float(\"inf\")");
    kernel.Line("high = tl.where(is_finite, scaled, 0.0).to(tl.float16)");
    kernel.Line("low = tl.where(is_finite, scaled - high.to(tl.float32), scaled).to(tl.float16)");
    kernel.Line("tl.store(" + kernel.Pointer(half.high.tensor) + " + offset, high" + mask + ")");
    kernel.Line("tl.store(" + kernel.Pointer(half.low.tensor) + " + offset, low" + mask + ")");
  }
  if (!Once()) kernel.Dedent();
}

HalfOperand HalvesWriter::Scratch() {
  const int64_t rows_per_batch = rows_ / problem_.batch;
  auto matrix = [&](const std::string& part) {
    const TensorRef tensor = module_.AddScratch(name_ + part, DType::kFloat16, {rows_, problem_.k});
    return MatrixView{.tensor = tensor,
                      .rows = rows_,
                      .rows_per_batch = rows_per_batch,
                      .row_stride = problem_.k,
                      .columns = problem_.k};
  };
  HalfOperand half;
  half.high = matrix("_high");
  if (both_) half.low = matrix("_low");
  half.scale = module_.AddScratch(name_ + "_scale", DType::kFloat32, {rows_});
  return half;
}

KernelPlan HalvesWriter::Plan(const KernelSource& kernel) const {
  KernelPlan plan{
      .name = kernel.name(), .family = "matmul", .tile = {{"BLOCK_ROWS", tile_.rows}, {"BLOCK_K", tile_.k}}};
  plan.num_warps = tile_.warps;
  plan.numerics = both_ ? "fp32 to 22 bits" : "fp32 to 11 bits";
  plan.why = "bound by memory; done once, so that the product's loop only moves and multiplies float16";
  plan.estimated_us = RewriteUs(operand_, rows_ * problem_.k, schedule_, device_);
  return plan;
}

HalfOperand HalvesWriter::Write(std::vector<KernelPlan>& plans) {
  const HalfOperand half = Scratch();
  KernelSource& kernel = module_.AddKernel(name_ + "_halves_kernel");
  kernel.Doc(both_ ? "Every float32 as high + low, two float16 numbers, its row scaled by a power of two."
                   : "Every float32 as a float16 number, its row scaled by a power of two.");
  for (const char* name : {"row", "row_mask", "k", "k_mask", "k_start", "finite", "largest", "exponent", "factor_bits",
                           "factor", "unit", "offset", "scaled", "is_finite", "high", "low"}) {
    kernel.Fresh(name);
  }
  kernel.Constant("ROWS", rows_), kernel.Constant("K", problem_.k);
  kernel.Constant("BLOCK_ROWS", tile_.rows), kernel.Constant("BLOCK_K", tile_.k);
  kernel.Line("row = tl.program_id(0) * BLOCK_ROWS + tl.arange(0, BLOCK_ROWS)" + Widened(lowered_));
  if (!EvenRows()) kernel.Line("row_mask = row < ROWS");
  Maximum(kernel);
  Scales(kernel, half.scale);
  Rewrite(kernel, half);
  module_.Launch(kernel, {std::to_string(CeilDiv(rows_, tile_.rows))}, tile_.warps, 1);
  plans.push_back(Plan(kernel));
  return half;
}

}  // namespace

Halves WriteHalves(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device,
                   ModuleSource& module, std::vector<KernelPlan>& plans) {
  Halves halves;
  halves.a = HalvesWriter(problem, schedule, device, problem.a, problem.m_axes, "left", module).Write(plans);
  for (const MatmulGroup& group : problem.groups) {
    for (const MatmulAnchor& anchor : group.anchors) {
      const std::string name = halves.b.empty() ? "right" : "right_" + std::to_string(halves.b.size() + 1);
      halves.b.push_back(HalvesWriter(problem, schedule, device, anchor.b, group.n_axes, name, module).Write(plans));
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

}  // namespace drtriton
