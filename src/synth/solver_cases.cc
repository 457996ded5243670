#include "synth/solver_search.h"

#include <algorithm>

namespace drtriton {

bool WiringSearch::DrawCase(size_t i) {
  if (i == NodeCount()) return ShareAndSolve();
  if (!failed_cases_[i].empty()) {
    if (const auto found = failed_cases_[i].find(CaseKey(i)); found != failed_cases_[i].end()) {
      conflict_ = found->second;
      return false;
    }
  }
  if (DrawCaseOfRow(i)) return true;
  failed_cases_[i].emplace(CaseKey(i), conflict_);
  return false;
}

// The rows of the nodes from i on and what is known of the tensors that they read: what is left depends on nothing else.
uint64_t WiringSearch::CaseKey(size_t i) const {
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

bool WiringSearch::DrawCaseOfRow(size_t i) {
  const std::vector<int>& cases = rows_[i]->cases;
  const uint32_t count = static_cast<uint32_t>(cases.size());
  Moved& moved = moved_[i];
  moved.clear();
  std::vector<int>& failed = failed_classes_[i];
  failed.clear();
  passed_over_ = false;
  const NodeMask connected = sizes_[i].HasRoom() ? connected_[i] : AllNodes();
  case_conflicts_[i] = {connected, connected};
  for (uint32_t left = count; left > 0; --left) {
    const uint32_t pick = random_.Below(left);
    const int chosen = CaseAt(cases, moved, pick);
    if (left > 1) moved.push_back({pick, CaseAt(cases, moved, left - 1)});
    const ShapeCase& shape_case = FormOf(i).cases[static_cast<size_t>(chosen)];
    if (std::find(failed.begin(), failed.end(), shape_case.shape_class) != failed.end()) continue;
    Solved(i).shape_case = chosen;
    sizes_[i + 1] = sizes_[i];
    if (ApplyCase(i, shape_case, sizes_[i + 1])) return true;
    if (gave_up_ || passed_over_) return false;
    failed.push_back(shape_case.shape_class);
  }
  conflict_ = case_conflicts_[i];
  conflict_.cases &= static_cast<NodeMask>(~Bit(i));
  return false;
}

int WiringSearch::CaseAt(const std::vector<int>& cases, const Moved& moved, uint32_t place) {
  for (size_t m = moved.size(); m-- > 0;) {
    if (moved[m].first == place) return moved[m].second;
  }
  return cases[place];
}

bool WiringSearch::ApplyCase(size_t i, const ShapeCase& shape_case, SizeProblem& sizes) {
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

bool WiringSearch::AddParameter(size_t i, const ParameterTensor& parameter, SizeProblem& sizes) {
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
DimId WiringSearch::TermDim(size_t i, const SizeTerm& term, SizeProblem& sizes) {
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
const WiringSearch::SlotDims* WiringSearch::ReadDims(size_t i, size_t s, SizeProblem& sizes) {
  const Source& source = SourceOf(i, s);
  if (source.node == -1) return nullptr;
  if (source.node >= 0) return &result_dims_[static_cast<size_t>(source.node)][static_cast<size_t>(source.result)];
  const Shape& shape = Given(source).shape;
  for (size_t d = 0; d < shape.size(); ++d) given_dims_[d] = sizes.AddConstant(static_cast<int32_t>(shape[d]));
  return &given_dims_;
}

bool WiringSearch::MatchSlot(size_t i, size_t s, const std::vector<SizeTerm>& terms, SizeProblem& sizes) {
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

bool WiringSearch::AddResult(size_t i, size_t k, const ShapeCase& shape_case, SizeProblem& sizes) {
  const std::vector<ResultDim>& dims = shape_case.results[k];
  for (size_t d = 0; d < dims.size(); ++d) {
    const DimId dim = ResultDimId(i, dims[d], shape_case, sizes);
    if (dim < 0) return false;
    result_dims_[i][k][d] = dim;
  }
  return sizes.LimitTensor(std::span(result_dims_[i][k]).first(dims.size()));
}

DimId WiringSearch::ResultDimId(size_t i, const ResultDim& dim, const ShapeCase& shape_case, SizeProblem& sizes) {
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

}  // namespace drtriton
