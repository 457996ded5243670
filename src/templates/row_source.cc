// Writes the row family's kernels.  See row.h.  Tested by families_test.cc and, for values, by python/tests/test_templates.py.
//
// One writer serves all three ways.  A program has a tile of rows x columns (one-dimensional when it has one row).  Values
// that depend on rows alone live outside of the loops over columns; each loop gets a TileWriter of its own that starts
// with those values bound.
#include <algorithm>
#include <cmath>
#include <map>

#include "templates/blocks.h"
#include "templates/expression.h"
#include "templates/layout.h"
#include "templates/row.h"
#include "templates/row_passes.h"
#include "templates/row_reduce.h"
#include "templates/source.h"
#include "templates/tile.h"

namespace drtriton {
namespace {

// What one kernel of a plan does with the columns.
struct Step {
  std::vector<RowPass> passes;   // that it makes itself; what earlier passes found comes as partial results
  bool writes_rows = false;
};

// Partial results of one pass: a number for each row and part.
struct PassPartials {
  RowPass pass;
  std::vector<std::pair<NodeId, std::vector<TensorRef>>> tensors;   // one a part of the reduction (row_reduce.h)
};

class KernelWriter {
 public:
  KernelWriter(const Lowered& lowered, const RowProblem& problem, const RowSchedule& schedule, ModuleSource& module,
               KernelSource& kernel, const std::vector<PassPartials>& partials)
      : lowered_(lowered), problem_(problem), schedule_(schedule), module_(module), kernel_(kernel), partials_(partials),
        reducer_(lowered, problem, schedule, kernel) {}

  // Emits the kernel and launches it.  Partial results of its own reductions go to `partials_` when it splits rows.
  void Write(const Step& step) {
    SetUpRows(step);
    TileWriter rows(lowered_, kernel_, {row_dim_});
    for (const PassPartials& partial : partials_) LoadPartials(rows, partial);
    reduces_part_ = IsSplit();   // from here on; what was joined is of whole rows
    for (const RowPass& pass : step.passes) {
      several_walks_ = step.passes.size() > 1;
      last_walk_ = &pass == &step.passes.back();
      MakePass(rows, pass);
      if (IsSplit() && !pass.reductions.empty()) StorePartials(rows, pass);
    }
    if (step.writes_rows) {
      for (const LoweredStore& store : problem_.row_stores) rows.StoreValue(store);
    }
    int64_t programs = CeilDiv(problem_.row_count, schedule_.block_m) * (walks_parts_ ? schedule_.splits : 1);
    module_.Launch(kernel_, {std::to_string(programs)}, schedule_.num_warps, schedule_.num_stages);
  }

 private:
  void MakePass(TileWriter& rows, const RowPass& pass) {
    if (pass.online) {
      ReduceOnline(rows, *pass.online);
    } else if (pass.moments) {
      ReduceMoments(rows, *pass.moments);
    } else if (!pass.reductions.empty()) {
      ReduceLevel(rows, pass);
    } else {
      WriteFull(rows);
    }
  }

  bool IsSplit() const { return schedule_.way == RowWay::kSplit; }
  bool OneRow() const { return reducer_.OneRow(); }

  void SetUpRows(const Step& step) {
    walks_parts_ = IsSplit() && !step.passes.empty();
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
    if (dim.mask.empty() && ColumnsAreMasked()) {
      dim.mask = kernel_.Fresh("n_mask");
      kernel_.Line(dim.mask + " = " + dim.index + " < " + extent);
    }
    return dim;
  }

  // Whether some step reaches beyond the row; Columns() then makes a mask.
  bool ColumnsAreMasked() const {
    if (problem_.column_count % schedule_.block_n != 0) return true;
    return walks_parts_ && schedule_.part * schedule_.splits != problem_.column_count;
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
    if (schedule_.way == RowWay::kLooped && several_walks_) HintLoads(inside);
    return inside;
  }

  // Later walks along a row should find it in the cache; after the last nobody reads it.
  void HintLoads(TileWriter& tile) const {
    for (const LoweredNode& node : lowered_.nodes) {
      bool whole = node.kind == LoweredKind::kLoad && Without(problem_.rows, node.axes).empty() &&
                   !Common(node.axes, problem_.columns).empty();
      if (whole) tile.SetEviction(node.access.tensor, last_walk_ ? "evict_first" : "evict_last");
    }
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

  // The value of a maximum comes with its position where the pass finds both.
  const LoweredNode* TwinOf(const RowPass& pass, const LoweredNode& node, NodeId* id) const {
    for (NodeId other : pass.reductions) {
      const LoweredNode& arg = lowered_.node(other);
      *id = other;
      if (arg.function == "arg" + node.function && arg.operands[0] == node.operands[0]) return &arg;
    }
    return nullptr;
  }

  void ReduceLevel(TileWriter& rows, const RowPass& pass) {
    std::vector<NodeId> hoisted, reductions;
    NodeId twin = -1;
    for (NodeId id : pass.reductions) {
      for (NodeId operand : lowered_.node(id).operands) Hoist(rows, operand, hoisted);
      if (TwinOf(pass, lowered_.node(id), &twin) == nullptr) reductions.push_back(id);
    }
    if (!Loops()) {
      TileWriter& tile = Whole(rows, hoisted);
      for (NodeId id : reductions) BindReduced(rows, id, reducer_.Operand(tile, whole_columns_, lowered_.node(id)));
      BindTwins(rows, pass);
      for (NodeId id : pass.reductions) tile.Bind(id, rows.Value(id));
      if (pass.stores) WriteFull(rows);
      return;
    }
    if (pass.stores) {
      for (const LoweredStore& store : problem_.full_stores) Hoist(rows, store.node, hoisted);
    }
    std::vector<RowReducer::Accumulator> accumulators;
    for (NodeId id : reductions) accumulators.push_back(reducer_.Open(lowered_.node(id)));
    bool loops = false;
    TileDim columns = Columns(&loops);
    TileWriter tile = Inside(rows, columns, hoisted);
    for (size_t i = 0; i < reductions.size(); ++i) {
      const LoweredNode& node = lowered_.node(reductions[i]);
      reducer_.Add(node, reducer_.Operand(tile, columns, node), accumulators[i]);
    }
    if (pass.stores) {
      for (const LoweredStore& store : problem_.full_stores) tile.StoreValue(store);
    }
    kernel_.EndLoop();
    for (size_t i = 0; i < reductions.size(); ++i) BindReduced(rows, reductions[i], reducer_.Finish(accumulators[i]));
    BindTwins(rows, pass);
  }

  void BindTwins(TileWriter& rows, const RowPass& pass) {
    NodeId twin = -1;
    for (NodeId id : pass.reductions) {
      if (TwinOf(pass, lowered_.node(id), &twin) != nullptr) rows.Bind(id, parts_[twin][0]);
    }
  }

  // Maximum and sum of exponentials in one pass: each lane rescales its sum when its maximum grows.
  void ReduceOnline(TileWriter& rows, const OnlinePair& pair) {
    const LoweredNode &maximum = lowered_.node(pair.maximum), &total = lowered_.node(pair.total);
    std::vector<NodeId> hoisted;
    Hoist(rows, pair.value, hoisted);
    std::string most, sum;
    if (Loops()) {
      most = reducer_.Open(maximum).parts[0];
      sum = reducer_.Filled(total.name + "_acc", "0.0", total.dtype);
      bool loops = false;
      TileDim columns = Columns(&loops);
      TileWriter tile = Inside(rows, columns, hoisted);
      std::string value = reducer_.Operand(tile, columns, maximum)[0];
      std::string larger = kernel_.Fresh("larger"), shift = kernel_.Fresh("shift");
      kernel_.Line(larger + " = tl.maximum(" + most + ", " + value + ")");
      kernel_.Line(shift + " = " + ShiftText(pair, larger));
      kernel_.Line(sum + " = " + sum + " * tl.exp(" + most + " - " + shift + ") + tl.exp(" + value + " - " + shift + ")");
      kernel_.Line(most + " = " + larger);
      kernel_.EndLoop();
    } else {
      most = reducer_.Operand(Whole(rows, hoisted), whole_columns_, maximum)[0];
    }
    BindOnline(rows, pair, most, sum);
  }

  // Joins lanes or parts, each with its maximum and its sum; an empty `sum` is a 1 each.
  void BindOnline(TileWriter& rows, const OnlinePair& pair, const std::string& most, const std::string& sum) {
    BindReduced(rows, pair.maximum, {most});
    std::string last = kernel_.Fresh("shift"), scaled = kernel_.Fresh(lowered_.node(pair.total).name + "_in");
    kernel_.Line(last + " = " + ShiftText(pair, rows.Value(pair.maximum)));
    kernel_.Line(scaled + " = " + (sum.empty() ? "" : sum + " * ") + "tl.exp(" + most + " - " + last + ")");
    BindReduced(rows, pair.total, {scaled});
  }

  // A sum and the sum of squared differences from the mean in one pass; row_passes.h has the formula.  A part takes its
  // own mean.
  void ReduceMoments(TileWriter& rows, const MomentsPair& pair) {
    const LoweredNode &total = lowered_.node(pair.totals[0]), &squares = lowered_.node(pair.squares);
    std::vector<NodeId> hoisted;
    Hoist(rows, pair.value, hoisted);
    if (!Loops()) {
      TileWriter& tile = Whole(rows, hoisted);
      BindTotals(rows, pair, reducer_.Operand(tile, whole_columns_, total)[0]);
      std::string off = kernel_.Fresh("off"), text = tile.Value(pair.value) + " - " + MeanText(rows, pair);
      kernel_.Line(off + " = " + RowReducer::ZeroBeyondEnd(whole_columns_, text));
      KeepMeanError(rows, pair, off);
      BindReduced(rows, pair.squares, {off + " * " + off});
      return;
    }
    std::string sum = reducer_.Zeros(total.name + "_acc", total.dtype), first = reducer_.Zeros("first", total.dtype), seen;
    std::string from_first = reducer_.Zeros("from_first", total.dtype);
    std::string from_first_squared = reducer_.Zeros("from_first_squared", total.dtype);
    bool masked = ColumnsAreMasked();
    if (masked) seen = reducer_.Zeros("seen", total.dtype);
    bool loops = false;
    TileDim columns = Columns(&loops);
    TileWriter tile = Inside(rows, columns, hoisted);
    std::string value = reducer_.Operand(tile, columns, total)[0], delta = kernel_.Fresh("delta");
    kernel_.Line(sum + " += " + value);
    kernel_.Line(first + " = tl.where(start == 0, " + value + ", " + first + ")");
    kernel_.Line(delta + " = " + RowReducer::ZeroBeyondEnd(columns, value + " - " + first));
    kernel_.Line(from_first + " += " + delta);
    kernel_.Line(from_first_squared + " += " + delta + " * " + delta);
    if (masked) kernel_.Line(seen + " += " + columns.mask);
    kernel_.EndLoop();
    BindTotals(rows, pair, sum);
    int64_t steps = (IsSplit() ? schedule_.part : problem_.column_count) / schedule_.block_n;
    if (!masked) seen = std::to_string(steps) + ".0";
    std::string off = kernel_.Fresh("off"), spread = kernel_.Fresh(squares.name + "_in");
    kernel_.Line(off + " = " + first + " - " + MeanText(rows, pair));
    KeepMeanError(rows, pair, from_first + " + " + seen + " * " + off);
    kernel_.Line(spread + " = " + from_first_squared + " + " + off + " * (2.0 * " + from_first + " + " + seen + " * " + off + ")");
    BindReduced(rows, pair.squares, {spread});
  }

  // What rounding the mean left: the mean of the differences from it, which `differences` sum.  Normalised values of
  // data far from 0 would show it.  A part leaves the sum of the differences from its own mean.
  void KeepMeanError(TileWriter& rows, const MomentsPair& pair, const std::string& differences) {
    std::string error = kernel_.Fresh("mean_error");
    std::string sum = reducer_.AcrossText(lowered_.node(pair.totals[0]), "(" + differences + ")");
    if (reduces_part_) {
      part_error_ = error;
      return kernel_.Line(error + " = " + sum);
    }
    kernel_.Line(error + " = " + sum + " / " + kernel_.Constant("N", problem_.column_count));
    rows.Value(pair.mean);
    mean_errors_.push_back({pair, error});
  }

  // Differences from such a mean lose its error too, in the tile that writes the full results.  Where those read no mean,
  // as where only the variance is asked for, it is not among `hoisted`.
  void BindCentered(TileWriter& tile, const std::vector<NodeId>& hoisted) {
    for (const auto& [pair, error] : mean_errors_) {
      if (std::find(hoisted.begin(), hoisted.end(), pair.mean) == hoisted.end()) continue;
      for (size_t i = 0; i < lowered_.nodes.size(); ++i) {
        const LoweredNode& node = lowered_.nodes[i];
        if (node.function != "sub" || node.operands != std::vector<NodeId>{pair.value, pair.mean}) continue;
        std::string value = tile.Value(pair.value), name = kernel_.Fresh(node.name);
        kernel_.Line(name + " = (" + value + " - " + tile.Value(pair.mean) + ") - " + error);
        tile.Bind(static_cast<NodeId>(i), name);
      }
    }
  }

  void BindTotals(TileWriter& rows, const MomentsPair& pair, const std::string& operand) {
    BindReduced(rows, pair.totals[0], {operand});
    for (NodeId id : pair.totals) rows.Bind(id, rows.Value(pair.totals[0]));
  }

  // Of the row, or of this program's part of it.
  std::string MeanText(TileWriter& rows, const MomentsPair& pair) {
    if (!IsSplit()) return rows.Value(pair.mean);
    std::string mean = kernel_.Fresh("part_mean");
    kernel_.Line(mean + " = " + rows.Value(pair.totals[0]) + " / " + PartCountText(part_, true));
    return mean;
  }

  // Columns of part `part`; for a divisor at least 1.
  std::string PartCountText(const std::string& part, bool divisor) {
    std::string size = kernel_.Constant("PART", schedule_.part);
    if (schedule_.part * schedule_.splits == problem_.column_count) return size;
    std::string left = kernel_.Constant("N", problem_.column_count) + " - " + part + " * " + size;
    return "tl.maximum(tl.minimum(" + left + ", " + size + "), " + (divisor ? "1" : "0") + ")";
  }

  // Moments of the row from those of its parts: their totals, squares and errors of their means.
  void JoinMoments(TileWriter& rows, const MomentsPair& pair, const std::vector<std::string>& parts) {
    const std::string &totals = parts[0], &squares = parts[1], &errors = parts[2];
    BindTotals(rows, pair, totals);
    std::string off = kernel_.Fresh("off"), joined = kernel_.Fresh(lowered_.node(pair.squares).name + "_in");
    kernel_.Line(off + " = " + totals + " / " + PartCountText(parts_index_, true) + " - " + rows.Value(pair.mean));
    KeepMeanError(rows, pair, PartCountText(parts_index_, false) + " * " + off + " + " + errors);
    kernel_.Line(joined + " = " + squares + " + " + PartCountText(parts_index_, false) + " * (" + off + " * " + off + ")");
    BindReduced(rows, pair.squares, {joined});
  }

  // 0 where the maximum is -inf (nothing seen yet), so that no NaN arises from -inf - -inf.
  static std::string ShiftText(const OnlinePair& pair, const std::string& maximum) {
    std::string infinite = pair.shift_is_finite ? "tl.abs(" + maximum + ") == float(\"inf\")" : maximum + " == float(\"-inf\")";
    return "tl.where(" + infinite + ", 0.0, " + maximum + ")";
  }

  void BindReduced(TileWriter& rows, NodeId id, const RowReducer::Parts& operand) {
    parts_[id] = reducer_.Across(lowered_.node(id), operand);
    rows.Bind(id, parts_[id].back());
  }

  // Of element (row, part) of a partial result's buffer.
  std::string PartialAddress(TensorRef tensor, const std::string& part) {
    std::string pointer = kernel_.Pointer(tensor);
    std::string row = problem_.rows.empty() ? "" : row_dim_.index + " * " + kernel_.Constant("SPLITS", schedule_.splits) + " + ";
    return pointer + " + " + row + part;
  }

  void StorePartials(TileWriter& rows, const RowPass& pass) {
    PassPartials partials{pass, {}};
    for (NodeId id : pass.reductions) {
      bool again = pass.moments && id != pass.moments->totals[0] && id != pass.moments->squares;
      if (again) continue;   // another sum of the same
      const LoweredNode& node = lowered_.node(id);
      std::vector<DType> types = reducer_.PartTypes(node);
      const RowReducer::Parts values = IsArgReduction(node) ? parts_[id] : RowReducer::Parts{rows.Value(id)};
      std::vector<TensorRef> tensors;
      for (size_t i = 0; i < types.size(); ++i) {
        tensors.push_back(StorePartial(node.name + (i + 1 < types.size() ? "_value" : ""), types[i], values[i]));
      }
      partials.tensors.emplace_back(id, std::move(tensors));
    }
    if (pass.moments) {
      NodeId squares = pass.moments->squares;
      partials.tensors.emplace_back(
          squares, std::vector<TensorRef>{StorePartial("mean_error", RegisterType(lowered_.node(squares).dtype), part_error_)});
    }
    new_partials_.push_back(std::move(partials));
  }

  TensorRef StorePartial(const std::string& name, DType type, std::string value) {
    bool logical = type == DType::kBool;
    TensorRef tensor = module_.AddScratch(name + "_parts", logical ? DType::kInt32 : type, {problem_.row_count, schedule_.splits});
    if (logical) value = "(" + value + ").to(tl.int32)";
    kernel_.Line("tl.store(" + PartialAddress(tensor, part_) + ", " + value +
                 (row_dim_.mask.empty() ? "" : ", mask=" + row_dim_.mask) + ")");
    return tensor;
  }

  void LoadPartials(TileWriter& rows, const PassPartials& partials) {
    std::vector<RowReducer::Parts> names;
    for (const auto& [id, tensors] : partials.tensors) {
      names.emplace_back();
      for (TensorRef tensor : tensors) names.back().push_back(LoadPartial(id, tensor));
    }
    const RowPass& pass = partials.pass;
    if (pass.online) {
      BindOnline(rows, *pass.online, names[0][0], names[1][0]);
    } else if (pass.moments) {
      JoinMoments(rows, *pass.moments, {names[0][0], names[1][0], names[2][0]});
    } else {
      for (size_t i = 0; i < names.size(); ++i) BindReduced(rows, partials.tensors[i].first, names[i]);
    }
  }

  std::string LoadPartial(NodeId id, TensorRef tensor) {
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
    return name;
  }

  void WriteFull(TileWriter& rows) {
    std::vector<NodeId> hoisted;
    for (const LoweredStore& store : problem_.full_stores) Hoist(rows, store.node, hoisted);
    if (!Loops()) {
      TileWriter& tile = Whole(rows, hoisted);
      BindCentered(tile, hoisted);
      for (const LoweredStore& store : problem_.full_stores) tile.StoreValue(store);
      return;
    }
    bool loops = false;
    TileDim columns = Columns(&loops);
    TileWriter tile = Inside(rows, columns, hoisted);
    BindCentered(tile, hoisted);
    for (const LoweredStore& store : problem_.full_stores) tile.StoreValue(store);
    kernel_.EndLoop();
  }

 public:
  std::vector<PassPartials> TakePartials() { return std::move(new_partials_); }

 private:
  const Lowered& lowered_;
  const RowProblem& problem_;
  const RowSchedule& schedule_;
  ModuleSource& module_;
  KernelSource& kernel_;
  const std::vector<PassPartials>& partials_;
  std::vector<PassPartials> new_partials_;
  RowReducer reducer_;
  std::map<NodeId, RowReducer::Parts> parts_;   // of the reductions found so far
  TileDim row_dim_, whole_columns_;
  std::unique_ptr<TileWriter> whole_;
  std::string part_, parts_index_;
  bool walks_parts_ = false;
  std::vector<std::pair<MomentsPair, std::string>> mean_errors_;
  std::string part_error_;   // of the pair of moments whose part this program reduces
  bool reduces_part_ = false;
  bool several_walks_ = false, last_walk_ = false;
};

std::string WayText(const RowSchedule& schedule) {
  switch (schedule.way) {
    case RowWay::kWhole:
      return schedule.block_m == 1 ? "a program keeps one whole row in registers"
                                   : "a program keeps " + std::to_string(schedule.block_m) + " whole rows in registers";
    case RowWay::kLooped:
      return "a program walks along " + (schedule.block_m == 1 ? "one row" : std::to_string(schedule.block_m) + " rows") +
             " in steps, as often as the reductions need";
    default:
      return "each row in " + std::to_string(schedule.splits) + " parts, partial results joined in a fixed order";
  }
}

// The steps of a plan: one kernel, or for split rows one a pass and one that joins the results of rows.
std::vector<Step> Steps(const Lowered& lowered, const RowProblem& problem, const RowSchedule& schedule) {
  std::vector<RowPass> passes = PlanPasses(lowered, problem, schedule.way != RowWay::kWhole);
  bool rows = !problem.row_stores.empty();
  if (schedule.way != RowWay::kSplit) return {{passes, rows}};
  std::vector<Step> steps;
  for (const RowPass& pass : passes) steps.push_back({{pass}, false});
  if (rows) steps.push_back({{}, true});
  return steps;
}

std::string StepName(const std::string& base, const Step& step, size_t number, size_t count) {
  if (count == 1) return base + "_kernel";
  if (step.passes.empty()) return base + "_join_kernel";
  return step.passes[0].stores ? base + "_kernel" : base + "_part_" + std::to_string(number + 1) + "_kernel";
}

}  // namespace

void AppendRows(const Lowered& lowered, const RowProblem& problem, const RowSchedule& schedule, const DeviceSpec& device,
                ModuleSource& module, Proposal& proposal) {
  std::string base = KernelName(lowered.operators);
  base.erase(base.size() - std::string("_kernel").size());
  std::vector<Step> steps = Steps(lowered, problem, schedule);
  std::vector<PassPartials> partials;
  std::string shape = std::to_string(problem.row_count) + (problem.row_count == 1 ? " row of " : " rows of ") +
                      std::to_string(problem.column_count);
  for (size_t i = 0; i < steps.size(); ++i) {
    const Step& step = steps[i];
    KernelSource& kernel = module.AddKernel(StepName(base, step, i, steps.size()));
    kernel.Doc("Over " + shape + ": " + WayText(schedule) + ".");
    KernelWriter writer(lowered, problem, schedule, module, kernel, partials);
    writer.Write(step);
    for (PassPartials& partial : writer.TakePartials()) partials.push_back(std::move(partial));
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
  proposal.estimated_us += schedule.estimated_us + device.launch_us;
}

}  // namespace drtriton
