#include "synth/solver_search.h"

#include <algorithm>

namespace drtriton {
namespace {

constexpr std::array<double, kElementTypes> kTypeWeights = {10, 2, 1.5, 1.5, 0.5, 0.5, 0.1, 0.1, 0.3, 0.3, 0.3, 2, 1.5, 3, 2};

size_t Index(const std::array<ElementType, kMaxSlots>& types, int slots) {
  size_t index = 0;
  for (int s = slots; s-- > 0;) index = index * kElementTypes + static_cast<size_t>(types[static_cast<size_t>(s)]);
  return index;
}

}  // namespace

// What each result from node `from` on can still be; false when one can be nothing.
bool WiringSearch::ReachTypes(size_t from) {
  for (size_t i = from; i < NodeCount(); ++i) {
    const OperatorForm& form = FormOf(i);
    for (size_t k = 0; k < static_cast<size_t>(form.results); ++k) {
      TypeMask mask = form.gives[k] & allowed_types_[i][k];
      for (size_t s = 0; s < form.slots.size(); ++s) {
        const TypeMask source = SourceTypes(i, s);
        if (source == kAnyType) continue;
        TypeMask when = 0;
        for (int t = 0; t < kElementTypes; ++t) {
          if ((source >> t) & 1) when |= form.gives_when[std::min<size_t>(k, 1)][s][static_cast<size_t>(t)];
        }
        mask &= when;
      }
      if (mask == 0) return false;
      reach_types_[i][k] = mask;
    }
  }
  return true;
}

TypeMask WiringSearch::SourceTypes(size_t i, size_t s) const {
  const Source& source = SourceOf(i, s);
  if (source.node == kGivenNode) return MaskOf(Given(source).type);
  if (source.node < 0) return kAnyType;
  return reach_types_[static_cast<size_t>(source.node)][static_cast<size_t>(source.result)];
}

// First, for each fresh tensor, whether it holds positions: all that shapes know of types.
bool WiringSearch::DrawPositions(size_t i, size_t s) {
  if (i == NodeCount()) {
    shapes_failed_ = false;
    for (auto* memo : {&failed_types_, &failed_ranks_}) {
      for (auto& level : *memo) level.clear();
    }
    for (auto& level : failed_cases_) level.clear();
    return DrawTypes(0);
  }
  if (s == FormOf(i).slots.size()) return DrawPositions(i + 1, 0);
  const TypeMask index = MaskOf(ElementType::kIndex);
  const TypeMask accepts = FormOf(i).accepts[s];
  fresh_types_[i][s] = accepts;
  if (SourceOf(i, s).node != -1 || !(accepts & index) || accepts == index) return DrawPositions(i, s + 1);
  double others = 0;
  for (int t = 0; t < kElementTypes; ++t) others += (accepts & ~index) >> t & 1 ? kTypeWeights[static_cast<size_t>(t)] : 0;
  const double weight = kTypeWeights[static_cast<size_t>(ElementType::kIndex)];
  const bool first = random_.Chance(weight / (weight + others));
  for (const bool positions : {first, !first}) {
    fresh_types_[i][s] = positions ? index : static_cast<TypeMask>(accepts & ~index);
    if (DrawPositions(i, s + 1)) return true;
    if (gave_up_) return false;
  }
  return false;
}

// What failed with the same types of what is still to be read fails again, unless shapes were to blame; and where
// shapes are to blame, no other types help.
bool WiringSearch::DrawTypes(size_t i) {
  if (i == NodeCount()) {
    reached_ = true;
    if (DrawRanks(0)) return true;
    shapes_failed_ = true;
    return false;
  }
  uint64_t key = 0;
  ForLive(i, [&](size_t j, size_t k) { key = key * kElementTypes + static_cast<uint64_t>(Solved(j).result_types[k]); });
  if (Contains(failed_types_[i], key)) return false;
  reached_ = false;
  dead_results_[i] = 0;
  if (DrawSlotType(i, 0, FormOf(i).gives[0] & allowed_types_[i][0])) return true;
  if (!reached_) failed_types_[i].push_back(key);
  return false;
}

// `possible`: what the first result can be with the slots before s.  Where it is the only one, what is left depends on
// it alone, so types that failed are not come to again.
bool WiringSearch::DrawSlotType(size_t i, size_t s, TypeMask possible) {
  const OperatorForm& form = FormOf(i);
  if (form.results == 1 && (possible & ~dead_results_[i]) == 0) return false;
  if (s == form.slots.size()) return DrawScalars(i);
  const Source& source = SourceOf(i, s);
  if (source.node != -1) {
    const ElementType type = source.node == kGivenNode
                                 ? Given(source).type
                                 : Solved(static_cast<size_t>(source.node)).result_types[static_cast<size_t>(source.result)];
    Solved(i).slot_types[s] = type;
    return (form.accepts[s] & MaskOf(type)) != 0 && DrawSlotType(i, s + 1, possible & GivesWhen(form, s, type));
  }
  std::array<double, kElementTypes> weights = kTypeWeights;
  int left = 0;
  for (int t = 0; t < kElementTypes; ++t) {
    if ((fresh_types_[i][s] >> t) & 1) {
      ++left;
    } else {
      weights[static_cast<size_t>(t)] = 0;
    }
  }
  for (; left > 0; --left) {
    const int pick = random_.Weighted(weights, kElementTypes);
    weights[static_cast<size_t>(pick)] = 0;
    Solved(i).slot_types[s] = static_cast<ElementType>(pick);
    if (DrawSlotType(i, s + 1, possible & GivesWhen(form, s, static_cast<ElementType>(pick)))) return true;
    if (gave_up_ || shapes_failed_) return false;
  }
  return false;
}

TypeMask WiringSearch::GivesWhen(const OperatorForm& form, size_t s, ElementType type) {
  return form.gives_when[0][s][static_cast<size_t>(type)];
}

bool WiringSearch::DrawScalars(size_t i) {
  const OperatorForm& form = FormOf(i);
  const size_t index = Index(Solved(i).slot_types, form.slot_count());
  const int count = static_cast<int>(form.scalars.size());
  std::array<double, 16> weights;
  weights.fill(1);
  for (int left = count; left > 0; --left) {
    const int pick = count == 1 ? 0 : random_.Weighted(weights, count);
    weights[static_cast<size_t>(pick)] = 0;
    if (!TakeScalars(i, pick, index)) continue;
    const TypeMask result = MaskOf(Solved(i).result_types[0]);
    if (form.results == 1 && (dead_results_[i] & result)) continue;
    if (ReachTypes(i + 1) && DrawTypes(i + 1)) return true;
    if (gave_up_ || shapes_failed_) return false;
    dead_results_[i] |= result;
  }
  return false;
}

bool WiringSearch::TakeScalars(size_t i, int pick, size_t index) {
  const OperatorForm& form = FormOf(i);
  const ScalarChoice& choice = form.scalars[static_cast<size_t>(pick)];
  Solved(i).scalars = pick;
  for (size_t k = 0; k < static_cast<size_t>(form.results); ++k) {
    const uint8_t type = choice.table[std::min<size_t>(k, 1)][index];
    if (type == kIllegal) return false;
    const TypeMask mask = MaskOf(static_cast<ElementType>(type));
    if (!(mask & allowed_types_[i][k])) return false;
    Solved(i).result_types[k] = static_cast<ElementType>(type);
    reach_types_[i][k] = mask;
  }
  return true;
}

double FreshTypeWeight(ElementType type) { return kTypeWeights[static_cast<size_t>(type)]; }

}  // namespace drtriton
