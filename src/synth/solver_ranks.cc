#include "synth/solver_search.h"

#include <algorithm>

namespace drtriton {
namespace {

constexpr std::array<double, kMaxRank + 1> kRankWeights = {0.05, 0.7, 1.6, 1.6, 1.2, 0.6};

}  // namespace

size_t WiringSearch::ReachRanks(size_t from) {
  for (size_t i = from; i < NodeCount(); ++i) {
    const OperatorForm& form = FormOf(i);
    for (size_t k = 0; k < static_cast<size_t>(form.results); ++k) {
      RankMask mask = form.gives_rank[k] & allowed_ranks_[i][k];
      for (size_t s = 0; s < form.slots.size(); ++s) {
        const RankMask source = SourceRanks(i, s);
        RankMask when = 0;
        for (int r = 0; r <= kMaxRank; ++r) {
          if ((source >> r) & 1) when |= form.gives_rank_when[k][s][static_cast<size_t>(r)];
        }
        mask &= when;
      }
      if (mask == 0) return i;
      reach_ranks_[i][k] = mask;
    }
  }
  return NodeCount();
}

RankMask WiringSearch::SourceRanks(size_t i, size_t s) const {
  const Source& source = SourceOf(i, s);
  if (source.node == kGivenNode) return static_cast<RankMask>(1U << Given(source).shape.size());
  if (source.node < 0) return 0xff;
  return reach_ranks_[static_cast<size_t>(source.node)][static_cast<size_t>(source.result)];
}

bool WiringSearch::DrawRanks(size_t i) {
  if (i == NodeCount()) {
    ranks_reached_ = true;
    sizes_[0].Clear();
    return DrawCase(0);
  }
  // What failed at these ranks before all were drawn fails again.
  uint64_t key = 0;
  NodeMask live = 0;
  ForLive(i, [&](size_t j, size_t k) {
    key = key * 8 + static_cast<uint64_t>(rows_[j]->results[k]);
    live |= Bit(j);
  });
  if (Contains(failed_ranks_[i], key)) {
    conflict_.ranks = live;
    ranks_reached_ = false;
    return false;
  }
  ranks_reached_ = false;
  if (DrawRow(i)) return true;
  if (!ranks_reached_) failed_ranks_[i].push_back(key);
  return false;
}

bool WiringSearch::DrawRow(size_t i) {
  const OperatorForm& form = FormOf(i);
  bool reached = false;
  NodeMask conflict = read_nodes_[i];  // where rows do not fit what is read
  std::array<double, 128> weights;
  const int count = std::min<int>(static_cast<int>(form.rows.size()), 128);
  int left = 0;
  const std::array<RankMask, kMaxSlots> read = ReadRanks(i);
  for (int r = 0; r < count; ++r) {
    weights[static_cast<size_t>(r)] = RowWeight(i, form.rows[static_cast<size_t>(r)], read);
    left += weights[static_cast<size_t>(r)] > 0 ? 1 : 0;
  }
  for (; left > 0; --left) {
    const int pick = random_.Weighted(weights, count);
    weights[static_cast<size_t>(pick)] = 0;
    rows_[i] = &form.rows[static_cast<size_t>(pick)];
    for (size_t k = 0; k < static_cast<size_t>(form.results); ++k)
      reach_ranks_[i][k] = static_cast<RankMask>(1U << rows_[i]->results[k]);
    if (const size_t unable = ReachRanks(i + 1); unable < NodeCount()) {
      conflict |= ancestors_[unable];
      continue;
    }
    if (DrawRanks(i + 1)) return true;
    reached = reached || ranks_reached_;
    if (gave_up_) return false;
    if (!(conflict_.ranks & Bit(i))) {
      ranks_reached_ = reached;
      return false;
    }
    conflict |= conflict_.ranks;
  }
  ranks_reached_ = reached;
  conflict_.ranks = conflict & (Bit(i) - 1);
  return false;
}

// What the slots' tensors can be; 0 for fresh ones.
std::array<RankMask, kMaxSlots> WiringSearch::ReadRanks(size_t i) const {
  std::array<RankMask, kMaxSlots> ranks = {};
  for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
    if (SourceOf(i, s).node != -1) ranks[s] = SourceRanks(i, s);
  }
  return ranks;
}

// 0 where the row does not fit what is read, or is not what readers accept.
double WiringSearch::RowWeight(size_t i, const RankRow& row, const std::array<RankMask, kMaxSlots>& read) const {
  const OperatorForm& form = FormOf(i);
  for (size_t k = 0; k < static_cast<size_t>(form.results); ++k) {
    if (!((allowed_ranks_[i][k] >> row.results[k]) & 1)) return 0;
  }
  double weight = 1;
  for (size_t s = 0; s < form.slots.size(); ++s) {
    if (read[s] == 0) {
      weight *= kRankWeights[static_cast<size_t>(row.slots[s])];
    } else if (!((read[s] >> row.slots[s]) & 1)) {
      return 0;
    }
  }
  return weight;
}

double FreshRankWeight(int rank) { return kRankWeights[static_cast<size_t>(rank)]; }

}  // namespace drtriton
