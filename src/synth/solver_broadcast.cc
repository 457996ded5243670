// Each joint dimension has operands of its size and operands of size 1.
#include "synth/solver_search.h"

#include <algorithm>

namespace drtriton {
namespace {

constexpr double kOneInBroadcast = 0.15;  // weight of operands of size 1, against 1 for equal sizes

}  // namespace

bool WiringSearch::OpenSlot(size_t i, size_t s, SizeProblem& sizes) {
  const SlotDims* read = ReadDims(i, s, sizes);
  const size_t rank = static_cast<size_t>(rows_[i]->slots[s]);
  for (size_t d = 0; d < rank; ++d) {
    slot_dims_[i][s][d] = read != nullptr ? (*read)[d] : sizes.Add();
    if (slot_dims_[i][s][d] < 0) return false;
  }
  return read != nullptr || sizes.LimitTensor(std::span(slot_dims_[i][s]).first(rank));
}

// `position` counts from the last dimension.
bool WiringSearch::DrawBroadcast(size_t i, size_t position, SizeProblem& sizes) {
  const RankRow& row = *rows_[i];
  const size_t joint = static_cast<size_t>(row.results[0]);
  if (position == joint) {
    return sizes.LimitTensor(std::span(result_dims_[i][0]).first(joint)) &&
           FinishNode(i, FormOf(i).cases[static_cast<size_t>(Solved(i).shape_case)], sizes);
  }
  std::array<DimId, kMaxSlots> dims = {};
  int count = 0;
  unsigned read = 0;
  for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
    const size_t rank = static_cast<size_t>(row.slots[s]);
    if (!((FormOf(i).broadcast >> s) & 1U) || position >= rank) continue;
    read |= SourceOf(i, s).node != -1 ? 1U << count : 0;
    dims[static_cast<size_t>(count++)] = slot_dims_[i][s][rank - 1 - position];
  }
  // Options are the sets of operands that have size 1; none first, never all.
  std::array<double, 8> weights = {};
  const int options = (1 << count) - 1;
  for (int set = 0; set < options; ++set) weights[static_cast<size_t>(set)] = set == 0 ? 1 : kOneInBroadcast;
  std::array<unsigned, 8> failed = {};
  size_t failures = 0;
  for (int left = options; left > 0; --left) {
    const int set = options == 1 ? 0 : random_.Weighted(weights, options);
    weights[static_cast<size_t>(set)] = 0;
    const std::span<const DimId> together = std::span(dims).first(static_cast<size_t>(count));
    // What is only asked after a failure is found out then.
    if (failures == 1) read = WithoutLoose(i, position, together, read, sizes);
    if (failures > 0) {
      const unsigned consequence = ConsequenceOf(together, read, static_cast<unsigned>(set), sizes);
      const auto same = [&](unsigned before) { return ConsequenceOf(together, read, before, sizes) == consequence; };
      if (std::any_of(failed.begin(), failed.begin() + failures, same)) continue;
    }
    failed[failures++] = static_cast<unsigned>(set);
    SizeProblem next = sizes;
    const DimId size = JoinDims(together, static_cast<unsigned>(set), next);
    if (size < 0) continue;
    result_dims_[i][0][joint - 1 - position] = size;
    if (DrawBroadcast(i, position + 1, next)) return true;
    if (gave_up_ || passed_over_) return false;
  }
  return false;
}

// What follows from a set of operands of size 1 is the same for sets that make the same classes of dimensions 1 and
// join the same ones, however fresh operands are spread: they are parts of the result, and nothing else reads them.
// `read`: the operands that are not fresh.  A class is named by its first operand.
unsigned WiringSearch::ConsequenceOf(std::span<const DimId> dims, unsigned read, unsigned ones,
                                     const SizeProblem& sizes) {
  unsigned single = 0, joined = 0;
  for (size_t o = 0; o < dims.size(); ++o) {
    if (!((read >> o) & 1U)) continue;
    size_t first = 0;
    while (sizes.Root(dims[first]) != sizes.Root(dims[o])) ++first;
    ((ones >> o) & 1U ? single : joined) |= 1U << first;
  }
  return single | joined << 4;
}

// Without the operands whose dimension at the position is as good as that of a fresh tensor: it can be any size, and
// nothing else that is still to be drawn depends on it.
unsigned WiringSearch::WithoutLoose(size_t i, size_t position, std::span<const DimId> dims, unsigned read,
                                    const SizeProblem& sizes) const {
  for (size_t o = 0; o < dims.size(); ++o) {
    if (!((read >> o) & 1U) || !sizes.IsFree(dims[o])) continue;
    const DimId root = sizes.Root(dims[o]);
    bool needed = false;
    ForLive(i, [&](size_t j, size_t k) {
      const bool later = last_reader_[j][k] > static_cast<int8_t>(i);
      for (int d = 0; later && d < rows_[j]->results[k]; ++d) needed = needed || sizes.Root(result_dims_[j][k][static_cast<size_t>(d)]) == root;
      const IndexFacts& facts = index_facts_[j][k];
      for (int b = 0; b < facts.bound_count; ++b) needed = needed || sizes.Root(facts.bounds[static_cast<size_t>(b)]) == root;
    });
    for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
      const size_t rank = static_cast<size_t>(rows_[i]->slots[s]);
      const bool joins = (FormOf(i).broadcast >> s) & 1U;
      for (size_t d = 0; d < rank; ++d) {
        const bool here = joins && rank - 1 - d == position;
        needed = needed || (!here && sizes.Root(slot_dims_[i][s][d]) == root);
      }
    }
    for (int l = 0; l < FormOf(i).cases[static_cast<size_t>(solution_->nodes[i].shape_case)].letters; ++l)
      needed = needed || sizes.Root(letters_[i][static_cast<size_t>(l)]) == root;
    if (!needed) read &= ~(1U << o);
  }
  return read;
}

DimId WiringSearch::JoinDims(std::span<const DimId> dims, unsigned ones, SizeProblem& sizes) {
  DimId joint = -1;
  for (size_t o = 0; o < dims.size(); ++o) {
    if ((ones >> o) & 1U) {
      if (!sizes.Fix(dims[o], 1)) return -1;
    } else if (joint < 0) {
      joint = dims[o];
    } else if (!sizes.Unify(joint, dims[o])) {
      return -1;
    }
  }
  return joint;
}

}  // namespace drtriton
