// The search behind solver.h, over one wiring: types, ranks, cases and sizes, each layer in a file of its own.
//
// Each layer draws its variables in node order and calls the next; a call that returns false has tried everything below
// what was chosen before.  What is remembered of failures only saves work: it is asked before something is tried again.
//
// A failure of ranks or cases names the nodes that it depends on: those that are connected with the node that had no choice
// left, as far as nodes are drawn.  Choices of other nodes would fail in the same way and are passed over (backjumping,
// Prosser 1993), so that parts of a program that have nothing to do with each other do not repeat each other's failures.
#ifndef DRTRITON_SYNTH_SOLVER_SEARCH_H_
#define DRTRITON_SYNTH_SOLVER_SEARCH_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "synth/solver.h"

namespace drtriton {

// For one call of Solve(); keeps references to its arguments.
class WiringSearch {
 public:
  WiringSearch(const Wiring& wiring, const SolverOptions& options, Random& random, std::span<const GivenTensor> given);

  SolveResult Run(Solution& solution);

 private:
  struct IndexFacts {  // of a tensor of positions
    std::array<DimId, 4> bounds = {};
    std::array<int8_t, 4> leaves = {};  // node * kMaxSlots + slot of fresh tensors that it holds positions of
    int8_t bound_count = 0;
    int8_t leaf_count = 0;
  };
  using SlotDims = std::array<DimId, kMaxRank>;
  using NodeMask = uint8_t;  // bit i: node i
  // What a failure depends on: the cases of earlier nodes, and ranks.
  struct Conflict {
    NodeMask cases = 0;
    NodeMask ranks = 0;
  };
  // Cases are shuffled as they are drawn: the list is long and mostly the first one will do.  The last entry for a place
  // counts.
  using Moved = std::vector<std::pair<uint32_t, int>>;

  size_t NodeCount() const { return static_cast<size_t>(wiring_.nodes); }
  const OperatorForm& FormOf(size_t i) const { return *wiring_.forms[i]; }
  const Source& SourceOf(size_t i, size_t s) const { return wiring_.sources[i][s]; }
  SolvedNode& Solved(size_t i) { return solution_->nodes[i]; }
  const GivenTensor& Given(const Source& source) const { return given_[static_cast<uint8_t>(source.result)]; }
  bool SourcesAreDistinct() const;
  void AllowWhatIsRead();
  void ConnectNodes();
  NodeMask AllNodes() const { return static_cast<NodeMask>((1U << NodeCount()) - 1); }
  static NodeMask Bit(size_t i) { return static_cast<NodeMask>(1U << i); }

  // ---- Element types: solver_types.cc
  bool ReachTypes(size_t from);
  TypeMask SourceTypes(size_t i, size_t s) const;
  bool DrawPositions(size_t i, size_t s);
  bool DrawTypes(size_t i);
  static bool Contains(const std::vector<uint64_t>& list, uint64_t key) { return std::find(list.begin(), list.end(), key) != list.end(); }
  // Results of nodes before i that nodes from i on read.
  template <typename Function>
  void ForLive(size_t i, Function function) const {
    for (size_t j = 0; j < i; ++j) {
      for (size_t k = 0; k < static_cast<size_t>(FormOf(j).results); ++k) {
        if (last_reader_[j][k] >= static_cast<int8_t>(i)) function(j, k);
      }
    }
  }
  bool DrawSlotType(size_t i, size_t s, TypeMask possible);
  static TypeMask GivesWhen(const OperatorForm& form, size_t s, ElementType type);
  bool DrawScalars(size_t i);
  bool TakeScalars(size_t i, int pick, size_t index);

  // ---- Ranks: solver_ranks.cc
  // Ranks that results from node `from` on can still have; a node that can have none, else NodeCount().
  size_t ReachRanks(size_t from);
  RankMask SourceRanks(size_t i, size_t s) const;
  bool DrawRanks(size_t i);
  bool DrawRow(size_t i);
  std::array<RankMask, kMaxSlots> ReadRanks(size_t i) const;
  double RowWeight(size_t i, const RankRow& row, const std::array<RankMask, kMaxSlots>& read) const;

  // ---- Cases: solver_cases.cc
  bool DrawCase(size_t i);
  uint64_t CaseKey(size_t i) const;
  bool DrawCaseOfRow(size_t i);
  static int CaseAt(const std::vector<int>& cases, const Moved& moved, uint32_t place);
  bool ApplyCase(size_t i, const ShapeCase& shape_case, SizeProblem& sizes);
  bool AddParameter(size_t i, const ParameterTensor& parameter, SizeProblem& sizes);
  DimId TermDim(size_t i, const SizeTerm& term, SizeProblem& sizes);
  const SlotDims* ReadDims(size_t i, size_t s, SizeProblem& sizes);
  bool MatchSlot(size_t i, size_t s, const std::vector<SizeTerm>& terms, SizeProblem& sizes);
  bool AddResult(size_t i, size_t k, const ShapeCase& shape_case, SizeProblem& sizes);
  DimId ResultDimId(size_t i, const ResultDim& dim, const ShapeCase& shape_case, SizeProblem& sizes);

  // ---- Broadcasting: solver_broadcast.cc
  bool OpenSlot(size_t i, size_t s, SizeProblem& sizes);
  bool DrawBroadcast(size_t i, size_t position, SizeProblem& sizes);
  static unsigned ConsequenceOf(std::span<const DimId> dims, unsigned read, unsigned ones, const SizeProblem& sizes);
  unsigned WithoutLoose(size_t i, size_t position, std::span<const DimId> dims, unsigned read, const SizeProblem& sizes) const;
  static DimId JoinDims(std::span<const DimId> dims, unsigned ones, SizeProblem& sizes);

  // ---- Positions and sizes: solver_sizes.cc
  bool FinishNode(size_t i, const ShapeCase& shape_case, SizeProblem& sizes);
  IndexFacts SlotPositions(size_t i, size_t s, SizeProblem& sizes);
  bool JoinPositions(size_t i, IndexFacts& facts, SizeProblem& sizes);
  bool LimitPositions(size_t i, size_t s, const SizeTerm& term, SizeProblem& sizes);
  bool ShareAndSolve();
  bool ShareFresh(SizeProblem& sizes);
  bool ShareSlot(size_t i, size_t s, SizeProblem& sizes);
  bool TakenByNode(size_t i, size_t leaf) const;
  bool Write(const SizeProblem& sizes);
  void WriteLimits();
  void LimitLeaves(size_t i, size_t s, int64_t limit);

  const Wiring& wiring_;
  const SolverOptions& options_;
  Random& random_;
  std::span<const GivenTensor> given_;
  Solution* solution_ = nullptr;
  bool gave_up_ = false;
  int cut_short_ = 0;
  std::array<std::array<TypeMask, kMaxResults>, kMaxJointNodes> allowed_types_;
  std::array<std::array<TypeMask, kMaxResults>, kMaxJointNodes> reach_types_;
  std::array<std::array<RankMask, kMaxResults>, kMaxJointNodes> allowed_ranks_;
  std::array<std::array<RankMask, kMaxResults>, kMaxJointNodes> reach_ranks_;
  std::array<const RankRow*, kMaxJointNodes> rows_ = {};
  std::array<SizeProblem, kMaxJointNodes + 1> sizes_;
  std::array<std::array<DimId, kMaxLetters>, kMaxJointNodes> letters_;
  std::array<std::array<SlotDims, kMaxSlots>, kMaxJointNodes> slot_dims_;
  std::array<std::array<SlotDims, kMaxResults>, kMaxJointNodes> result_dims_;
  std::array<std::array<IndexFacts, kMaxResults>, kMaxJointNodes> index_facts_;
  std::array<int8_t, kMaxJointNodes * kMaxSlots> shared_;
  SlotDims given_dims_ = {};
  std::array<Moved, kMaxJointNodes> moved_;
  std::array<std::vector<int>, kMaxJointNodes> failed_classes_;
  bool shapes_failed_ = false;
  bool reached_ = false;        // types were complete
  bool ranks_reached_ = false;  // ranks were complete
  using Memo = std::array<std::vector<uint64_t>, kMaxJointNodes>;
  Memo failed_types_, failed_ranks_;
  std::array<std::unordered_map<uint64_t, Conflict>, kMaxJointNodes> failed_cases_;  // there may be very many
  Conflict conflict_;         // of the last failure of cases or ranks
  bool passed_over_ = false;  // the last failure does not depend on the node whose cases are drawn
  std::array<Conflict, kMaxJointNodes> case_conflicts_;  // of the failures so far with the cases of the nodes before
  std::array<NodeMask, kMaxJointNodes> read_nodes_ = {};       // by node: those that it reads
  std::array<NodeMask, kMaxJointNodes> ancestors_ = {};        // likewise, with all that these are made of
  std::array<NodeMask, kMaxJointNodes> connected_ = {};        // with itself: those up to it that it is connected with
  std::array<std::array<TypeMask, kMaxSlots>, kMaxJointNodes> fresh_types_;
  std::array<TypeMask, kMaxJointNodes> dead_results_ = {};  // first results that failed with the nodes before
  std::array<std::array<int8_t, kMaxResults>, kMaxJointNodes> last_reader_;
};

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_SOLVER_SEARCH_H_
