#include "synth/solver_search.h"

#include <algorithm>

namespace drtriton {
namespace {

constexpr int kMostCutShort = 6;

}  // namespace

bool WiringSearch::FinishNode(size_t i, const ShapeCase& shape_case, SizeProblem& sizes) {
  for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
    if (shape_case.index_limits[s] && !LimitPositions(i, s, *shape_case.index_limits[s], sizes)) return false;
  }
  for (size_t k = 0; k < static_cast<size_t>(FormOf(i).results); ++k) {
    IndexFacts& facts = index_facts_[i][k];
    facts = {};
    if (Solved(i).result_types[k] != ElementType::kIndex) continue;
    if (shape_case.bounds[k]) {
      facts.bounds[0] = TermDim(i, *shape_case.bounds[k], sizes);
      facts.bound_count = 1;
      if (facts.bounds[0] < 0) return false;
    } else if (!JoinPositions(i, facts, sizes)) {
      return false;
    }
  }
  if (!sizes.Narrow()) return false;
  sizes_[i + 1] = sizes;
  if (i + 1 < NodeCount() ? DrawCase(i + 1) : ShareAndSolve()) return true;
  passed_over_ = (conflict_.cases & Bit(i)) == 0;
  case_conflicts_[i].cases |= conflict_.cases;
  case_conflicts_[i].ranks |= conflict_.ranks;
  return false;
}

WiringSearch::IndexFacts WiringSearch::SlotPositions(size_t i, size_t s, SizeProblem& sizes) {
  const Source& source = SourceOf(i, s);
  if (source.node >= 0) return index_facts_[static_cast<size_t>(source.node)][static_cast<size_t>(source.result)];
  IndexFacts facts;
  if (source.node == kGivenNode) {
    facts.bounds[0] = sizes.AddConstant(static_cast<int32_t>(Given(source).bound));
    facts.bound_count = 1;
  } else {
    facts.leaves[0] = static_cast<int8_t>(i * kMaxSlots + s);
    facts.leaf_count = 1;
  }
  return facts;
}

// A result that holds positions of its operands: moved, joined.
bool WiringSearch::JoinPositions(size_t i, IndexFacts& facts, SizeProblem& sizes) {
  for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
    if (Solved(i).slot_types[s] != ElementType::kIndex) continue;
    const IndexFacts slot = SlotPositions(i, s, sizes);
    for (int b = 0; b < slot.bound_count; ++b) {
      if (facts.bound_count == 4) return false;
      facts.bounds[static_cast<size_t>(facts.bound_count++)] = slot.bounds[static_cast<size_t>(b)];
    }
    for (int l = 0; l < slot.leaf_count; ++l) {
      if (facts.leaf_count == 4) return false;
      facts.leaves[static_cast<size_t>(facts.leaf_count++)] = slot.leaves[static_cast<size_t>(l)];
    }
  }
  return true;
}

bool WiringSearch::LimitPositions(size_t i, size_t s, const SizeTerm& term, SizeProblem& sizes) {
  const DimId limit = TermDim(i, term, sizes);
  if (limit < 0) return false;
  const IndexFacts facts = SlotPositions(i, s, sizes);
  for (int b = 0; b < facts.bound_count; ++b) {
    if (!sizes.RelateAtMost(facts.bounds[static_cast<size_t>(b)], limit)) return false;
  }
  return true;
}

// Some fresh tensors become one with an earlier one; where the sizes then have no solution, none does.
bool WiringSearch::ShareAndSolve() {
  SizeProblem& alone = sizes_[NodeCount()];
  shared_.fill(-1);
  SizeProblem together = alone;
  if (ShareFresh(together)) {
    if (together.Solve(options_.menu, random_, nullptr)) return Write(together);
    shared_.fill(-1);
  }
  bool exhausted = true;
  if (alone.Solve(options_.menu, random_, &exhausted)) return Write(alone);
  // Other cases may still do; a wiring is given up when several searches for sizes were cut short.
  if (!exhausted) gave_up_ = ++cut_short_ >= kMostCutShort;
  conflict_ = {AllNodes(), AllNodes()};
  return false;
}

bool WiringSearch::ShareFresh(SizeProblem& sizes) {
  bool any = false;
  for (size_t i = 0; i < NodeCount(); ++i) {
    for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
      if (SourceOf(i, s).node != -1 || i == 0 || !random_.Chance(options_.shared_input)) continue;
      any = ShareSlot(i, s, sizes) || any;
    }
  }
  return any;
}

// With the first fresh tensor of an earlier node that fits.
bool WiringSearch::ShareSlot(size_t i, size_t s, SizeProblem& sizes) {
  const ElementType type = Solved(i).slot_types[s];
  if (type == ElementType::kIndex) return false;
  for (size_t j = 0; j < i; ++j) {
    for (size_t t = 0; t < FormOf(j).slots.size(); ++t) {
      if (SourceOf(j, t).node != -1 || Solved(j).slot_types[t] != type || rows_[j]->slots[t] != rows_[i]->slots[s]) continue;
      SizeProblem joined = sizes;
      bool fits = true;
      for (size_t d = 0; fits && d < static_cast<size_t>(rows_[i]->slots[s]); ++d)
        fits = joined.Unify(slot_dims_[j][t][d], slot_dims_[i][s][d]);
      if (!fits || TakenByNode(i, j * kMaxSlots + t)) continue;
      sizes = joined;
      shared_[i * kMaxSlots + s] = static_cast<int8_t>(j * kMaxSlots + t);
      return true;
    }
  }
  return false;
}

// Two operands of one node do not become one.
bool WiringSearch::TakenByNode(size_t i, size_t leaf) const {
  for (size_t s = 0; s < kMaxSlots; ++s) {
    if (shared_[i * kMaxSlots + s] == static_cast<int8_t>(leaf)) return true;
  }
  return false;
}

bool WiringSearch::Write(const SizeProblem& sizes) {
  std::array<int8_t, kMaxJointNodes * kMaxSlots> number;
  number.fill(-1);
  solution_->fresh = 0;
  for (size_t i = 0; i < NodeCount(); ++i) {
    SolvedNode& node = Solved(i);
    const OperatorForm& form = FormOf(i);
    const ShapeCase& shape_case = form.cases[static_cast<size_t>(node.shape_case)];
    const auto write = [&](const SlotDims& dims, int rank, Shape& shape) {
      shape.resize(static_cast<size_t>(rank));
      for (size_t d = 0; d < shape.size(); ++d) shape[d] = sizes.SizeOf(dims[d]);
    };
    node.letters.resize(static_cast<size_t>(shape_case.letters));
    for (size_t l = 0; l < node.letters.size(); ++l) node.letters[l] = sizes.SizeOf(letters_[i][l]);
    for (size_t s = 0; s < form.slots.size(); ++s) {
      write(slot_dims_[i][s], rows_[i]->slots[s], node.slot_shapes[s]);
      if (SourceOf(i, s).node != -1) continue;
      const size_t leaf = i * kMaxSlots + s;
      const size_t first = shared_[leaf] >= 0 ? static_cast<size_t>(shared_[leaf]) : leaf;
      number[leaf] = number[first] >= 0 ? number[first] : static_cast<int8_t>(solution_->fresh++);
      node.shared[s] = number[leaf];
    }
    for (size_t k = 0; k < static_cast<size_t>(form.results); ++k) {
      write(result_dims_[i][k], rows_[i]->results[k], node.result_shapes[k]);
      const IndexFacts& facts = index_facts_[i][k];
      for (int b = 0; b < facts.bound_count; ++b)
        node.bounds[k] = std::max(node.bounds[k], sizes.SizeOf(facts.bounds[static_cast<size_t>(b)]));
    }
  }
  WriteLimits();
  return true;
}

void WiringSearch::WriteLimits() {
  for (size_t i = 0; i < NodeCount(); ++i) {
    const ShapeCase& shape_case = FormOf(i).cases[static_cast<size_t>(Solved(i).shape_case)];
    for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
      if (!shape_case.index_limits[s]) continue;
      const int64_t limit = shape_case.index_limits[s]->At(Solved(i).letters);
      LimitLeaves(i, s, limit);
    }
  }
}

// All fresh tensors whose positions reach slot s of node i lie below the limit.
void WiringSearch::LimitLeaves(size_t i, size_t s, int64_t limit) {
  const Source& source = SourceOf(i, s);
  if (source.node == -1) {
    int64_t& own = Solved(i).index_limits[s];
    own = own == 0 ? limit : std::min(own, limit);
    return;
  }
  if (source.node < 0) return;
  const IndexFacts& facts = index_facts_[static_cast<size_t>(source.node)][static_cast<size_t>(source.result)];
  for (int l = 0; l < facts.leaf_count; ++l) {
    const size_t leaf = static_cast<size_t>(facts.leaves[static_cast<size_t>(l)]);
    int64_t& own = Solved(leaf / kMaxSlots).index_limits[leaf % kMaxSlots];
    own = own == 0 ? limit : std::min(own, limit);
  }
}

}  // namespace drtriton
