// Writes the row family's kernels.  See row.h.  Tested by row_test.cc and, for values, by python/tests/test_templates.py.
//
// One writer serves all three ways.  A program has a tile of rows x columns (one-dimensional when it has one row).  Values
// that depend on rows alone live outside of the loops over columns; each loop gets a TileWriter of its own that starts
// with those values bound.
#include <cmath>

#include "templates/blocks.h"
#include "templates/expression.h"
#include "templates/layout.h"
#include "templates/row.h"
#include "templates/source.h"
#include "templates/tile.h"

namespace drtriton {
namespace {

// What one kernel of a plan does with the columns.
struct Step {
  size_t first_level = 0, last_level = 0;   // reduces levels [first, last) itself
  size_t known_levels = 0;                  // levels before this one come as partial results
  bool writes_rows = false, writes_full = false;
};

class KernelWriter {
 public:
  KernelWriter(const Lowered& lowered, const RowProblem& problem, const RowSchedule& schedule, ModuleSource& module,
               KernelSource& kernel, const std::vector<std::pair<NodeId, TensorRef>>& partials)
      : lowered_(lowered), problem_(problem), schedule_(schedule), module_(module), kernel_(kernel), partials_(partials) {}

  // Emits the kernel and launches it.  Partial results of its own reductions go to `partials_` when it splits rows.
  void Write(const Step& step) {
    SetUpRows(step);
    TileWriter rows(lowered_, kernel_, {row_dim_});
    for (const auto& [node, tensor] : partials_) LoadPartial(rows, node, tensor);
    for (size_t level = step.first_level; level < step.last_level; ++level) {
      auto pair = schedule_.way == RowWay::kLooped ? FindOnlinePair(lowered_, problem_, level) : std::nullopt;
      if (pair) {
        ReduceOnline(rows, *pair);
        ++level;
      } else {
        ReduceLevel(rows, problem_.levels[level]);
      }
    }
    if (IsSplit() && step.last_level > step.first_level) {
      for (size_t level = step.first_level; level < step.last_level; ++level) StorePartials(rows, problem_.levels[level]);
    }
    if (step.writes_full) WriteFull(rows);
    if (step.writes_rows) {
      for (const LoweredStore& store : problem_.row_stores) rows.StoreValue(store);
    }
    int64_t programs = CeilDiv(problem_.row_count, schedule_.block_m) * (walks_parts_ ? schedule_.splits : 1);
    module_.Launch(kernel_, {std::to_string(programs)}, schedule_.num_warps, schedule_.num_stages);
  }

 private:
  bool IsSplit() const { return schedule_.way == RowWay::kSplit; }
  bool OneRow() const { return schedule_.block_m == 1; }
  int Axis() const { return OneRow() ? 0 : 1; }

  void SetUpRows(const Step& step) {
    walks_parts_ = IsSplit() && (step.last_level > step.first_level || step.writes_full);
    std::string program = ProgramIdText(lowered_, 0);
    if (walks_parts_) {
      std::string splits = kernel_.Constant("SPLITS", schedule_.splits);
      kernel_.Line("pid = " + program);
      part_ = kernel_.Fresh("part");
      kernel_.Line(part_ + " = pid % " + splits);
      program = "(pid // " + splits + ")";
    }
    Lie lie = OneRow() ? Lie::kScalar : Lie::kDown;
    if (problem_.rows.empty()) return;   // one row in all: no index
    std::string start = OneRow() ? program : program + " * BLOCK_M";
    row_dim_ = AddBlock(kernel_, {"m", problem_.rows, problem_.row_count, schedule_.block_m, lie, start});
  }

  // The columns of one step; a loop over them is open when `loops`.
  TileDim Columns(bool* loops) {
    Lie lie = OneRow() ? Lie::kFlat : Lie::kAcross;
    BlockSpec spec{"n", problem_.columns, problem_.column_count, schedule_.block_n, lie, ""};
    *loops = false;
    std::string block = kernel_.Constant("BLOCK_N", schedule_.block_n);
    std::string extent = kernel_.Constant("N", problem_.column_count);
    if (schedule_.way == RowWay::kLooped) {
      *loops = true;
      kernel_.BeginLoop("for start in range(0, " + extent + ", " + block + "):");
      spec.start = "start";
    } else if (walks_parts_) {
      std::string part_start = part_ + " * " + kernel_.Constant("PART", schedule_.part);
      spec.start = part_start;
      if (schedule_.part > schedule_.block_n) {
        *loops = true;
        kernel_.BeginLoop("for start in range(0, PART, " + block + "):");
        spec.start += " + start";
      }
    }
    TileDim dim = AddBlock(kernel_, spec);
    // Parts may reach beyond the row even where its length is a multiple of the block.
    if (walks_parts_ && dim.mask.empty() && schedule_.part * schedule_.splits != problem_.column_count) {
      dim.mask = kernel_.Fresh("n_mask");
      kernel_.Line(dim.mask + " = " + dim.index + " < " + extent);
    }
    return dim;
  }

  // Values of rows that the columns' work will need are computed before the loop.
  void Hoist(TileWriter& rows, NodeId node, std::vector<NodeId>& hoisted) {
    if (!problem_.DependsOnColumns(lowered_, node)) {
      if (lowered_.node(node).kind == LoweredKind::kConstant) return;
      rows.Value(node);
      hoisted.push_back(node);
      return;
    }
    for (NodeId operand : lowered_.node(node).operands) Hoist(rows, operand, hoisted);
  }

  TileWriter Inside(TileWriter& rows, const TileDim& columns, const std::vector<NodeId>& hoisted) {
    TileWriter inside(lowered_, kernel_, {row_dim_, columns});
    for (NodeId node : hoisted) inside.Bind(node, rows.Value(node));
    return inside;
  }

  // Where nothing loops, one writer serves all levels and the result: a row is read once.
  TileWriter& Whole(TileWriter& rows, const std::vector<NodeId>& hoisted) {
    if (!whole_) {
      bool loops = false;
      whole_columns_ = Columns(&loops);
      whole_ = std::make_unique<TileWriter>(Inside(rows, whole_columns_, hoisted));
    }
    for (NodeId node : hoisted) whole_->Bind(node, rows.Value(node));
    return *whole_;
  }

  bool Loops() const {
    return schedule_.way == RowWay::kLooped || (walks_parts_ && schedule_.part > schedule_.block_n);
  }

  void ReduceLevel(TileWriter& rows, const std::vector<NodeId>& level) {
    std::vector<NodeId> hoisted;
    for (NodeId id : level) Hoist(rows, lowered_.node(id).operands[0], hoisted);
    if (!Loops()) {
      TileWriter& tile = Whole(rows, hoisted);
      for (NodeId id : level) {
        const LoweredNode& node = lowered_.node(id);
        std::string operand = Neutralised(tile, whole_columns_, node);
        BindReduced(rows, id, operand);
        tile.Bind(id, rows.Value(id));
      }
      return;
    }
    std::vector<std::string> accumulators;
    for (NodeId id : level) accumulators.push_back(AddAccumulator(lowered_.node(id)));
    bool loops = false;
    TileDim columns = Columns(&loops);
    TileWriter tile = Inside(rows, columns, hoisted);
    for (size_t i = 0; i < level.size(); ++i) {
      const LoweredNode& node = lowered_.node(level[i]);
      std::string operand = Neutralised(tile, columns, node);
      kernel_.Line(accumulators[i] + " = " + CombineText(node.function, accumulators[i], operand, node.dtype, kernel_.helpers()));
    }
    kernel_.EndLoop();
    for (size_t i = 0; i < level.size(); ++i) BindReduced(rows, level[i], accumulators[i]);
  }

  // Maximum and sum of exponentials in one pass: each lane rescales its sum when its maximum grows.
  void ReduceOnline(TileWriter& rows, const OnlinePair& pair) {
    const LoweredNode &maximum = lowered_.node(pair.maximum), &total = lowered_.node(pair.total);
    std::vector<NodeId> hoisted;
    Hoist(rows, pair.value, hoisted);
    std::string most = AddAccumulator(maximum), sum = AddAccumulator(total);
    bool loops = false;
    TileDim columns = Columns(&loops);
    TileWriter tile = Inside(rows, columns, hoisted);
    std::string value = Neutralised(tile, columns, maximum);
    std::string larger = kernel_.Fresh("larger"), shift = kernel_.Fresh("shift");
    kernel_.Line(larger + " = tl.maximum(" + most + ", " + value + ")");
    kernel_.Line(shift + " = " + ShiftText(pair, larger));
    kernel_.Line(sum + " = " + sum + " * tl.exp(" + most + " - " + shift + ") + tl.exp(" + value + " - " + shift + ")");
    kernel_.Line(most + " = " + larger);
    kernel_.EndLoop();
    BindReduced(rows, pair.maximum, most);
    std::string last = kernel_.Fresh("shift");
    kernel_.Line(last + " = " + ShiftText(pair, rows.Value(pair.maximum)));
    std::string scaled = kernel_.Fresh(total.name + "_in");
    kernel_.Line(scaled + " = " + sum + " * tl.exp(" + most + " - " + last + ")");
    BindReduced(rows, pair.total, scaled);
  }

  // 0 where the maximum is -inf (nothing seen yet), so that no NaN arises from -inf - -inf.
  static std::string ShiftText(const OnlinePair& pair, const std::string& maximum) {
    std::string infinite = pair.shift_is_finite ? "tl.abs(" + maximum + ") == float(\"inf\")" : maximum + " == float(\"-inf\")";
    return "tl.where(" + infinite + ", 0.0, " + maximum + ")";
  }

  std::string AddAccumulator(const LoweredNode& node) {
    std::string name = kernel_.Fresh(node.name + "_acc");
    std::string shape = OneRow() ? "[BLOCK_N]" : "[BLOCK_M, BLOCK_N]";
    kernel_.Constant("BLOCK_N", schedule_.block_n);
    kernel_.Line(name + " = tl.full(" + shape + ", " + NeutralText(node.function, node.dtype) + ", " +
                 std::string(TritonName(RegisterType(node.dtype))) + ")");
    return name;
  }

  void BindReduced(TileWriter& rows, NodeId id, const std::string& operand) {
    const LoweredNode& node = lowered_.node(id);
    std::string name = kernel_.Fresh(node.name);
    kernel_.Line(name + " = " + ReduceText(node.function, operand, Axis(), !OneRow(), node.dtype, kernel_.helpers()));
    rows.Bind(id, name);
  }

  // The operand of a reduction with the neutral element beyond the row's end.
  std::string Neutralised(TileWriter& tile, const TileDim& columns, const LoweredNode& node) {
    NodeId operand = node.operands[0];
    std::string value = tile.Value(operand);
    if (columns.mask.empty() || (node.function == "sum" && ZeroBeyond(operand))) return value;
    std::string name = kernel_.Fresh(node.name + "_in");
    kernel_.Line(name + " = tl.where(" + columns.mask + ", " + value + ", " + NeutralText(node.function, node.dtype) + ")");
    return name;
  }

  // Whether a value is 0 where its loads are masked off and read 0.
  bool ZeroBeyond(NodeId id) const {
    const LoweredNode& node = lowered_.node(id);
    if (node.kind == LoweredKind::kLoad) return problem_.DependsOnColumns(lowered_, id);
    if (node.kind != LoweredKind::kPointwise) return false;
    const std::string& f = node.function;
    if (f == "cast" || f == "square" || f == "abs" || f == "neg" || f == "relu") return ZeroBeyond(node.operands[0]);
    if (f == "add" || f == "sub" || f == "mul") return ZeroBeyond(node.operands[0]) && ZeroBeyond(node.operands[1]);
    return false;
  }

  // Of element (row, part) of a partial result's buffer.
  std::string PartialAddress(TensorRef tensor, const std::string& part) {
    std::string pointer = kernel_.Pointer(tensor);
    std::string row = problem_.rows.empty() ? "" : row_dim_.index + " * " + kernel_.Constant("SPLITS", schedule_.splits) + " + ";
    return pointer + " + " + row + part;
  }

  void StorePartials(TileWriter& rows, const std::vector<NodeId>& level) {
    for (NodeId id : level) {
      const LoweredNode& node = lowered_.node(id);
      DType type = RegisterType(node.dtype);
      TensorRef tensor = module_.AddScratch(node.name + "_parts", type == DType::kBool ? DType::kInt32 : type,
                                            {problem_.row_count, schedule_.splits});
      std::string value = rows.Value(id);
      if (type == DType::kBool) value = "(" + value + ").to(tl.int32)";
      kernel_.Line("tl.store(" + PartialAddress(tensor, part_) + ", " + value +
                   (row_dim_.mask.empty() ? "" : ", mask=" + row_dim_.mask) + ")");
      new_partials_.emplace_back(id, tensor);
    }
  }

  void LoadPartial(TileWriter& rows, NodeId id, TensorRef tensor) {
    const LoweredNode& node = lowered_.node(id);
    std::string splits = kernel_.Constant("SPLITS", schedule_.splits);
    if (parts_index_.empty()) {
      parts_index_ = kernel_.Fresh("parts");
      kernel_.Line(parts_index_ + " = tl.arange(0, " + splits + ")" + (OneRow() ? "" : "[None, :]"));
    }
    std::string name = kernel_.Fresh(node.name + "_parts");
    std::string mask = row_dim_.mask.empty() ? "" : ", mask=" + row_dim_.mask + ", other=0";
    kernel_.Line(name + " = tl.load(" + PartialAddress(tensor, parts_index_) + mask + ")" +
                 (node.dtype == DType::kBool ? " != 0" : ""));
    BindReduced(rows, id, name);
  }

  void WriteFull(TileWriter& rows) {
    std::vector<NodeId> hoisted;
    for (const LoweredStore& store : problem_.full_stores) Hoist(rows, store.node, hoisted);
    if (!Loops()) {
      TileWriter& tile = Whole(rows, hoisted);
      for (const LoweredStore& store : problem_.full_stores) tile.StoreValue(store);
      return;
    }
    bool loops = false;
    TileDim columns = Columns(&loops);
    TileWriter tile = Inside(rows, columns, hoisted);
    for (const LoweredStore& store : problem_.full_stores) tile.StoreValue(store);
    kernel_.EndLoop();
  }

 public:
  std::vector<std::pair<NodeId, TensorRef>> TakePartials() { return std::move(new_partials_); }

 private:
  const Lowered& lowered_;
  const RowProblem& problem_;
  const RowSchedule& schedule_;
  ModuleSource& module_;
  KernelSource& kernel_;
  const std::vector<std::pair<NodeId, TensorRef>>& partials_;
  std::vector<std::pair<NodeId, TensorRef>> new_partials_;
  TileDim row_dim_, whole_columns_;
  std::unique_ptr<TileWriter> whole_;
  std::string part_, parts_index_;
  bool walks_parts_ = false;
};

std::string WayText(const RowSchedule& schedule) {
  switch (schedule.way) {
    case RowWay::kWhole:
      return schedule.block_m == 1 ? "a program keeps one whole row in registers"
                                   : "a program keeps " + std::to_string(schedule.block_m) + " whole rows in registers";
    case RowWay::kLooped:
      return "a program walks along " + (schedule.block_m == 1 ? "one row" : std::to_string(schedule.block_m) + " rows") +
             " in steps, once for each level of reductions";
    default:
      return "each row in " + std::to_string(schedule.splits) + " parts, partial results joined in a fixed order";
  }
}

// The steps of a plan: one kernel, or for split rows one a level and one for the results.
std::vector<Step> Steps(const RowProblem& problem, const RowSchedule& schedule) {
  size_t levels = problem.levels.size();
  bool rows = !problem.row_stores.empty(), full = !problem.full_stores.empty();
  if (schedule.way != RowWay::kSplit) return {{0, levels, 0, rows, full}};
  std::vector<Step> steps;
  for (size_t level = 0; level < levels; ++level) steps.push_back({level, level + 1, level, false, false});
  if (rows) steps.push_back({levels, levels, levels, true, false});
  if (full) steps.push_back({levels, levels, levels, false, true});
  return steps;
}

std::string StepName(const std::string& base, const Step& step, size_t count) {
  if (count == 1) return base + "_kernel";
  if (step.last_level > step.first_level) return base + "_part_" + std::to_string(step.first_level + 1) + "_kernel";
  return base + (step.writes_full ? "_kernel" : "_join_kernel");
}

}  // namespace

Proposal WriteRows(const Lowered& lowered, const RowProblem& problem, const RowSchedule& schedule, const DeviceSpec& device) {
  ModuleSource module(lowered);
  std::string base = KernelName(lowered.operators);
  base.erase(base.size() - std::string("_kernel").size());
  std::vector<Step> steps = Steps(problem, schedule);
  std::vector<std::pair<NodeId, TensorRef>> partials;
  Proposal proposal;
  proposal.proposer = "templates";
  std::string shape = std::to_string(problem.row_count) + (problem.row_count == 1 ? " row of " : " rows of ") +
                      std::to_string(problem.column_count);
  for (const Step& step : steps) {
    KernelSource& kernel = module.AddKernel(StepName(base, step, steps.size()));
    kernel.Doc("Over " + shape + ": " + WayText(schedule) + ".");
    KernelWriter writer(lowered, problem, schedule, module, kernel, partials);
    writer.Write(step);
    for (const auto& partial : writer.TakePartials()) partials.push_back(partial);
    KernelPlan plan;
    plan.name = kernel.name();
    plan.family = "row";
    plan.fuses = lowered.operators;
    plan.tile = {{"BLOCK_M", schedule.block_m}, {"BLOCK_N", schedule.block_n}};
    if (schedule.way == RowWay::kSplit) plan.tile.emplace_back("SPLITS", schedule.splits);
    plan.num_warps = schedule.num_warps;
    plan.num_stages = schedule.num_stages;
    plan.numerics = lowered.nodes.back().dtype == DType::kFloat64 ? "float64" : "accumulates in float32";
    plan.why = "Bound by memory: " + shape + ", " +
               std::to_string(std::llround((problem.load_bytes + problem.store_bytes) / 1e3)) + " kB; " + WayText(schedule) + ".";
    plan.estimated_us = schedule.estimated_us / static_cast<double>(steps.size());
    proposal.kernels.push_back(std::move(plan));
  }
  proposal.estimated_us = schedule.estimated_us + device.launch_us;
  proposal.source = module.Text(proposal.kernels.front().why);
  return proposal;
}

}  // namespace drtriton
