#include "synth/sameness.h"

#include <algorithm>

namespace drtriton {
namespace {

using enum NumericTraits::Follows;
constexpr uint16_t kVaries = Dependence::kVaries;

constexpr DimSet Bit(size_t d) { return static_cast<DimSet>(1U << d); }

// The dimension that `at` names from the first, or from the end below 0, counted from the last.
size_t FromLast(int64_t at, size_t rank) {
  const int64_t n = static_cast<int64_t>(rank);
  return static_cast<size_t>(at < 0 ? -at - 1 : n - 1 - at);
}

// One call and one of its results.
class Reader {
 public:
  Reader(const Program& program, const Node& node, size_t output, const NumericRule* rule,
         std::span<const ValueId> operands)
      : program_(program), node_(node), rule_(rule), operands_(operands), result_(ValueOf(node.outputs[output])) {
    made_.rank = result_.shape.size();
    const Gather gather = rule == nullptr ? Gather::kChoice : rule->gather[std::min(output, rule->gather.size() - 1)];
    is_index_ = gather == Gather::kIndex;
  }

  Dependence Read() {
    if (made_.rank > kMostDims || operands_.empty() || First().size() > kMostDims) {
      VaryAll();
    } else {
      Follow(rule_ == nullptr ? kRows : rule_->traits.follows);
    }
    return made_;
  }

 private:
  const Value& ValueOf(ValueId id) const { return program_.values[static_cast<size_t>(id)]; }
  const Shape& First() const { return ValueOf(operands_[0]).shape; }
  size_t Rank() const { return First().size(); }
  uint16_t& Of(size_t d) { return made_.of[0][d]; }
  void VaryAll() { made_.of[0].fill(kVaries); }

  // Each operand's own dimensions, from the last.
  void FollowEach() {
    if (operands_.size() > Dependence::kOperands) return VaryAll();
    for (size_t o = 0; o < operands_.size(); ++o) {
      for (size_t d = 0; d < kMostDims; ++d) made_.of[o][d] = Bit(d);
    }
  }
  // The same of the first operand, whatever the others hold.
  void FollowFirst() {
    for (size_t d = 0; d < kMostDims; ++d) Of(d) = Bit(d);
  }
  void VaryAt(DimSet dims) {
    for (size_t d = 0; d < kMostDims; ++d) {
      if (dims & Bit(d)) Of(d) |= kVaries;
    }
  }

  // The dimensions that the argument `dim` names; all where it names none.
  DimSet Named() const {
    const int at = rule_->traits.dim;
    if (at < 0 || node_.args[static_cast<size_t>(at)].IsNone()) return kAllDims;
    DimSet dims = 0;
    for (const int64_t dim : node_.args[static_cast<size_t>(at)].AsInts())
      dims |= Bit(FromLast(dim, Rank()) % kMostDims);
    return dims == 0 ? kAllDims : dims;
  }

  // A result's dimension is made of the operand's whose steps it passes: `from` and `to` are strides.
  void FollowSteps(const Shape& from, const Shape& to) {
    for (size_t d = 0; d < made_.rank; ++d) {
      const int64_t step = to[made_.rank - 1 - d];
      const int64_t reach = step * (result_.shape[made_.rank - 1 - d] - 1);
      for (size_t k = 0; k < Rank(); ++k) {
        const int64_t stride = from[Rank() - 1 - k];
        const int64_t size = First()[Rank() - 1 - k];
        if (size > 1 && stride <= reach && stride * size > step) Of(d) |= Bit(k);
      }
    }
  }

  void FollowRows() {
    if (result_.Elements() == ElementCount(First())) {
      FollowSteps(ContiguousStrides(First()), ContiguousStrides(result_.shape));
    } else {
      FollowFirst();  // an expansion
    }
  }

  void FollowReduced() {
    made_.grouped = Named();
    if (Rank() == made_.rank && made_.grouped != kAllDims) return FollowFirst();  // kept with size 1
    for (size_t k = 0, d = 0; k < Rank(); ++k) {
      if (!(made_.grouped & Bit(k))) Of(d++) = Bit(k);
    }
  }

  void FollowAlong() {
    FollowFirst();
    made_.grouped = Named();
    if (is_index_) VaryAt(made_.grouped);
  }

  void FollowResized() {
    FollowFirst();
    const bool repeats =
        node_.args.size() > 2 && node_.args[2].Is<std::string>() && node_.args[2].AsString() != "constant";
    for (size_t d = 0; d < std::min(Rank(), made_.rank) && !repeats; ++d) {
      if (First()[Rank() - 1 - d] != result_.shape[made_.rank - 1 - d]) Of(d) = kVaries;
    }
  }

  // Of an average pooling.
  bool PadsWithZeros() const {
    if (rule_->gather[0] != Gather::kMean || rule_->traits.adaptive || node_.args.size() < 4) return false;
    const std::vector<int64_t> padding = node_.args[3].AsInts();
    return std::any_of(padding.begin(), padding.end(), [](int64_t p) { return p > 0; });
  }

  bool HasWeights(size_t first, size_t last) const {
    for (size_t a = first; a <= last && a < node_.args.size(); ++a) {
      if (node_.args[a].IsValue()) return true;
    }
    return false;
  }

  // Which elements a normalisation takes together, and where weights make others of them.
  void FollowNorm(NumericTraits::Follows follows) {
    FollowFirst();
    const size_t rank = Rank();
    const size_t channel = rank < 2 ? 0 : rank - 2;
    if (follows == kLayerNorm) {
      for (size_t d = 0; d < node_.args[1].AsList().size(); ++d) made_.grouped |= Bit(d);
      if (HasWeights(2, 3)) VaryAt(made_.grouped);
      return;
    }
    if (follows == kBatchNorm) {
      if (node_.args[5] == Attr(true)) made_.grouped = kAllDims & ~Bit(channel);
      return VaryAt(Bit(channel));
    }
    for (size_t d = 0; d < channel; ++d) made_.grouped |= Bit(d);
    if (follows == kGroupNorm && node_.args[1].AsInt() != First()[1]) made_.grouped |= Bit(channel);
    if (HasWeights(follows == kGroupNorm ? 2 : 1, follows == kGroupNorm ? 3 : 2)) VaryAt(Bit(channel));
  }

  // Rows follow the rows of the left factor, columns the columns of the right one, batches both.
  void FollowProduct() {
    const size_t left = operands_.size() - 2;
    const size_t ranks[] = {ValueOf(operands_[left]).shape.size(), ValueOf(operands_[left + 1]).shape.size()};
    const bool rows = ranks[0] > 1;
    const bool columns = ranks[1] > 1;
    for (size_t d = 0; d < made_.rank; ++d) {
      const size_t matrix = columns ? d : d + 1;  // as if there were columns
      if (matrix == 0) {
        made_.of[left + 1][d] = Bit(0);
      } else if (matrix == 1 && rows) {
        made_.of[left][d] = Bit(1);
      } else {
        const size_t batch = rows ? matrix : matrix + 1;
        made_.of[left][d] = ranks[0] > 2 ? Bit(batch % kMostDims) : 0;
        made_.of[left + 1][d] = ranks[1] > 2 ? Bit(batch % kMostDims) : 0;
      }
      if (left > 0) made_.of[0][d] = Bit(d);
    }
  }

  void Follow(NumericTraits::Follows follows) {
    switch (follows) {
      case kNothing:
        return VaryAll();
      case kEach:
        return FollowEach();
      case kRows:
        return FollowRows();
      case kStrides:
        return result_.shape == First() && node_.args.size() > 2 && node_.args[1].Is<DType>()
                   ? FollowFirst()
                   : FollowSteps(ValueOf(operands_[0]).strides, result_.strides);
      case kItself:
        return made_.rank < Rank() ? VaryAll() : FollowFirst();
      case kBeside:
        FollowEach();
        return VaryAt(Named());
      case kResized:
        return FollowResized();
      case kOuter:
        FollowFirst();
        return VaryAt(Bit(0) | Bit(1));
      case kReduced:
        return FollowReduced();
      case kAlong:
        return FollowAlong();
      case kScanned:
        FollowFirst();
        return VaryAt(Named());
      case kLayerNorm:
      case kGroupNorm:
      case kInstanceNorm:
      case kBatchNorm:
        return FollowNorm(follows);
      case kProduct:
        return operands_.size() < 2 || operands_.size() > 3 ? VaryAll() : FollowProduct();
      case kRowsOnly:
        FollowFirst();
        if (rule_->traits.is_bilinear) made_.of[1] = made_.of[0];
        return VaryAt(Bit(0));
      case kPooled:
        FollowFirst();
        if (is_index_ || PadsWithZeros())
          VaryAt(static_cast<DimSet>(Bit(static_cast<size_t>(rule_->traits.spatial)) - 1));
        return;
      case kBatch:
        FollowFirst();
        return VaryAt(static_cast<DimSet>(Bit(std::max<size_t>(made_.rank, 1) - 1) - 1));
      case kValues:
        FollowFirst();
        made_.grouped = Bit(1);
        for (size_t d = 2; d < kMostDims; ++d) Of(d) |= Bit(1);
        return;
    }
  }

  const Program& program_;
  const Node& node_;
  const NumericRule* rule_;
  std::span<const ValueId> operands_;
  const Value& result_;
  Dependence made_;
  bool is_index_ = false;
};

}  // namespace

DimSet UnitDims(const Shape& shape) {
  DimSet dims = kAllDims;
  for (size_t d = 0; d < std::min(shape.size(), kMostDims); ++d) {
    if (shape[shape.size() - 1 - d] != 1) dims &= static_cast<DimSet>(~Bit(d));
  }
  return dims;
}

DimSet Dependence::SameOf(std::span<const DimSet> operands) const {
  DimSet same = 0;
  for (size_t d = 0; d < kMostDims; ++d) {
    bool holds = true;
    for (size_t o = 0; o < std::min(operands.size(), kOperands); ++o) holds = holds && (of[o][d] & ~operands[o]) == 0;
    if (holds || d >= rank) same |= Bit(d);
  }
  return same;
}

Dependence DependenceOf(const Program& program, const Node& node, size_t output, const NumericRule* rule,
                        std::span<const ValueId> operands) {
  return Reader(program, node, output, rule, operands).Read();
}

}  // namespace drtriton
