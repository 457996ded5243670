// One writer object a schedule.  The main kernel is written top down: which tile (Tiles), the loop over k (Loop), and
// the end of a tile (Epilogue, or Partials for a split K).  matmul_halves.cc and matmul_kernels.cc hold the kernels
// that look different.
#include "templates/matmul_source.h"

#include <algorithm>
#include <map>

#include "templates/blocks.h"
#include "templates/matmul_kernels.h"
#include "templates/tile.h"

namespace drtriton {
namespace {

// The main kernel of every schedule on tensor cores.
class ProductWriter {
 public:
  ProductWriter(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device,
                ModuleSource& module, KernelSource& kernel, const Halves& halves)
      : problem_(problem),
        lowered_(*problem.lowered),
        schedule_(schedule),
        module_(module),
        kernel_(kernel),
        halves_(halves),
        programs_(device.multiprocessors),
        wide_(Widened(*problem.lowered)) {}

  // Returns the partial sums' scratch tensors, one an anchor, when K is split; else nothing.
  std::vector<TensorRef> Write();

 private:
  struct Operand {
    const MatmulOperand* source = nullptr;
    const HalfOperand* half = nullptr;  // for schedules that split operands
    bool is_a = false;
    AxisList n_axes;   // for B
    std::string name;  // "a", "b", "b_2"
    bool descriptor = false;
  };

  void Names();
  void Tiles();
  void RowAndColumnIndices();
  void Loop();
  void LoopBody();
  void HalvesStep(size_t product, const std::vector<std::string>& a, const std::vector<std::string>& b);
  std::vector<std::string> LoadOperand(const Operand& operand);
  std::string LoadDescriptor(const Operand& operand, const MatrixView& view, const std::string& variable);
  std::string LoadPointers(const Operand& operand);
  std::string ComputeOperand(const Operand& operand, TileWriter& tile, const std::string& mask);
  TileWriter OperandTile(const Operand& operand);
  void Squeeze(const std::string& acc, const AxisList& n_axes);
  void Epilogue();
  void Partials();
  bool AnyPointers() const;
  bool EvenK() const { return problem_.k % (schedule_.split_k * schedule_.block_k) == 0; }
  std::string Mask(const std::string& name, int64_t size, int64_t block, const std::string& shape) const {
    return size % block == 0 ? "" : name + "_mask" + shape;
  }

  const MatmulProblem& problem_;
  const Lowered& lowered_;
  const MatmulSchedule& schedule_;
  ModuleSource& module_;
  KernelSource& kernel_;
  const Halves& halves_;
  int64_t programs_;  // of a persistent grid
  std::string wide_;  // behind indices that offsets are made of
  Operand a_;
  std::vector<Operand> b_;  // one an anchor, in group order
  std::vector<std::string> accumulators_;
  std::vector<TensorRef> partials_;
};

void ProductWriter::Names() {
  auto operand = [&](const MatmulOperand& source, bool is_a, const std::string& name) {
    Operand result{.source = &source, .is_a = is_a, .name = kernel_.Fresh(name)};
    const bool safe =
        source.matrix && (!source.matrix->k_is_row || problem_.batch == 1 || problem_.k % schedule_.block_k == 0);
    result.descriptor = schedule_.SplitsOperands() || (schedule_.descriptors && safe);
    return result;
  };
  a_ = operand(problem_.a, true, "a");
  if (schedule_.SplitsOperands()) a_.half = &halves_.a;
  for (const MatmulGroup& group : problem_.groups) {
    for (const MatmulAnchor& anchor : group.anchors) {
      Operand b = operand(anchor.b, false, "b");
      b.n_axes = group.n_axes;
      if (schedule_.SplitsOperands()) b.half = &halves_.b[b_.size()];
      accumulators_.push_back(kernel_.Fresh("acc"));
      b_.push_back(std::move(b));
    }
  }
  for (const char* name : {"pid", "pid_m", "pid_n", "group", "first_m", "group_rows", "tiles_m", "tiles_n", "m", "n",
                           "k", "k_start", "batch", "part", "tile", "m_mask", "n_mask", "k_mask"}) {
    kernel_.Fresh(name);
  }
  kernel_.Constant("M", problem_.m);
  kernel_.Constant("N", problem_.n);
  kernel_.Constant("K", problem_.k);
  kernel_.Constant("BLOCK_M", schedule_.block_m);
  kernel_.Constant("BLOCK_N", schedule_.block_n);
  kernel_.Constant("BLOCK_K", schedule_.block_k);
}

bool ProductWriter::AnyPointers() const {
  return !a_.descriptor || std::any_of(b_.begin(), b_.end(), [](const Operand& b) { return !b.descriptor; });
}

// Which tile of the result this program (or this round of a persistent program) computes.
void ProductWriter::Tiles() {
  const int64_t tiles_m = CeilDiv(problem_.m, schedule_.block_m);
  const int64_t tiles_n = CeilDiv(problem_.n, schedule_.block_n);
  kernel_.Line("tiles_m: tl.constexpr = (M + BLOCK_M - 1) // BLOCK_M");
  kernel_.Line("tiles_n: tl.constexpr = (N + BLOCK_N - 1) // BLOCK_N");
  if (schedule_.persistent) {
    const std::string batch = problem_.batch > 1 ? " * " + kernel_.Constant("BATCH", problem_.batch) : "";
    kernel_.Comment("Each program walks over tiles, so that the end of one overlaps the loads of the next.");
    kernel_.Line("for tile in tl.range(tl.program_id(0), tiles_m * tiles_n" + batch + ", " +
                 kernel_.Constant("PROGRAMS", programs_) + ", flatten=True):");
    kernel_.Indent();
  } else {
    kernel_.Line("tile = tl.program_id(0)");
    if (schedule_.split_k > 1) kernel_.Line("part = tl.program_id(1)");
  }
  kernel_.Line(problem_.batch > 1 ? "pid = tile % (tiles_m * tiles_n)" : "pid = tile");
  if (problem_.batch > 1) kernel_.Line("batch = (tile // (tiles_m * tiles_n))" + wide_);
  if (tiles_m == 1) {
    kernel_.Line("pid_m = 0");
    kernel_.Line("pid_n = pid");
  } else if (tiles_n == 1) {
    kernel_.Line("pid_m = pid");
    kernel_.Line("pid_n = 0");
  } else {
    kernel_.Constant("GROUP_M", schedule_.group_m);
    kernel_.Comment("GROUP_M rows of tiles run together, column by column: they share operands in L2.");
    kernel_.Line("first_m = pid // (GROUP_M * tiles_n) * GROUP_M");
    kernel_.Line("group_rows = tl.minimum(tiles_m - first_m, GROUP_M)");
    kernel_.Line("pid_m = first_m + pid % (GROUP_M * tiles_n) % group_rows");
    kernel_.Line("pid_n = pid % (GROUP_M * tiles_n) // group_rows");
  }
}

void ProductWriter::RowAndColumnIndices() {
  kernel_.Line("m = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)" + wide_);
  kernel_.Line("n = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)" + wide_);
  if (problem_.m % schedule_.block_m != 0) kernel_.Line("m_mask = m < M");
  if (problem_.n % schedule_.block_n != 0) kernel_.Line("n_mask = n < N");
}

void ProductWriter::Loop() {
  for (const std::string& acc : accumulators_) kernel_.Line(acc + " = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)");
  if (schedule_.split_k > 1) {
    const int64_t length = CeilDiv(problem_.k, schedule_.split_k * schedule_.block_k) * schedule_.block_k;
    kernel_.Constant("PART_K", length);
    kernel_.Line("for k_start in range(part * PART_K, (part + 1) * PART_K, BLOCK_K):");
  } else {
    kernel_.Line("for k_start in range(0, K, BLOCK_K):");
  }
  kernel_.Indent();
  LoopBody();
  kernel_.Dedent();
}

void ProductWriter::LoopBody() {
  if (AnyPointers()) {
    kernel_.Line("k = k_start + tl.arange(0, BLOCK_K)" + wide_);
    if (!EvenK()) kernel_.Line("k_mask = k < K");
  }
  // Tensor cores would cut off what TF32 does not hold, where PyTorch's convolutions round it.
  const auto load = [&](const Operand& operand) {
    std::vector<std::string> names = LoadOperand(operand);
    if (schedule_.precision != Precision::kTf32 || !problem_.convolution) return names;
    kernel_.helpers().insert("round_tf32");
    kernel_.Line(names[0] + " = round_tf32(" + names[0] + ")");
    return names;
  };
  const std::vector<std::string> a = load(a_);
  for (size_t i = 0; i < b_.size(); ++i) {
    const std::vector<std::string> b = load(b_[i]);
    const std::string& acc = accumulators_[i];
    if (schedule_.precision == Precision::kHalves) {
      HalvesStep(i, a, b);
      continue;
    }
    kernel_.Line(acc + " = tl.dot(" + a[0] + ", " + b[0] + ", " + acc + DotPrecision(schedule_.precision) + ")");
  }
}

// Tensor cores cut the running sum off instead of rounding it, which over a long K costs more than the halves do: each
// step's products are summed apart and added to the accumulator by float32 additions.
void ProductWriter::HalvesStep(size_t product, const std::vector<std::string>& a, const std::vector<std::string>& b) {
  if (product == 0) {
    kernel_.Comment("The small products first; low times low is below float32's last digit.  The sum over all steps");
    kernel_.Comment("stays out of the tensor cores, which do not round theirs.");
  }
  const std::string step = kernel_.Fresh(b_[product].name + "_step");
  kernel_.Line(step + " = tl.dot(" + a[1] + ", " + b[0] + ")");
  kernel_.Line(step + " = tl.dot(" + a[0] + ", " + b[1] + ", " + step + ")");
  kernel_.Line(accumulators_[product] + " += tl.dot(" + a[0] + ", " + b[0] + ", " + step + ")");
}

// The operand's tile, [BLOCK_M, BLOCK_K] or [BLOCK_K, BLOCK_N]: one variable, or high and low halves.
std::vector<std::string> ProductWriter::LoadOperand(const Operand& operand) {
  if (operand.half != nullptr) {
    std::vector<std::string> names = {LoadDescriptor(operand, operand.half->high, operand.name + "_high")};
    if (schedule_.precision == Precision::kHalves) {
      names.push_back(LoadDescriptor(operand, operand.half->low, operand.name + "_low"));
    }
    return names;
  }
  if (operand.descriptor) return {LoadDescriptor(operand, *operand.source->matrix, operand.name)};
  return {LoadPointers(operand)};
}

std::string ProductWriter::LoadDescriptor(const Operand& operand, const MatrixView& view, const std::string& variable) {
  const std::string own_block = operand.is_a ? "BLOCK_M" : "BLOCK_N";
  const int64_t own = operand.is_a ? schedule_.block_m : schedule_.block_n;
  const std::vector<int64_t> block =
      view.k_is_row ? std::vector{schedule_.block_k, own} : std::vector{own, schedule_.block_k};
  const std::string descriptor = kernel_.Descriptor(view.tensor, DescriptorText(module_, lowered_, view, block));
  const std::string own_start = (operand.is_a ? "pid_m * " : "pid_n * ") + own_block;
  const std::string batch = wide_.empty() ? "batch" : "batch.to(tl.int32)";
  const std::string batch_rows = problem_.batch > 1 ? batch + " * " +
                                                          std::string(view.k_is_row  ? "K"
                                                                      : operand.is_a ? "M"
                                                                                     : "N") +
                                                          " + "
                                                    : "";
  const std::string row = batch_rows + (view.k_is_row ? "k_start" : own_start);
  const std::string column = view.k_is_row ? own_start : "k_start";
  // As stored the tile is [rows, columns]; the product wants k second for A and first for B.
  const bool transposed = view.k_is_row == operand.is_a;
  kernel_.Line(variable + " = " + descriptor + ".load([" + row + ", " + column + "])" + (transposed ? ".T" : ""));
  return variable;
}

TileWriter ProductWriter::OperandTile(const Operand& operand) {
  std::vector<TileDim> dims;
  if (!problem_.batch_axes.empty()) dims.push_back({"batch", problem_.batch_axes, "", "", "batch"});
  const std::string k_shape = operand.is_a ? "[None, :]" : "[:, None]";
  const TileDim k{"k" + k_shape, problem_.k_axes, EvenK() ? "" : "k_mask" + k_shape, "K", "k"};
  if (operand.is_a) {
    dims.push_back({"m[:, None]", problem_.m_axes, Mask("m", problem_.m, schedule_.block_m, "[:, None]"), "M", "m"});
    dims.push_back(k);
  } else {
    dims.push_back(k);
    dims.push_back({"n[None, :]", operand.n_axes, Mask("n", problem_.n, schedule_.block_n, "[None, :]"), "N", "n"});
  }
  return TileWriter(lowered_, kernel_, std::move(dims));
}

std::string ProductWriter::LoadPointers(const Operand& operand) {
  TileWriter tile = OperandTile(operand);
  const std::string k_mask = EvenK() ? "" : operand.is_a ? "k_mask[None, :]" : "k_mask[:, None]";
  return ComputeOperand(operand, tile, k_mask);
}

std::string ProductWriter::ComputeOperand(const Operand& operand, TileWriter& tile, const std::string& k_mask) {
  const LoweredNode& node = lowered_.node(operand.source->node);
  const DType element = problem_.dtype;
  const std::string shape = operand.is_a ? "(BLOCK_M, BLOCK_K)" : "(BLOCK_K, BLOCK_N)";
  const AxisList& own = operand.is_a ? problem_.m_axes : operand.n_axes;
  auto depends = [&](const AxisList& axes) {
    return axes.empty() || std::any_of(axes.begin(), axes.end(), [&](AxisId axis) {
             return std::find(node.axes.begin(), node.axes.end(), axis) != node.axes.end();
           });
  };
  const bool full = depends(own) && depends(problem_.k_axes) && !own.empty() && !problem_.k_axes.empty();
  std::string text;
  if (operand.source->plain && node.dtype == element) {
    // As it is: the tile writer would widen 16-bit elements, which the tensor cores take directly.
    const std::string& name = module_.NameOf(node.access.tensor);
    const std::string mask = tile.MaskText(node.axes);
    text = "tl.load(" + kernel_.Pointer(node.access.tensor) + " + " + tile.OffsetText(node.access, name) +
           (mask.empty() ? "" : ", mask=" + mask + ", other=0.0") + ")";
  } else {
    text = tile.Value(operand.source->node);
    // Beyond K the other operand reads zeros, but zero times what a function makes of zero need not be zero.
    if (!k_mask.empty()) text = "tl.where(" + k_mask + ", " + text + ", 0.0)";
    if (RegisterType(node.dtype) != element) text = "(" + text + ").to(" + std::string(TritonName(element)) + ")";
  }
  if (!full) text = "tl.broadcast_to(" + text + ", " + shape + ")";
  kernel_.Line(operand.name + " = " + text);
  return operand.name;
}

// A result without rows or columns of its own (one row: M is 1) has no index for them: the tile shrinks to the one.
void ProductWriter::Squeeze(const std::string& acc, const AxisList& n_axes) {
  if (problem_.m_axes.empty())
    kernel_.Line(acc + " = tl.sum(tl.where(m[:, None] == 0, " + acc + ", 0.0), axis=0, keep_dims=True)");
  if (n_axes.empty())
    kernel_.Line(acc + " = tl.sum(tl.where(n[None, :] == 0, " + acc + ", 0.0), axis=1, keep_dims=True)");
}

void ProductWriter::Epilogue() {
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    if (schedule_.SplitsOperands()) UndoScale(accumulators_[i], halves_.a, halves_.b[i], problem_, schedule_, kernel_);
    Squeeze(accumulators_[i], b_[i].n_axes);
  }
  WriteEpilogue(problem_, {"m[:, None]", Mask("m", problem_.m, schedule_.block_m, "[:, None]")},
                {"n[None, :]", Mask("n", problem_.n, schedule_.block_n, "[None, :]")}, accumulators_, kernel_);
}

// Sums over this program's part of K, for the second kernel.
void ProductWriter::Partials() {
  const std::string part =
      problem_.batch > 1 ? "(part * " + kernel_.Constant("BATCH", problem_.batch) + " + batch)" : "part";
  for (size_t i = 0; i < accumulators_.size(); ++i) {
    partials_.push_back(module_.AddScratch(i == 0 ? "partial" : "partial_" + std::to_string(i + 1), DType::kFloat32,
                                           {schedule_.split_k, problem_.batch * problem_.m, problem_.n}));
    const std::string m_mask = Mask("m", problem_.m, schedule_.block_m, "[:, None]");
    const std::string n_mask = Mask("n", problem_.n, schedule_.block_n, "[None, :]");
    const std::string mask = m_mask.empty() ? n_mask : n_mask.empty() ? m_mask : m_mask + " & " + n_mask;
    if (i == 0) kernel_.Line("partial_row = " + part + " * M + m[:, None]");
    if (schedule_.SplitsOperands()) {
      UndoScale(accumulators_[i], halves_.a, halves_.b[i], problem_, schedule_, kernel_);
    }
    kernel_.Line("tl.store(" + kernel_.Pointer(partials_.back()) + " + partial_row * N + n[None, :], " +
                 accumulators_[i] + (mask.empty() ? "" : ", mask=" + mask) + ")");
  }
}

std::vector<TensorRef> ProductWriter::Write() {
  const int products = problem_.AnchorCount();
  kernel_.Doc(products == 1 ? "One tile of A[M, K] @ B[K, N] and what follows it, a program."
                            : "One tile of " + std::to_string(products) +
                                  " products A[M, K] @ B[K, N] with the same A and what follows, a program.");
  Names();
  Tiles();
  const bool early = AnyPointers();
  if (early) RowAndColumnIndices();
  Loop();
  if (!early) RowAndColumnIndices();
  if (schedule_.split_k > 1) {
    Partials();
  } else {
    Epilogue();
  }
  if (schedule_.persistent) kernel_.Dedent();
  const int64_t tiles =
      CeilDiv(problem_.m, schedule_.block_m) * CeilDiv(problem_.n, schedule_.block_n) * problem_.batch;
  std::vector<std::string> grid{std::to_string(schedule_.persistent ? std::min(programs_, tiles) : tiles)};
  if (schedule_.split_k > 1) grid.push_back(std::to_string(schedule_.split_k));
  module_.Launch(kernel_, grid, schedule_.num_warps, schedule_.num_stages);
  return partials_;
}

std::string Why(const MatmulProblem& problem, const MatmulSchedule& schedule, const DeviceSpec& device) {
  const double bytes_us = (problem.OperandBytes() + problem.epilogue_bytes) / device.memory_bytes_per_us;
  const double flops_us = problem.Flops() / device.MatmulFlopsPerUs(problem.dtype, problem.tf32_allowed);
  std::string text = bytes_us > flops_us ? "bound by memory" : "bound by the tensor cores";
  if (schedule.vector) return text + ": few rows, so the other operand is streamed once past plain multiply-adds";
  if (schedule.split_k > 1) text += "; too few tiles for all SMs, so K is split in " + std::to_string(schedule.split_k);
  if (schedule.SplitsOperands()) text += "; operands rewritten once, so that the loop is pure float16 products";
  if (schedule.persistent) text += "; many tiles, so programs persist and hide each tile's end";
  if (problem.AnchorCount() > 1)
    text += "; one tile of the left operand serves " + std::to_string(problem.AnchorCount()) + " products";
  return text;
}

KernelPlan PlanOf(const KernelSource& kernel, const MatmulProblem& problem, const MatmulSchedule& schedule,
                  const DeviceSpec& device) {
  KernelPlan plan{.name = kernel.name(), .family = "matmul", .fuses = problem.lowered->operators};
  plan.tile = {{"BLOCK_M", schedule.block_m}, {"BLOCK_N", schedule.block_n}, {"BLOCK_K", schedule.block_k}};
  if (schedule.split_k > 1) plan.tile.emplace_back("SPLIT_K", schedule.split_k);
  plan.num_warps = schedule.num_warps;
  plan.num_stages = schedule.num_stages;
  plan.numerics = NumericsText(problem, schedule);
  plan.why = Why(problem, schedule, device);
  plan.estimated_us = schedule.estimated_us;
  return plan;
}

}  // namespace

std::string NumericsText(const MatmulProblem& problem, const MatmulSchedule& schedule) {
  return NumericsText(schedule.precision, problem.dtype);
}

std::vector<KernelPlan> WriteMatmul(const MatmulProblem& problem, const MatmulSchedule& schedule,
                                    const DeviceSpec& device, ModuleSource& module) {
  std::vector<KernelPlan> plans;
  Halves halves;
  if (schedule.SplitsOperands()) halves = WriteHalves(problem, schedule, device, module, plans);
  KernelSource& kernel = module.AddKernel(KernelName(problem.lowered->operators));
  std::vector<TensorRef> partials;
  if (schedule.vector) {
    WriteVector(problem, schedule, module, kernel);
  } else {
    partials = ProductWriter(problem, schedule, device, module, kernel, halves).Write();
  }
  KernelPlan plan = PlanOf(kernel, problem, schedule, device);
  for (const KernelPlan& before : plans) plan.estimated_us -= before.estimated_us + device.launch_us;
  if (!partials.empty()) plan.estimated_us -= SumUs(problem, schedule, device) + device.launch_us;
  plans.push_back(std::move(plan));
  if (!partials.empty()) plans.push_back(WriteSum(problem, schedule, device, partials, module));
  return plans;
}

}  // namespace drtriton
