// Writes the scan family's kernels.  See scan.h.  Tested, for values, by python/tests/test_templates.py.
//
// A scan's value is one number, or a number and its position (the cumulative extremes).  Whatever it is, `Combine` joins
// two neighbours; a block is scanned by Triton's associative scan, and what came before the block is combined into it.
#include <cmath>
#include <map>

#include "templates/blocks.h"
#include "templates/expression.h"
#include "templates/scan.h"
#include "templates/tile.h"

namespace drtriton {
namespace {

using Parts = std::vector<std::string>;

// The function without the word that says which part of its result the node is.
std::string Kind(const LoweredNode& node) { return node.function.substr(0, node.function.find('.')); }
bool IsPair(const LoweredNode& node) { return Kind(node) == "cummax" || Kind(node) == "cummin"; }
bool IsPosition(const LoweredNode& node) { return node.function.ends_with(".position"); }

class KernelWriter {
 public:
  KernelWriter(const Lowered& lowered, const ScanProblem& problem, const ScanSchedule& schedule, ModuleSource& module,
               KernelSource& kernel)
      : lowered_(lowered), problem_(problem), schedule_(schedule), module_(module), kernel_(kernel) {}

  // Whole rows, rows walked along, or parts of rows from what the parts before them give.
  void WriteScan(const std::map<NodeId, std::vector<TensorRef>>& totals) {
    SetUpRows();
    const bool walks = schedule_.way != ScanWay::kWhole;
    if (walks) {
      for (NodeId id : Leaders()) carry_[id] = totals.empty() ? Neutral(id) : CarryIn(id, totals.at(id));
    }
    bool loops = false;
    TileDim columns = Columns(&loops);
    TileWriter tile(lowered_, kernel_, {row_dim_, columns});
    std::map<NodeId, Parts> results;
    for (NodeId id : problem_.scans) {
      NodeId leader = LeaderOf(id);
      if (results.count(leader) == 0) results[leader] = Scan(tile, columns, leader, loops);
      tile.Bind(id, results[leader][IsPosition(lowered_.node(id)) ? 1 : 0]);
    }
    for (const LoweredStore& store : lowered_.stores) tile.StoreValue(store);
    if (loops) kernel_.EndLoop();
    Launch();
  }

  // One value a row and part, for each scan.
  std::map<NodeId, std::vector<TensorRef>> WriteTotals() {
    SetUpRows();
    for (NodeId id : Leaders()) carry_[id] = Neutral(id);
    bool loops = false;
    TileDim columns = Columns(&loops);
    TileWriter tile(lowered_, kernel_, {row_dim_, columns});
    for (NodeId id : Leaders()) Carry(id, Operand(tile, columns, id));
    if (loops) kernel_.EndLoop();
    std::map<NodeId, std::vector<TensorRef>> totals;
    for (NodeId id : Leaders()) {
      const std::vector<DType> types = Types(id);
      for (size_t i = 0; i < types.size(); ++i) {
        std::string name = lowered_.node(id).name + (i == 0 ? "_totals" : "_positions");
        totals[id].push_back(module_.AddScratch(name, types[i], {problem_.row_count, schedule_.splits}));
        kernel_.Line("tl.store(" + TotalAddress(totals[id].back(), part_ + (OneRow() ? " + tl.arange(0, 1)" : "")) + ", " + carry_[id][i] +
                     (row_dim_.mask.empty() ? "" : ", mask=" + row_dim_.mask) + ")");
      }
    }
    Launch();
    return totals;
  }

 private:
  bool OneRow() const { return schedule_.block_m == 1; }
  int Axis() const { return OneRow() ? 0 : 1; }
  bool IsSplit() const { return schedule_.way == ScanWay::kSplit; }

  // Scans of the same operands by the same function are one; the first stands for them.
  NodeId LeaderOf(NodeId id) const {
    const LoweredNode& node = lowered_.node(id);
    for (NodeId other : problem_.scans) {
      const LoweredNode& candidate = lowered_.node(other);
      if (Kind(candidate) == Kind(node) && candidate.operands == node.operands) return other;
    }
    return id;
  }

  std::vector<NodeId> Leaders() const {
    std::vector<NodeId> leaders;
    for (NodeId id : problem_.scans) {
      if (LeaderOf(id) == id) leaders.push_back(id);
    }
    return leaders;
  }

  void SetUpRows() {
    std::string program = ProgramIdText(lowered_, 0);
    if (IsSplit()) {
      std::string splits = kernel_.Constant("SPLITS", schedule_.splits);
      kernel_.Line("pid = " + program);
      part_ = kernel_.Fresh("part");
      kernel_.Line(part_ + " = pid % " + splits);
      program = "(pid // " + splits + ")";
    }
    if (problem_.rows.empty()) return;
    std::string start = OneRow() ? program : program + " * BLOCK_M";
    row_dim_ = AddBlock(kernel_, {"m", problem_.rows, problem_.row_count, schedule_.block_m, OneRow() ? Lie::kScalar : Lie::kDown, start});
  }

  TileDim Columns(bool* loops) {
    BlockSpec spec{"n", problem_.columns, problem_.column_count, schedule_.block_n, OneRow() ? Lie::kFlat : Lie::kAcross, ""};
    std::string block = kernel_.Constant("BLOCK_N", schedule_.block_n), extent = kernel_.Constant("N", problem_.column_count);
    *loops = schedule_.way == ScanWay::kLooped || (IsSplit() && schedule_.part > schedule_.block_n);
    if (schedule_.way == ScanWay::kLooped) {
      kernel_.BeginLoop("for start in range(0, " + extent + ", " + block + "):");
      spec.start = "start";
    } else if (IsSplit()) {
      spec.start = part_ + " * " + kernel_.Constant("PART", schedule_.part);
      if (*loops) {
        kernel_.BeginLoop("for start in range(0, PART, " + block + "):");
        spec.start += " + start";
      }
    }
    TileDim dim = AddBlock(kernel_, spec);
    bool beyond = IsSplit() && schedule_.part * schedule_.splits != problem_.column_count;
    if (dim.mask.empty() && beyond) {
      dim.mask = kernel_.Fresh("n_mask");
      kernel_.Line(dim.mask + " = " + dim.index + " < " + extent);
    }
    return dim;
  }

  // ---- one scan

  DType IndexType() const { return problem_.column_count >= (int64_t{1} << 31) ? DType::kInt64 : DType::kInt32; }

  std::vector<DType> Types(NodeId id) const {
    const LoweredNode& node = lowered_.node(id);
    DType value = RegisterType(lowered_.node(node.operands[0]).dtype);
    return IsPair(node) ? std::vector<DType>{value, IndexType()} : std::vector<DType>{value};
  }

  Parts NeutralTexts(NodeId id) const {
    const LoweredNode& node = lowered_.node(id);
    DType type = lowered_.node(node.operands[0]).dtype;
    std::string kind = Kind(node);
    if (kind == "logcumsumexp") return {"float(\"-inf\")"};
    if (!IsPair(node)) return {NeutralText(kind == "cumsum" ? "sum" : "prod", type)};
    return {NeutralText(kind == "cummax" ? "max" : "min", type), "-1"};   // before every real position
  }

  Parts Neutral(NodeId id) {
    Parts made, texts = NeutralTexts(id);
    const std::vector<DType> types = Types(id);
    for (size_t i = 0; i < texts.size(); ++i) {
      made.push_back(kernel_.Fresh(lowered_.node(id).name + (i == 0 ? "_carry" : "_carry_at")));
      std::string shape = OneRow() ? "[1]" : "[" + kernel_.Constant("BLOCK_M", schedule_.block_m) + ", 1]";
      kernel_.Line(made.back() + " = tl.full(" + shape + ", " + texts[i] + ", " + std::string(TritonName(types[i])) + ")");
    }
    return made;
  }

  Parts Operand(TileWriter& tile, const TileDim& columns, NodeId id) {
    const LoweredNode& node = lowered_.node(id);
    std::string value = tile.Value(node.operands[0]);
    if (!columns.mask.empty()) {
      std::string name = kernel_.Fresh(node.name + "_in");
      kernel_.Line(name + " = tl.where(" + columns.mask + ", " + value + ", " + NeutralTexts(id)[0] + ")");
      value = name;
    }
    if (!IsPair(node)) return {value};
    std::string of = kernel_.Fresh(node.name + "_of"), at = kernel_.Fresh(node.name + "_at");
    kernel_.Line(of + ", " + at + " = tl.broadcast(" + value + ", " + tile.Value(node.operands[1]) + ".to(" +
                 std::string(TritonName(IndexType())) + "))");
    return {of, at};
  }

  // The @triton.jit function that joins two neighbours.
  std::string Combiner(NodeId id) {
    std::string kind = Kind(lowered_.node(id));
    std::string helper = kind == "cummax" ? "last_of_max" : kind == "cummin" ? "last_of_min" : kind == "logcumsumexp" ? "log_add_exp" : "multiply";
    kernel_.helpers().insert(helper);
    return helper;
  }

  std::string CombinedText(NodeId id, const Parts& a, const Parts& b) {
    std::string kind = Kind(lowered_.node(id));
    if (kind == "cumsum") return a[0] + " + " + b[0];
    if (kind == "cumprod") return a[0] + " * " + b[0];
    if (kind == "logcumsumexp") return Combiner(id) + "(" + a[0] + ", " + b[0] + ")";
    return Combiner(id) + "(" + a[0] + ", " + a[1] + ", " + b[0] + ", " + b[1] + ")";
  }

  static std::string Targets(const Parts& parts) { return parts.size() == 1 ? parts[0] : parts[0] + ", " + parts[1]; }
  static std::string Tuple(const Parts& parts) { return parts.size() == 1 ? parts[0] : "(" + parts[0] + ", " + parts[1] + ")"; }

  Parts FreshParts(NodeId id, const std::string& suffix) {
    const LoweredNode& node = lowered_.node(id);
    Parts parts = {kernel_.Fresh(node.name + suffix)};
    if (IsPair(node)) parts.push_back(kernel_.Fresh(node.name + suffix + "_at"));
    return parts;
  }

  Parts Scan(TileWriter& tile, const TileDim& columns, NodeId id, bool loops) {
    Parts operand = Operand(tile, columns, id), result = FreshParts(id, "");
    std::string axis = std::to_string(Axis());
    if (Kind(lowered_.node(id)) == "cumsum") {
      kernel_.Line(result[0] + " = tl.cumsum(" + operand[0] + ", axis=" + axis + ")");
    } else {
      kernel_.Line(Targets(result) + " = tl.associative_scan(" + Tuple(operand) + ", " + axis + ", " + Combiner(id) + ")");
    }
    if (carry_.count(id) == 0) return result;
    kernel_.Line(Targets(result) + " = " + CombinedText(id, carry_[id], result));
    if (loops) Carry(id, operand);
    return result;
  }

  // The carried value takes in a whole block.
  void Carry(NodeId id, const Parts& operand) {
    Parts total = FreshParts(id, "_total");
    kernel_.Line(Targets(total) + " = " + TotalText(id, operand));
    kernel_.Line(Targets(carry_[id]) + " = " + CombinedText(id, carry_[id], total));
  }

  std::string TotalText(NodeId id, const Parts& operand) {
    std::string axis = std::to_string(Axis()), keep = ", keep_dims=True)";
    if (Kind(lowered_.node(id)) == "cumsum") return "tl.sum(" + operand[0] + ", axis=" + axis + keep;
    return "tl.reduce(" + Tuple(operand) + ", " + axis + ", " + Combiner(id) + keep;
  }

  // ---- parts of rows

  std::string TotalAddress(TensorRef tensor, const std::string& part) {
    std::string pointer = kernel_.Pointer(tensor);
    std::string row = problem_.rows.empty() ? "" : row_dim_.index + " * " + kernel_.Constant("SPLITS", schedule_.splits) + " + ";
    return pointer + " + " + row + part;
  }

  // What the parts before this one give together.
  Parts CarryIn(NodeId id, const std::vector<TensorRef>& totals) {
    if (parts_index_.empty()) {
      parts_index_ = kernel_.Fresh("parts");
      kernel_.Line(parts_index_ + " = tl.arange(0, " + kernel_.Constant("SPLITS", schedule_.splits) + ")" + (OneRow() ? "" : "[None, :]"));
    }
    Parts before, neutral = NeutralTexts(id);
    for (size_t i = 0; i < totals.size(); ++i) {
      before.push_back(kernel_.Fresh(lowered_.node(id).name + (i == 0 ? "_before" : "_before_at")));
      std::string mask = parts_index_ + " < " + part_ + (row_dim_.mask.empty() ? "" : ") & " + row_dim_.mask);
      kernel_.Line(before.back() + " = tl.load(" + TotalAddress(totals[i], parts_index_) + ", mask=" +
                   (row_dim_.mask.empty() ? "" : "(") + mask + ", other=" + neutral[i] + ")");
    }
    Parts carry = FreshParts(id, "_carry");
    kernel_.Line(Targets(carry) + " = " + TotalText(id, before));
    return carry;
  }

  void Launch() {
    int64_t programs = CeilDiv(problem_.row_count, schedule_.block_m) * (IsSplit() ? schedule_.splits : 1);
    module_.Launch(kernel_, {std::to_string(programs)}, schedule_.num_warps, 1);
  }

  const Lowered& lowered_;
  const ScanProblem& problem_;
  const ScanSchedule& schedule_;
  ModuleSource& module_;
  KernelSource& kernel_;
  TileDim row_dim_;
  std::string part_, parts_index_;
  std::map<NodeId, Parts> carry_;
};

std::string WayText(const ScanSchedule& schedule) {
  switch (schedule.way) {
    case ScanWay::kWhole: return schedule.block_m == 1 ? "a program keeps one whole row in registers"
                                                       : "a program keeps " + std::to_string(schedule.block_m) + " whole rows in registers";
    case ScanWay::kLooped: return "a program walks along its rows block by block and carries what came before";
    default: return "each row in " + std::to_string(schedule.splits) + " parts, first reduced, then scanned from what came before";
  }
}

void AddPlan(const Lowered& lowered, const ScanSchedule& schedule, const std::string& name, const std::string& why, size_t kernels,
             Proposal& proposal) {
  KernelPlan plan;
  plan.name = name;
  plan.family = "scan";
  plan.fuses = lowered.operators;
  plan.tile = {{"BLOCK_M", schedule.block_m}, {"BLOCK_N", schedule.block_n}};
  if (schedule.way == ScanWay::kSplit) plan.tile.emplace_back("SPLITS", schedule.splits);
  plan.num_warps = schedule.num_warps;
  plan.num_stages = 1;
  plan.numerics = "accumulates in the register type, in the order of a tree";
  plan.why = why;
  plan.estimated_us = schedule.estimated_us / static_cast<double>(kernels);
  proposal.kernels.push_back(std::move(plan));
}

}  // namespace

void AppendScan(const Lowered& lowered, const ScanProblem& problem, const ScanSchedule& schedule, const DeviceSpec& device,
                ModuleSource& module, Proposal& proposal) {
  std::string base = KernelName(lowered.operators);
  std::string shape = std::to_string(problem.row_count) + (problem.row_count == 1 ? " row of " : " rows of ") + std::to_string(problem.column_count);
  std::string why = "Bound by memory: " + shape + ", " + std::to_string(std::llround(problem.bytes / 1e3)) + " kB; " + WayText(schedule) + ".";
  std::map<NodeId, std::vector<TensorRef>> totals;
  const bool split = schedule.way == ScanWay::kSplit;
  if (split) {
    KernelSource& kernel = module.AddKernel(base.substr(0, base.size() - 7) + "_totals_kernel");
    kernel.Doc("Over " + shape + ": one value for each of " + std::to_string(schedule.splits) + " parts of a row.");
    totals = KernelWriter(lowered, problem, schedule, module, kernel).WriteTotals();
    AddPlan(lowered, schedule, kernel.name(), why, 2, proposal);
  }
  KernelSource& kernel = module.AddKernel(base);
  kernel.Doc("Over " + shape + ": " + WayText(schedule) + ".");
  KernelWriter(lowered, problem, schedule, module, kernel).WriteScan(totals);
  AddPlan(lowered, schedule, kernel.name(), why, split ? 2 : 1, proposal);
  proposal.estimated_us += schedule.estimated_us + device.launch_us;
}

}  // namespace drtriton
