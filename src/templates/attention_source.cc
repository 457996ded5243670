// Writes the attention family's kernel.  See attention.h.  Tested, for values, by python/tests/test_templates.py.
#include <algorithm>
#include <cmath>

#include "templates/attention.h"
#include "templates/blocks.h"
#include "templates/expression.h"
#include "templates/tile.h"

namespace drtriton {
namespace {

class KernelWriter {
 public:
  KernelWriter(const AttentionProblem& problem, const AttentionSchedule& schedule, ModuleSource& module, KernelSource& kernel)
      : problem_(problem), lowered_(*problem.lowered), schedule_(schedule), module_(module), kernel_(kernel) {}

  void Write() {
    SetUp();
    TileWriter queries(lowered_, kernel_, {batch_, Down(m_), Across(d_)});
    std::string q = DotOperand(queries, Scores().operands[0], {Down(m_), Across(d_)}, "q");
    if (problem_.queries.empty()) q = Renamed("q", "tl.broadcast_to(" + q + ", [BLOCK_M, BLOCK_D])");
    Accumulators();
    std::string stop = Stop();
    kernel_.BeginLoop("for start in range(0, " + stop + ", BLOCK_N):");
    n_ = AddBlock(kernel_, {"n", problem_.keys, problem_.key_count, schedule_.block_n, Lie::kFlat, "start"});
    Step(q);
    kernel_.EndLoop();
    Finish();
    int64_t blocks = CeilDiv(problem_.query_count, schedule_.block_m);
    module_.Launch(kernel_, {std::to_string(blocks * problem_.batch_count)}, schedule_.num_warps, schedule_.num_stages);
  }

 private:
  const LoweredNode& Scores() const { return lowered_.node(problem_.scores); }
  const LoweredNode& Result() const { return lowered_.node(problem_.result); }

  static TileDim Shaped(TileDim dim, const char* shape) {
    dim.index += shape;
    if (!dim.mask.empty()) dim.mask += shape;
    return dim;
  }
  static TileDim Down(const TileDim& dim) { return Shaped(dim, "[:, None]"); }
  static TileDim Across(const TileDim& dim) { return Shaped(dim, "[None, :]"); }

  std::string Renamed(const std::string& name, const std::string& text) {
    std::string variable = kernel_.Fresh(name);
    kernel_.Line(variable + " = " + text);
    return variable;
  }

  // Program numbers run over blocks of queries first; with causality the longest come first.
  void SetUp() {
    int64_t blocks = CeilDiv(problem_.query_count, schedule_.block_m);
    kernel_.Line("pid = " + ProgramIdText(lowered_, 0));
    std::string block = "0", plane = "pid";
    if (blocks > 1) {
      std::string count = kernel_.Constant("BLOCKS_M", blocks);
      block = problem_.causal ? "(" + count + " - 1 - pid % " + count + ")" : "(pid % " + count + ")";
      plane = "pid // " + count;
    }
    batch_ = AddBlock(kernel_, {"plane", problem_.batch, problem_.batch_count, 1, Lie::kScalar, plane});
    m_ = AddBlock(kernel_, {"m", problem_.queries, problem_.query_count, schedule_.block_m, Lie::kFlat, blocks > 1 ? block + " * BLOCK_M" : ""});
    d_ = AddBlock(kernel_, {"d", problem_.head, problem_.head_size, std::max<int64_t>(16, NextPowerOfTwo(problem_.head_size)), Lie::kFlat, ""});
    e_ = AddBlock(kernel_, {"e", problem_.values, problem_.value_size, std::max<int64_t>(16, NextPowerOfTwo(problem_.value_size)), Lie::kFlat, ""});
    first_query_ = blocks > 1 ? block + " * BLOCK_M" : "0";
    kernel_.Constant("BLOCK_N", schedule_.block_n);
  }

  // One of tl.dot's operands: a load as it is, else the computed value in the operands' type and 0 beyond the ends.
  std::string DotOperand(TileWriter& tile, NodeId id, const std::vector<TileDim>& dims, const std::string& name) {
    const LoweredNode& node = lowered_.node(id);
    std::string mask;
    for (const TileDim& dim : dims) {
      if (!dim.mask.empty() && (!dim.axes.empty() || &dim == &dims.front())) mask += (mask.empty() ? "" : " & ") + dim.mask;
    }
    if (node.kind == LoweredKind::kLoad && node.operands.empty() && node.dtype == problem_.dtype) {
      std::string pointer = kernel_.Pointer(node.access.tensor), own = tile.MaskText(node.axes);
      std::string offset = tile.OffsetText(node.access, pointer.substr(0, pointer.size() - 4));
      return Renamed(name, "tl.load(" + pointer + " + " + offset + (own.empty() ? "" : ", mask=" + own + ", other=0.0") + ")");
    }
    std::string value = tile.Value(id);
    if (!mask.empty()) value = "tl.where(" + mask + ", " + value + ", 0.0)";
    if (problem_.dtype != DType::kFloat32) value = (mask.empty() ? value : "(" + value + ")") + ".to(" + std::string(TritonName(problem_.dtype)) + ")";
    return Renamed(name, value);
  }

  void Accumulators() {
    largest_ = Renamed("largest", "tl.full([BLOCK_M], float(\"-inf\"), tl.float32)");
    total_ = Renamed("total", "tl.zeros([BLOCK_M], tl.float32)");
    acc_ = Renamed("acc", "tl.zeros([BLOCK_M, BLOCK_E], tl.float32)");
  }

  // Keys behind the last query of the block do not count for it.
  std::string Stop() {
    std::string keys = kernel_.Constant("N", problem_.key_count);
    if (!problem_.causal) return keys;
    std::string last = first_query_ + " + BLOCK_M" + (problem_.causal_offset == 0 ? "" : " + " + std::to_string(problem_.causal_offset));
    return Renamed("stop", "tl.minimum(" + last + ", " + keys + ")");
  }

  std::string ExpText(const std::string& operand) {
    // Triton's own exp loses |x| * 2^-24, which 16-bit operands do not show.
    return FunctionText(problem_.dtype == DType::kFloat32 ? "exp" : "exp_fast", DType::kFloat32, DType::kFloat32, {operand}, kernel_.helpers());
  }

  void Step(const std::string& q) {
    TileWriter keys(lowered_, kernel_, {batch_, Down(d_), Across(n_)});
    std::string k = DotOperand(keys, Scores().operands[1], {Down(d_), Across(n_)}, "k");
    TileWriter pairs(lowered_, kernel_, {batch_, Down(m_), Across(n_)});
    pairs.Bind(problem_.scores, Renamed(Scores().name, "tl.dot(" + q + ", " + k + DotPrecision(problem_.precision) + ")"));
    std::string logits = pairs.Value(problem_.logits);
    if (!n_.mask.empty()) logits = Renamed("seen", "tl.where(" + Across(n_).mask + ", " + logits + ", float(\"-inf\"))");
    std::string larger = Renamed("larger", "tl.maximum(" + largest_ + ", tl.max(" + logits + ", axis=1))");
    std::string shift = Renamed("shift", "tl.where(" + larger + " == float(\"-inf\"), 0.0, " + larger + ")");
    std::string weights = Renamed("weights", ExpText("(" + logits + " - " + shift + "[:, None])"));
    std::string rescale = Renamed("rescale", ExpText("(" + largest_ + " - " + shift + ")"));
    kernel_.Line(total_ + " = " + total_ + " * " + rescale + " + tl.sum(" + weights + ", axis=1)");
    TileWriter values(lowered_, kernel_, {batch_, Down(n_), Across(e_)});
    std::string v = DotOperand(values, Result().operands[1], {Down(n_), Across(e_)}, "v");
    std::string narrow = problem_.dtype == DType::kFloat32 ? weights : weights + ".to(" + std::string(TritonName(problem_.dtype)) + ")";
    kernel_.Line(acc_ + " = tl.dot(" + narrow + ", " + v + ", " + acc_ + " * " + rescale + "[:, None]" + DotPrecision(problem_.precision) + ")");
    kernel_.Line(largest_ + " = " + larger);
  }

  void Finish() {
    if (problem_.guarded) kernel_.Line(total_ + " = tl.where(" + total_ + " == 0.0, 1.0, " + total_ + ")");
    std::string name = Renamed(Result().name, acc_ + " / " + total_ + "[:, None]");
    TileWriter tile(lowered_, kernel_, {batch_, Down(m_), Across(e_)});
    if (problem_.queries.empty()) {   // one query: its row alone
      name = Renamed(Result().name, "tl.sum(tl.where((tl.arange(0, BLOCK_M) == 0)[:, None], " + name + ", 0.0), axis=0, keep_dims=True)");
    }
    tile.Bind(problem_.result, name);
    for (const LoweredStore& store : lowered_.stores) tile.StoreValue(store);
  }

  const AttentionProblem& problem_;
  const Lowered& lowered_;
  const AttentionSchedule& schedule_;
  ModuleSource& module_;
  KernelSource& kernel_;
  TileDim batch_, m_, n_, d_, e_;
  std::string first_query_, largest_, total_, acc_;
};

std::string SizesText(const AttentionProblem& problem) {
  return std::to_string(problem.batch_count) + " x " + std::to_string(problem.query_count) + " queries, " +
         std::to_string(problem.key_count) + " keys, heads of " + std::to_string(problem.head_size) + (problem.causal ? ", causal" : "");
}

}  // namespace

void AppendAttention(const AttentionProblem& problem, const AttentionSchedule& schedule, const DeviceSpec& device,
                     ModuleSource& module, Proposal& proposal) {
  const Lowered& lowered = *problem.lowered;
  KernelSource& kernel = module.AddKernel(KernelName(lowered.operators));
  kernel.Doc(SizesText(problem) + ": a program takes " + std::to_string(schedule.block_m) + " queries and walks along the keys.");
  KernelWriter(problem, schedule, module, kernel).Write();
  KernelPlan plan;
  plan.name = kernel.name();
  plan.family = "attention";
  plan.fuses = lowered.operators;
  plan.tile = {{"BLOCK_M", schedule.block_m}, {"BLOCK_N", schedule.block_n}};
  plan.num_warps = schedule.num_warps;
  plan.num_stages = schedule.num_stages;
  plan.numerics = NumericsText(problem.precision, problem.dtype);
  plan.why = "Attention in one pass, scores never stored: " + SizesText(problem) + ".";
  plan.estimated_us = schedule.estimated_us;
  proposal.kernels.push_back(std::move(plan));
  proposal.estimated_us += schedule.estimated_us + device.launch_us;
}

}  // namespace drtriton
