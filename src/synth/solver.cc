#include "synth/solver.h"

#include "synth/solver_search.h"

namespace drtriton {

WiringSearch::WiringSearch(const Wiring& wiring, const SolverOptions& options, Random& random, std::span<const GivenTensor> given)
    : wiring_(wiring), options_(options), random_(random), given_(given) {
  for (size_t i = 0; i < NodeCount(); ++i) {
    allowed_types_[i].fill(kAnyType);
    allowed_ranks_[i].fill(0xff);
    last_reader_[i].fill(-1);
  }
}

SolveResult WiringSearch::Run(Solution& solution) {
  solution_ = &solution;
  solution.nodes.resize(NodeCount());
  for (SolvedNode& node : solution.nodes) node.Clear();
  if (!SourcesAreDistinct()) return SolveResult::kInfeasible;
  AllowWhatIsRead();
  ConnectNodes();
  if (ReachTypes(0) && ReachRanks(0) == NodeCount() && DrawPositions(0, 0)) return SolveResult::kSolved;
  return cut_short_ > 0 ? SolveResult::kGaveUp : SolveResult::kInfeasible;
}

bool WiringSearch::SourcesAreDistinct() const {
  for (size_t i = 0; i < NodeCount(); ++i) {
    const OperatorForm& form = FormOf(i);
    for (size_t s = 0; s < form.slots.size(); ++s) {
      for (size_t t = s + 1; t < form.slots.size(); ++t) {
        const bool same = SourceOf(i, s).node != -1 && SourceOf(i, s) == SourceOf(i, t);
        if (same && ((form.distinct >> (3 * s + t)) & 1U)) return false;
      }
    }
  }
  return true;
}

void WiringSearch::AllowWhatIsRead() {
  for (size_t i = 0; i < NodeCount(); ++i) {
    for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
      const Source& source = SourceOf(i, s);
      if (source.node < 0) continue;
      last_reader_[static_cast<size_t>(source.node)][static_cast<size_t>(source.result)] = static_cast<int8_t>(i);
      allowed_types_[static_cast<size_t>(source.node)][static_cast<size_t>(source.result)] &= FormOf(i).accepts[s];
      allowed_ranks_[static_cast<size_t>(source.node)][static_cast<size_t>(source.result)] &= FormOf(i).accepts_rank[s];
    }
  }
}

void WiringSearch::ConnectNodes() {
  for (size_t i = 0; i < NodeCount(); ++i) {
    read_nodes_[i] = 0;
    for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
      if (SourceOf(i, s).node >= 0) read_nodes_[i] |= Bit(static_cast<size_t>(SourceOf(i, s).node));
    }
    ancestors_[i] = read_nodes_[i];
    connected_[i] = Bit(i) | read_nodes_[i];
    for (size_t j = 0; j < i; ++j) {
      if (read_nodes_[i] & Bit(j)) ancestors_[i] |= ancestors_[j];
    }
    // Groups that node i joins become one; later groups hold earlier ones.
    for (size_t j = i; j-- > 0;) {
      if (connected_[i] & connected_[j]) connected_[i] |= connected_[j];
    }
  }
}

SolveResult Solve(const Wiring& wiring, const SolverOptions& options, Random& random, Solution& solution,
                  std::span<const GivenTensor> given) {
  return WiringSearch(wiring, options, random, given).Run(solution);
}

}  // namespace drtriton
