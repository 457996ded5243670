#include "synth/size_problem.h"

#include <algorithm>
#include <cmath>

namespace drtriton {
namespace {

constexpr int kMostSteps = 4000;

int64_t FloorDivide(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
size_t At(DimId dim) { return static_cast<size_t>(dim); }

}  // namespace

DimId SizeProblem::Add(int32_t least, int32_t most) {
  if (dims_ == kMaxDims) return -1;
  const DimId dim = static_cast<DimId>(dims_++);
  parent_[At(dim)] = dim;
  value_[At(dim)] = least == most ? least : 0;
  least_[At(dim)] = least;
  most_[At(dim)] = most;
  return dim;
}

DimId SizeProblem::AddConstant(int32_t value) { return Add(value, value); }

DimId SizeProblem::Root(DimId dim) const {
  while (parent_[At(dim)] != dim) dim = parent_[At(dim)];
  return dim;
}

bool SizeProblem::CanBe(DimId dim, int32_t value) const {
  const size_t root = At(Root(dim));
  if (value_[root] != 0) return value_[root] == value;
  return value >= least_[root] && (most_[root] == 0 || value <= most_[root]);
}

bool SizeProblem::Fix(DimId dim, int32_t value) {
  if (!CanBe(dim, value)) return false;
  value_[At(Root(dim))] = value;
  return true;
}

bool SizeProblem::Unify(DimId a, DimId b) {
  a = Root(a);
  b = Root(b);
  if (a == b) return true;
  if (b < a) std::swap(a, b);  // the older one stays, so that the order of drawing does
  const int32_t known = value_[At(a)] != 0 ? value_[At(a)] : value_[At(b)];
  if (known != 0 && (!CanBe(a, known) || !CanBe(b, known))) return false;
  parent_[At(b)] = a;
  value_[At(a)] = known;
  least_[At(a)] = std::max(least_[At(a)], least_[At(b)]);
  const int32_t most = most_[At(a)] == 0 ? most_[At(b)] : most_[At(b)] == 0 ? most_[At(a)] : std::min(most_[At(a)], most_[At(b)]);
  most_[At(a)] = most;
  return most == 0 || least_[At(a)] <= most;
}

bool SizeProblem::RelateProduct(DimId out, int32_t coefficient, std::span<const DimId> factors) {
  if (relations_ == kMaxRelations || factors.size() > 5) return false;
  Relation relation{.kind = Kind::kProduct, .count = static_cast<int8_t>(factors.size()), .out = out, .a = coefficient};
  std::copy(factors.begin(), factors.end(), relation.in.begin());
  // coefficient * x = x has no solution; one factor that is the product leaves 1 for the others.
  if (coefficient > 1 && std::any_of(factors.begin(), factors.end(), [&](DimId f) { return Root(f) == Root(out); })) return false;
  relation_[static_cast<size_t>(relations_++)] = relation;
  return true;
}

bool SizeProblem::RelateSum(DimId out, DimId a, DimId b) {
  if (relations_ == kMaxRelations || Root(out) == Root(a) || Root(out) == Root(b)) return false;
  relation_[static_cast<size_t>(relations_++)] = Relation{.kind = Kind::kSum, .count = 2, .out = out, .in = {a, b}};
  return true;
}

bool SizeProblem::RelateAffine(DimId out, DimId in, int32_t a, int32_t b, int32_t c) {
  if (relations_ == kMaxRelations) return false;
  relation_[static_cast<size_t>(relations_++)] =
      Relation{.kind = Kind::kAffine, .count = 1, .out = out, .in = {in}, .a = a, .b = b, .c = c};
  return true;
}

bool SizeProblem::RelateAtMost(DimId low, DimId high) {
  if (relations_ == kMaxRelations) return false;
  relation_[static_cast<size_t>(relations_++)] = Relation{.kind = Kind::kAtMost, .count = 1, .out = high, .in = {low}};
  return true;
}

bool SizeProblem::LimitTensor(std::span<const DimId> dims) {
  if (tensors_ == kMaxTensors || dims.size() > 6) return false;
  Tensor& tensor = tensor_[static_cast<size_t>(tensors_++)];
  tensor.count = static_cast<int8_t>(dims.size());
  std::copy(dims.begin(), dims.end(), tensor.dims.begin());
  return true;
}

bool SizeProblem::Assign(DimId root, int64_t value, int64_t largest) {
  if (value < least_[At(root)] || value > largest || (most_[At(root)] != 0 && value > most_[At(root)])) return false;
  value_[At(root)] = static_cast<int32_t>(value);
  return true;
}

// Computes what a relation determines; false when it cannot hold.
bool SizeProblem::PropagateOne(const Relation& relation, int64_t largest, bool* changed) {
  int open = 0;
  DimId open_root = -1;
  for (int i = 0; i < relation.count; ++i) {
    const DimId root = Root(relation.in[static_cast<size_t>(i)]);
    if (value_[At(root)] != 0) continue;
    ++open;
    open_root = root;
  }
  const DimId out = Root(relation.out);
  const int64_t result = value_[At(out)];
  const auto in = [&](int i) -> int64_t { return value_[At(Root(relation.in[static_cast<size_t>(i)]))]; };
  const auto determine = [&](DimId root, int64_t value) {
    *changed = true;
    return Assign(root, value, largest);
  };
  switch (relation.kind) {
    case Kind::kAtMost:
      return result == 0 || open > 0 || in(0) <= result;
    case Kind::kSum:
      if (open == 0) return result != 0 ? in(0) + in(1) == result : determine(out, in(0) + in(1));
      if (open == 1 && result != 0) {
        const int64_t known = in(0) != 0 ? in(0) : in(1);
        return known < result && determine(open_root, result - known);
      }
      if (open == 2 && result != 0 && Root(relation.in[0]) == Root(relation.in[1]))
        return result % 2 == 0 && determine(open_root, result / 2);
      return true;
    case Kind::kAffine: {
      if (open == 0) {
        const int64_t value = FloorDivide(relation.a * in(0) + relation.b, relation.c);
        return result != 0 ? value == result : determine(out, value);
      }
      if (result == 0) return true;
      // The least size that gives this result.
      const int64_t least = -FloorDivide(-(relation.c * result - relation.b), relation.a);
      const int64_t value = std::max<int64_t>(least, least_[At(open_root)]);
      return FloorDivide(relation.a * value + relation.b, relation.c) == result && determine(open_root, value);
    }
    case Kind::kProduct: {
      int64_t product = relation.a;
      for (int i = 0; i < relation.count; ++i) product *= in(i) != 0 ? in(i) : 1;
      if (open == 0) return result != 0 ? product == result : determine(out, product);
      if (result == 0) return product <= largest;
      if (result % product != 0) return false;
      return open > 1 || determine(open_root, result / product);
    }
  }
  return true;
}

bool SizeProblem::Propagate(int64_t largest) {
  for (bool changed = true; changed;) {
    changed = false;
    for (int r = 0; r < relations_; ++r) {
      if (!PropagateOne(relation_[static_cast<size_t>(r)], largest, &changed)) return false;
    }
  }
  return true;
}

bool SizeProblem::TensorsFit(int64_t most_elements) const {
  for (int t = 0; t < tensors_; ++t) {
    const Tensor& tensor = tensor_[static_cast<size_t>(t)];
    double elements = 1;
    for (int d = 0; d < tensor.count; ++d) {
      const size_t root = At(Root(tensor.dims[static_cast<size_t>(d)]));
      elements *= value_[root] != 0 ? value_[root] : least_[root];
    }
    if (elements > static_cast<double>(most_elements)) return false;
  }
  return true;
}

// The size that, were all open dimensions of a tensor equal, would fill it: the least over its tensors.
double SizeProblem::RoomFor(DimId root, double wanted) const {
  double room = wanted;
  for (int t = 0; t < tensors_; ++t) {
    const Tensor& tensor = tensor_[static_cast<size_t>(t)];
    int open = 0;
    int mine = 0;
    double elements = 1;
    for (int d = 0; d < tensor.count; ++d) {
      const DimId other = Root(tensor.dims[static_cast<size_t>(d)]);
      mine += other == root ? 1 : 0;
      open += value_[At(other)] == 0 ? 1 : 0;
      elements *= value_[At(other)] != 0 ? value_[At(other)] : 1;
    }
    if (mine == 0) continue;
    const double left = wanted / elements;
    const double share = open == 1 ? left : open == 2 ? std::sqrt(left) : std::pow(left, 1.0 / open);
    // Sizes differ within a tensor: twice the equal share, as long as the others can still be a few.
    room = std::min(room, open > mine ? std::min(2 * share, std::pow(left / 4, 1.0 / mine)) : share);
  }
  return room;
}

bool SizeProblem::Search(DimId from, const SizeMenu& menu, Random& random, int* steps) {
  DimId dim = from;
  while (dim < dims_ && (parent_[At(dim)] != dim || value_[At(dim)] != 0)) ++dim;
  if (dim == dims_) return true;
  const size_t root = At(dim);
  const double room = RoomFor(dim, menu.room);
  const auto first = std::lower_bound(menu.sizes.begin(), menu.sizes.end(), least_[root]);
  auto last = std::upper_bound(first, menu.sizes.end(), static_cast<int32_t>(std::clamp(room, 1.0, 1e9)));
  if (most_[root] != 0) last = std::min(last, std::upper_bound(first, menu.sizes.end(), most_[root]));
  if (last <= first && first != menu.sizes.end()) last = first + 1;  // too large for its share, perhaps not for the limit
  std::array<double, 96> weights;
  const int count = static_cast<int>(std::min<ptrdiff_t>(last - first, 96));
  for (int i = 0; i < count; ++i) weights[static_cast<size_t>(i)] = first[i] == 1 ? menu.one : 1;
  for (int left = count; left > 0; --left) {
    if (++*steps > kMostSteps) return false;
    const int pick = random.Weighted(weights, count);
    weights[static_cast<size_t>(pick)] = 0;
    const auto before = value_;
    if (Assign(dim, first[pick], menu.largest) && Propagate(menu.largest) && TensorsFit(menu.most_elements) &&
        Search(static_cast<DimId>(dim + 1), menu, random, steps))
      return true;
    value_ = before;
  }
  return false;
}

bool SizeProblem::Solve(const SizeMenu& menu, Random& random, bool* exhausted) {
  int steps = 0;
  const bool found = Propagate(menu.largest) && TensorsFit(menu.most_elements) && Search(0, menu, random, &steps);
  if (exhausted != nullptr) *exhausted = !found && steps <= kMostSteps;
  return found;
}

}  // namespace drtriton
