#include "synth/solver.h"

#include <algorithm>

#include "base/error.h"

namespace drtriton {
namespace {

constexpr std::array<double, kElementTypes> kTypeWeights = {10, 2, 1.5, 1.5, 0.5, 0.5, 0.1, 0.1, 0.3, 0.3, 0.3, 2, 1.5, 3, 2};
constexpr std::array<double, kMaxRank + 1> kRankWeights = {0.05, 0.7, 1.6, 1.6, 1.2, 0.6};
constexpr int kMostCutShort = 6;
constexpr double kOneInBroadcast = 0.15;  // weight of operands of size 1, against 1 for equal sizes

size_t Index(const std::array<ElementType, kMaxSlots>& types, int slots) {
  size_t index = 0;
  for (int s = slots; s-- > 0;) index = index * kElementTypes + static_cast<size_t>(types[static_cast<size_t>(s)]);
  return index;
}

// The search over one wiring.
class Search {
 public:
  Search(const Wiring& wiring, const SolverOptions& options, Random& random, std::span<const GivenTensor> given)
      : wiring_(wiring), options_(options), random_(random), given_(given) {
    for (size_t i = 0; i < NodeCount(); ++i) {
      allowed_types_[i].fill(kAnyType);
      allowed_ranks_[i].fill(0xff);
      last_reader_[i].fill(-1);
    }
  }

  SolveResult Run(Solution& solution) {
    solution_ = &solution;
    solution.nodes.assign(NodeCount(), {});
    if (!SourcesAreDistinct()) return SolveResult::kInfeasible;
    AllowWhatIsRead();
    if (ReachTypes(0) && ReachRanks(0) && DrawPositions(0, 0)) return SolveResult::kSolved;
    return cut_short_ > 0 ? SolveResult::kGaveUp : SolveResult::kInfeasible;
  }

 private:
  struct IndexFacts {  // of a tensor of positions
    std::array<DimId, 4> bounds = {};
    std::array<int8_t, 4> leaves = {};  // node * kMaxSlots + slot of fresh tensors that it holds positions of
    int8_t bound_count = 0;
    int8_t leaf_count = 0;
  };
  using SlotDims = std::array<DimId, kMaxRank>;

  size_t NodeCount() const { return static_cast<size_t>(wiring_.nodes); }
  const OperatorForm& FormOf(size_t i) const { return *wiring_.forms[i]; }
  const Source& SourceOf(size_t i, size_t s) const { return wiring_.sources[i][s]; }
  SolvedNode& Solved(size_t i) { return solution_->nodes[i]; }
  const GivenTensor& Given(const Source& source) const { return given_[static_cast<uint8_t>(source.result)]; }

  bool SourcesAreDistinct() const {
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

  void AllowWhatIsRead() {
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

  // ---- Element types

  // What each result from node `from` on can still be; false when one can be nothing.
  bool ReachTypes(size_t from) {
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

  TypeMask SourceTypes(size_t i, size_t s) const {
    const Source& source = SourceOf(i, s);
    if (source.node == kGivenNode) return MaskOf(Given(source).type);
    if (source.node < 0) return kAnyType;
    return reach_types_[static_cast<size_t>(source.node)][static_cast<size_t>(source.result)];
  }

  // First, for each fresh tensor, whether it holds positions: all that shapes know of types.
  bool DrawPositions(size_t i, size_t s) {
    if (i == NodeCount()) {
      shapes_failed_ = false;
      for (auto* memo : {&failed_types_, &failed_ranks_, &failed_cases_}) {
        for (auto& level : *memo) level.clear();
      }
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
  bool DrawTypes(size_t i) {
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

  // `possible`: what the first result can be with the slots before s.  Where it is the only one, what is left depends on
  // it alone, so types that failed are not come to again.
  bool DrawSlotType(size_t i, size_t s, TypeMask possible) {
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

  static TypeMask GivesWhen(const OperatorForm& form, size_t s, ElementType type) {
    return form.gives_when[0][s][static_cast<size_t>(type)];
  }

  bool DrawScalars(size_t i) {
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

  bool TakeScalars(size_t i, int pick, size_t index) {
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

  // ---- Ranks

  bool ReachRanks(size_t from) {
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
        if (mask == 0) return false;
        reach_ranks_[i][k] = mask;
      }
    }
    return true;
  }

  RankMask SourceRanks(size_t i, size_t s) const {
    const Source& source = SourceOf(i, s);
    if (source.node == kGivenNode) return static_cast<RankMask>(1U << Given(source).shape.size());
    if (source.node < 0) return 0xff;
    return reach_ranks_[static_cast<size_t>(source.node)][static_cast<size_t>(source.result)];
  }

  bool DrawRanks(size_t i) {
    if (i == NodeCount()) {
      ranks_reached_ = true;
      sizes_[0].Clear();
      return DrawCase(0);
    }
    // What failed at these ranks before all were drawn fails again.
    uint64_t key = 0;
    ForLive(i, [&](size_t j, size_t k) { key = key * 8 + static_cast<uint64_t>(rows_[j]->results[k]); });
    if (Contains(failed_ranks_[i], key)) return false;
    ranks_reached_ = false;
    if (DrawRow(i)) return true;
    if (!ranks_reached_) failed_ranks_[i].push_back(key);
    return false;
  }

  bool DrawRow(size_t i) {
    const OperatorForm& form = FormOf(i);
    bool reached = false;
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
      if (!ReachRanks(i + 1)) continue;
      if (DrawRanks(i + 1)) return true;
      reached = reached || ranks_reached_;
      if (gave_up_) return false;
    }
    ranks_reached_ = reached;
    return false;
  }

  // What the slots' tensors can be; 0 for fresh ones.
  std::array<RankMask, kMaxSlots> ReadRanks(size_t i) const {
    std::array<RankMask, kMaxSlots> ranks = {};
    for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
      if (SourceOf(i, s).node != -1) ranks[s] = SourceRanks(i, s);
    }
    return ranks;
  }

  // 0 where the row does not fit what is read, or is not what readers accept.
  double RowWeight(size_t i, const RankRow& row, const std::array<RankMask, kMaxSlots>& read) const {
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

  // ---- Cases

  bool DrawCase(size_t i) {
    if (i == NodeCount()) return ShareAndSolve();
    if (!failed_cases_[i].empty() && Contains(failed_cases_[i], CaseKey(i))) return false;
    if (DrawCaseOfRow(i)) return true;
    failed_cases_[i].push_back(CaseKey(i));
    return false;
  }

  // The rows of the nodes from i on and what is known of the tensors that they read: what is left depends on nothing else.
  uint64_t CaseKey(size_t i) const {
    std::array<DimId, 128> dims;
    size_t count = 0;
    uint64_t key = 0;
    for (size_t j = i; j < NodeCount(); ++j) key = key * 1000003 + static_cast<uint64_t>(rows_[j] - FormOf(j).rows.data());
    ForLive(i, [&](size_t j, size_t k) {
      for (int d = 0; d < rows_[j]->results[k] && count < dims.size(); ++d) dims[count++] = result_dims_[j][k][static_cast<size_t>(d)];
      const IndexFacts& facts = index_facts_[j][k];
      for (int b = 0; b < facts.bound_count && count < dims.size(); ++b) dims[count++] = facts.bounds[static_cast<size_t>(b)];
    });
    return key * 0x9e3779b97f4a7c15ULL ^ sizes_[i].Fingerprint(std::span(dims).first(count));
  }

  bool DrawCaseOfRow(size_t i) {
    const std::vector<int>& cases = rows_[i]->cases;
    const uint32_t count = static_cast<uint32_t>(cases.size());
    Moved& moved = moved_[i];
    moved.clear();
    std::vector<int>& failed = failed_classes_[i];
    failed.clear();
    for (uint32_t left = count; left > 0; --left) {
      const uint32_t pick = random_.Below(left);
      const int chosen = CaseAt(cases, moved, pick);
      if (left > 1) moved.push_back({pick, CaseAt(cases, moved, left - 1)});
      const ShapeCase& shape_case = FormOf(i).cases[static_cast<size_t>(chosen)];
      if (std::find(failed.begin(), failed.end(), shape_case.shape_class) != failed.end()) continue;
      Solved(i).shape_case = chosen;
      sizes_[i + 1] = sizes_[i];
      if (ApplyCase(i, shape_case, sizes_[i + 1])) return true;
      if (gave_up_) return false;
      failed.push_back(shape_case.shape_class);
    }
    return false;
  }

  // Cases are shuffled as they are drawn: the list is long and mostly the first one will do.  The last entry for a place
  // counts.
  using Moved = std::vector<std::pair<uint32_t, int>>;
  static int CaseAt(const std::vector<int>& cases, const Moved& moved, uint32_t place) {
    for (size_t m = moved.size(); m-- > 0;) {
      if (moved[m].first == place) return moved[m].second;
    }
    return cases[place];
  }

  bool ApplyCase(size_t i, const ShapeCase& shape_case, SizeProblem& sizes) {
    for (int l = 0; l < shape_case.letters; ++l) {
      const size_t at = static_cast<size_t>(l);
      letters_[i][at] = sizes.Add(shape_case.least[at], shape_case.most[at]);
      if (letters_[i][at] < 0) return false;
    }
    for (const ParameterTensor& parameter : shape_case.parameters) {
      if (!AddParameter(i, parameter, sizes)) return false;
    }
    for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
      if (!((FormOf(i).broadcast >> s) & 1U) && !MatchSlot(i, s, shape_case.slots[s], sizes)) return false;
    }
    if (FormOf(i).broadcast) {
      for (size_t s = 0; s < FormOf(i).slots.size(); ++s) {
        if (((FormOf(i).broadcast >> s) & 1U) && !OpenSlot(i, s, sizes)) return false;
      }
      return DrawBroadcast(i, 0, sizes);
    }
    for (size_t k = 0; k < shape_case.results.size(); ++k) {
      if (!AddResult(i, k, shape_case, sizes)) return false;
    }
    return FinishNode(i, shape_case, sizes);
  }

  bool AddParameter(size_t i, const ParameterTensor& parameter, SizeProblem& sizes) {
    std::array<DimId, 6> dims = {};
    size_t count = 0;
    for (const SizeTerm& term : parameter.shape) {
      const DimId dim = count < dims.size() ? TermDim(i, term, sizes) : DimId{-1};
      if (dim < 0) return false;
      dims[count++] = dim;
    }
    return sizes.LimitTensor(std::span(dims).first(count));
  }

  // The variable of a term; a new one where it is more than a letter.
  DimId TermDim(size_t i, const SizeTerm& term, SizeProblem& sizes) {
    if (term.IsLetter()) return letters_[i][static_cast<size_t>(term.letters[0])];
    if (term.IsConstant()) return sizes.AddConstant(term.coefficient);
    const DimId dim = sizes.Add();
    std::array<DimId, 5> factors = {};
    for (int l = 0; l < term.count; ++l)
      factors[static_cast<size_t>(l)] = letters_[i][static_cast<size_t>(term.letters[static_cast<size_t>(l)])];
    if (dim < 0 || !sizes.RelateProduct(dim, term.coefficient, std::span(factors).first(static_cast<size_t>(term.count))))
      return -1;
    return dim;
  }

  // The dimensions of the tensor that slot s reads; nullptr for a fresh one.
  const SlotDims* ReadDims(size_t i, size_t s, SizeProblem& sizes) {
    const Source& source = SourceOf(i, s);
    if (source.node == -1) return nullptr;
    if (source.node >= 0) return &result_dims_[static_cast<size_t>(source.node)][static_cast<size_t>(source.result)];
    const Shape& shape = Given(source).shape;
    for (size_t d = 0; d < shape.size(); ++d) given_dims_[d] = sizes.AddConstant(static_cast<int32_t>(shape[d]));
    return &given_dims_;
  }

  bool MatchSlot(size_t i, size_t s, const std::vector<SizeTerm>& terms, SizeProblem& sizes) {
    const SlotDims* read = ReadDims(i, s, sizes);
    for (size_t d = 0; d < terms.size(); ++d) {
      if (read == nullptr || !terms[d].IsConstant()) {
        const DimId dim = TermDim(i, terms[d], sizes);
        if (dim < 0 || (read != nullptr && !sizes.Unify((*read)[d], dim))) return false;
        slot_dims_[i][s][d] = dim;
      } else {
        if (!sizes.Fix((*read)[d], terms[d].coefficient)) return false;
        slot_dims_[i][s][d] = (*read)[d];
      }
    }
    return read != nullptr || sizes.LimitTensor(std::span(slot_dims_[i][s]).first(terms.size()));
  }

  bool AddResult(size_t i, size_t k, const ShapeCase& shape_case, SizeProblem& sizes) {
    const std::vector<ResultDim>& dims = shape_case.results[k];
    for (size_t d = 0; d < dims.size(); ++d) {
      const DimId dim = ResultDimId(i, dims[d], shape_case, sizes);
      if (dim < 0) return false;
      result_dims_[i][k][d] = dim;
    }
    return sizes.LimitTensor(std::span(result_dims_[i][k]).first(dims.size()));
  }

  DimId ResultDimId(size_t i, const ResultDim& dim, const ShapeCase& shape_case, SizeProblem& sizes) {
    if (dim.kind == ResultDim::Kind::kTerm) {
      // A term that an operand has is that operand's dimension.
      for (size_t s = 0; !dim.term.IsLetter() && s < shape_case.slots.size(); ++s) {
        for (size_t d = 0; d < shape_case.slots[s].size(); ++d) {
          if (shape_case.slots[s][d] == dim.term) return slot_dims_[i][s][d];
        }
      }
      return TermDim(i, dim.term, sizes);
    }
    const DimId out = sizes.Add();
    if (out < 0) return -1;
    if (dim.kind == ResultDim::Kind::kAffine)
      return sizes.RelateAffine(out, letters_[i][static_cast<size_t>(dim.letter)], dim.a, dim.b, dim.c) ? out : DimId{-1};
    const DimId a = TermDim(i, dim.term, sizes);
    const DimId b = TermDim(i, dim.other, sizes);
    return a >= 0 && b >= 0 && sizes.RelateSum(out, a, b) ? out : DimId{-1};
  }

  // ---- Broadcasting: each joint dimension has operands of its size and operands of size 1.

  bool OpenSlot(size_t i, size_t s, SizeProblem& sizes) {
    const SlotDims* read = ReadDims(i, s, sizes);
    const size_t rank = static_cast<size_t>(rows_[i]->slots[s]);
    for (size_t d = 0; d < rank; ++d) {
      slot_dims_[i][s][d] = read != nullptr ? (*read)[d] : sizes.Add();
      if (slot_dims_[i][s][d] < 0) return false;
    }
    return read != nullptr || sizes.LimitTensor(std::span(slot_dims_[i][s]).first(rank));
  }

  // `position` counts from the last dimension.
  bool DrawBroadcast(size_t i, size_t position, SizeProblem& sizes) {
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
      if (gave_up_) return false;
    }
    return false;
  }

  // What follows from a set of operands of size 1 is the same for sets that make the same classes of dimensions 1 and
  // join the same ones, however fresh operands are spread: they are parts of the result, and nothing else reads them.
  // `read`: the operands that are not fresh.  A class is named by its first operand.
  static unsigned ConsequenceOf(std::span<const DimId> dims, unsigned read, unsigned ones, const SizeProblem& sizes) {
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
  unsigned WithoutLoose(size_t i, size_t position, std::span<const DimId> dims, unsigned read, const SizeProblem& sizes) const {
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

  static DimId JoinDims(std::span<const DimId> dims, unsigned ones, SizeProblem& sizes) {
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

  // ---- Positions

  bool FinishNode(size_t i, const ShapeCase& shape_case, SizeProblem& sizes) {
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
    if (i + 1 < NodeCount()) {
      sizes_[i + 1] = sizes;
      return DrawCase(i + 1);
    }
    sizes_[NodeCount()] = sizes;
    return ShareAndSolve();
  }

  IndexFacts SlotPositions(size_t i, size_t s, SizeProblem& sizes) {
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
  bool JoinPositions(size_t i, IndexFacts& facts, SizeProblem& sizes) {
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

  bool LimitPositions(size_t i, size_t s, const SizeTerm& term, SizeProblem& sizes) {
    const DimId limit = TermDim(i, term, sizes);
    if (limit < 0) return false;
    const IndexFacts facts = SlotPositions(i, s, sizes);
    for (int b = 0; b < facts.bound_count; ++b) {
      if (!sizes.RelateAtMost(facts.bounds[static_cast<size_t>(b)], limit)) return false;
    }
    return true;
  }

  // ---- Sizes

  // Some fresh tensors become one with an earlier one; where the sizes then have no solution, none does.
  bool ShareAndSolve() {
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
    return false;
  }

  bool ShareFresh(SizeProblem& sizes) {
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
  bool ShareSlot(size_t i, size_t s, SizeProblem& sizes) {
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
  bool TakenByNode(size_t i, size_t leaf) const {
    for (size_t s = 0; s < kMaxSlots; ++s) {
      if (shared_[i * kMaxSlots + s] == static_cast<int8_t>(leaf)) return true;
    }
    return false;
  }

  bool Write(const SizeProblem& sizes) {
    std::array<int8_t, kMaxJointNodes * kMaxSlots> number;
    number.fill(-1);
    solution_->fresh = 0;
    for (size_t i = 0; i < NodeCount(); ++i) {
      SolvedNode& node = Solved(i);
      const OperatorForm& form = FormOf(i);
      const ShapeCase& shape_case = form.cases[static_cast<size_t>(node.shape_case)];
      const auto shape = [&](const SlotDims& dims, int rank) {
        Shape made(static_cast<size_t>(rank));
        for (size_t d = 0; d < made.size(); ++d) made[d] = sizes.SizeOf(dims[d]);
        return made;
      };
      node.letters.resize(static_cast<size_t>(shape_case.letters));
      for (size_t l = 0; l < node.letters.size(); ++l) node.letters[l] = sizes.SizeOf(letters_[i][l]);
      for (size_t s = 0; s < form.slots.size(); ++s) {
        node.slot_shapes[s] = shape(slot_dims_[i][s], rows_[i]->slots[s]);
        if (SourceOf(i, s).node != -1) continue;
        const size_t leaf = i * kMaxSlots + s;
        const size_t first = shared_[leaf] >= 0 ? static_cast<size_t>(shared_[leaf]) : leaf;
        number[leaf] = number[first] >= 0 ? number[first] : static_cast<int8_t>(solution_->fresh++);
        node.shared[s] = number[leaf];
      }
      for (size_t k = 0; k < static_cast<size_t>(form.results); ++k) {
        node.result_shapes[k] = shape(result_dims_[i][k], rows_[i]->results[k]);
        const IndexFacts& facts = index_facts_[i][k];
        for (int b = 0; b < facts.bound_count; ++b)
          node.bounds[k] = std::max(node.bounds[k], sizes.SizeOf(facts.bounds[static_cast<size_t>(b)]));
      }
    }
    WriteLimits();
    return true;
  }

  void WriteLimits() {
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
  void LimitLeaves(size_t i, size_t s, int64_t limit) {
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
  Memo failed_types_, failed_ranks_, failed_cases_;
  std::array<std::array<TypeMask, kMaxSlots>, kMaxJointNodes> fresh_types_;
  std::array<TypeMask, kMaxJointNodes> dead_results_ = {};  // first results that failed with the nodes before
  std::array<std::array<int8_t, kMaxResults>, kMaxJointNodes> last_reader_;
};

}  // namespace

double FreshTypeWeight(ElementType type) { return kTypeWeights[static_cast<size_t>(type)]; }
double FreshRankWeight(int rank) { return kRankWeights[static_cast<size_t>(rank)]; }

SolveResult Solve(const Wiring& wiring, const SolverOptions& options, Random& random, Solution& solution,
                  std::span<const GivenTensor> given) {
  return Search(wiring, options, random, given).Run(solution);
}

}  // namespace drtriton
