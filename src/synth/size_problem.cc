#include "synth/size_problem.h"

#include <algorithm>
#include <bit>
#include <bitset>
#include <cmath>
#include <utility>

namespace drtriton {
namespace {

constexpr int kMostSteps = 1500;
constexpr int kMostRounds = 48;
constexpr int kWhole = 1 << 20;
constexpr double kMoreRoom = 8;

int64_t FloorDivide(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
size_t At(DimId dim) { return static_cast<size_t>(dim); }

// Draws sizes from a part of the menu, each at most once: 1 with a weight of its own, the others alike.
class SizeDraw {
 public:
  SizeDraw(std::span<const int32_t> sizes, double one)
      : sizes_(sizes.first(std::min(sizes.size(), kMost))), one_(one), others_(!sizes_.empty() && sizes_[0] == 1 ? 1 : 0), left_(sizes_.size()) {}

  size_t left() const { return left_; }

  int32_t Next(Random& random) {
    const bool with_one = others_ > 0 && !taken_[0];
    size_t pick = 0;
    if (!with_one || (left_ > 1 && !random.Chance(one_ / (one_ + static_cast<double>(left_ - 1))))) {
      do {
        pick = others_ + random.Below(static_cast<uint32_t>(sizes_.size() - others_));
      } while (taken_[pick]);
    }
    taken_[pick] = true;
    --left_;
    return sizes_[pick];
  }

 private:
  static constexpr size_t kMost = 96;
  std::span<const int32_t> sizes_;
  double one_;
  size_t others_;  // where they begin
  size_t left_;
  std::bitset<kMost> taken_;
};

}  // namespace

SizeProblem& SizeProblem::operator=(const SizeProblem& other) {
  if (this == &other) return *this;
  dims_ = other.dims_;
  relations_ = other.relations_;
  tensors_ = other.tensors_;
  std::copy_n(other.parent_.begin(), dims_, parent_.begin());
  std::copy_n(other.value_.begin(), dims_, value_.begin());
  std::copy_n(other.least_.begin(), dims_, least_.begin());
  std::copy_n(other.most_.begin(), dims_, most_.begin());
  std::copy_n(other.relation_.begin(), relations_, relation_.begin());
  std::copy_n(other.tensor_.begin(), tensors_, tensor_.begin());
  return *this;
}

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

bool SizeProblem::IsFree(DimId dim) const {
  const DimId root = Root(dim);
  if (value_[At(root)] != 0 || least_[At(root)] > 1 || most_[At(root)] != 0) return false;
  for (int r = 0; r < relations_; ++r) {
    const Relation& relation = relation_[static_cast<size_t>(r)];
    if (Root(relation.out) == root) return false;
    for (int i = 0; i < relation.count; ++i) {
      if (Root(relation.in[static_cast<size_t>(i)]) == root) return false;
    }
  }
  return true;
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
  Relation relation{Kind::kProduct, static_cast<int8_t>(factors.size()), out, {}, coefficient, 0, 1};
  std::copy(factors.begin(), factors.end(), relation.in.begin());
  // coefficient * x = x has no solution; one factor that is the product leaves 1 for the others.
  if (coefficient > 1 && std::any_of(factors.begin(), factors.end(), [&](DimId f) { return Root(f) == Root(out); })) return false;
  relation_[static_cast<size_t>(relations_++)] = relation;
  return true;
}

bool SizeProblem::RelateSum(DimId out, DimId a, DimId b) {
  if (relations_ == kMaxRelations || Root(out) == Root(a) || Root(out) == Root(b)) return false;
  relation_[static_cast<size_t>(relations_++)] = Relation{Kind::kSum, 2, out, {a, b}, 1, 0, 1};
  return true;
}

bool SizeProblem::RelateAffine(DimId out, DimId in, int32_t a, int32_t b, int32_t c) {
  if (relations_ == kMaxRelations) return false;
  relation_[static_cast<size_t>(relations_++)] = Relation{Kind::kAffine, 1, out, {in}, a, b, c};
  return true;
}

bool SizeProblem::RelateAtMost(DimId low, DimId high) {
  if (relations_ == kMaxRelations) return false;
  relation_[static_cast<size_t>(relations_++)] = Relation{Kind::kAtMost, 1, high, {low}, 1, 0, 1};
  return true;
}

bool SizeProblem::LimitTensor(std::span<const DimId> dims) {
  if (tensors_ == kMaxTensors || dims.size() > 6) return false;
  Tensor& tensor = tensor_[static_cast<size_t>(tensors_++)];
  tensor.count = static_cast<int8_t>(dims.size());
  std::copy(dims.begin(), dims.end(), tensor.dims.begin());
  return true;
}

bool SizeProblem::Assign(DimId root, int64_t value) {
  if (value < least_[At(root)] || value > kLargest || (most_[At(root)] != 0 && value > most_[At(root)])) return false;
  value_[At(root)] = static_cast<int32_t>(value);
  relations_to_do_ |= relations_of_[At(root)];
  tensors_to_do_ |= tensors_of_[At(root)];
  return true;
}

// Computes what a relation determines; false when it cannot hold.
bool SizeProblem::PropagateOne(const Relation& relation) {
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
  switch (relation.kind) {
    case Kind::kAtMost:
      return result == 0 || open > 0 || in(0) <= result;
    case Kind::kSum:
      if (open == 0) return result != 0 ? in(0) + in(1) == result : Assign(out, in(0) + in(1));
      if (open == 1 && result != 0) {
        const int64_t known = in(0) != 0 ? in(0) : in(1);
        return known < result && Assign(open_root, result - known);
      }
      if (open == 2 && result != 0 && Root(relation.in[0]) == Root(relation.in[1]))
        return result % 2 == 0 && Assign(open_root, result / 2);
      return true;
    case Kind::kAffine: {
      if (open == 0) {
        const int64_t value = FloorDivide(relation.a * in(0) + relation.b, relation.c);
        return result != 0 ? value == result : Assign(out, value);
      }
      if (result == 0) return true;
      // The least size that gives this result.
      const int64_t least = -FloorDivide(-(relation.c * result - relation.b), relation.a);
      const int64_t value = std::max<int64_t>(least, least_[At(open_root)]);
      return FloorDivide(relation.a * value + relation.b, relation.c) == result && Assign(open_root, value);
    }
    case Kind::kProduct: {
      int64_t product = relation.a;
      for (int i = 0; i < relation.count; ++i) product *= in(i) != 0 ? in(i) : 1;
      if (open == 0) return result != 0 ? product == result : Assign(out, product);
      if (result == 0) return product <= kLargest;
      if (result % product != 0) return false;
      return open > 1 || Assign(open_root, result / product);
    }
  }
  return true;
}

// ---- Bounds: what follows from the least and most that each size can be.

SizeProblem::Bounds SizeProblem::BoundsOf(DimId dim) const {
  const size_t root = At(Root(dim));
  if (value_[root] != 0) return {value_[root], value_[root]};
  return {least_[root], most_[root] != 0 ? most_[root] : kLargest};
}

bool SizeProblem::Tighten(DimId dim, int64_t least, int64_t most, bool* changed) {
  const Bounds now = BoundsOf(dim);
  least = std::max(least, now.least);
  most = std::min(most, now.most);
  if (least > most) return false;
  if (least == now.least && most == now.most) return true;
  *changed = true;
  const size_t root = At(Root(dim));
  least_[root] = static_cast<int32_t>(least);
  most_[root] = static_cast<int32_t>(most);
  if (least == most) value_[root] = static_cast<int32_t>(least);
  return true;
}

bool SizeProblem::NarrowOne(const Relation& relation, bool* changed) {
  const Bounds out = BoundsOf(relation.out);
  const int64_t a = relation.a, b = relation.b, c = relation.c;
  switch (relation.kind) {
    case Kind::kAtMost: {
      const Bounds in = BoundsOf(relation.in[0]);
      return Tighten(relation.in[0], 1, out.most, changed) && Tighten(relation.out, in.least, kLargest, changed);
    }
    case Kind::kSum: {
      const Bounds x = BoundsOf(relation.in[0]);
      const Bounds y = BoundsOf(relation.in[1]);
      return Tighten(relation.out, x.least + y.least, x.most + y.most, changed) &&
             Tighten(relation.in[0], out.least - y.most, out.most - y.least, changed) &&
             Tighten(relation.in[1], out.least - x.most, out.most - x.least, changed);
    }
    case Kind::kAffine: {
      const Bounds in = BoundsOf(relation.in[0]);
      return Tighten(relation.out, FloorDivide(a * in.least + b, c), FloorDivide(a * in.most + b, c), changed) &&
             Tighten(relation.in[0], -FloorDivide(b - c * out.least, a), FloorDivide(c * out.most + c - 1 - b, a), changed);
    }
    case Kind::kProduct: {
      int64_t least = a;
      double most = static_cast<double>(a);
      for (int i = 0; i < relation.count; ++i) {
        const Bounds in = BoundsOf(relation.in[static_cast<size_t>(i)]);
        least = std::min(least * in.least, 2 * kLargest);
        most *= static_cast<double>(in.most);
      }
      if (!Tighten(relation.out, least, static_cast<int64_t>(std::min(most, 1e9)), changed)) return false;
      for (int i = 0; i < relation.count; ++i) {
        const DimId dim = relation.in[static_cast<size_t>(i)];
        const int64_t others = least / std::max<int64_t>(BoundsOf(dim).least, 1);
        if (!Tighten(dim, 1, out.most / std::max<int64_t>(others, 1), changed)) return false;
        if (relation.count == 1 && !Tighten(dim, (out.least + a - 1) / a, kLargest, changed)) return false;
      }
      return true;
    }
  }
  return true;
}

// Sizes that differ by fixed amounts: around a circle the amounts add up to nothing.
bool SizeProblem::DifferencesAgree() const {
  std::array<DimId, kMaxDims> parent;
  std::array<int64_t, kMaxDims> above;  // size minus the parent's
  bool any = false;
  const auto is_difference = [](const Relation& r) { return r.kind == Kind::kAffine && r.a == r.c && r.a == 1; };
  for (int r = 0; r < relations_ && !any; ++r) any = is_difference(relation_[static_cast<size_t>(r)]);
  if (!any) return true;
  for (int d = 0; d < dims_; ++d) {
    parent[static_cast<size_t>(d)] = static_cast<DimId>(d);
    above[static_cast<size_t>(d)] = 0;
  }
  const auto climb = [&](DimId dim, int64_t* sum) {
    for (*sum = 0; parent[At(dim)] != dim; dim = parent[At(dim)]) *sum += above[At(dim)];
    return dim;
  };
  for (int r = 0; r < relations_; ++r) {
    const Relation& relation = relation_[static_cast<size_t>(r)];
    if (!is_difference(relation)) continue;
    int64_t out_sum = 0, in_sum = 0;
    const DimId out = climb(Root(relation.out), &out_sum);
    const DimId in = climb(Root(relation.in[0]), &in_sum);
    const int64_t difference = relation.b + in_sum - out_sum;  // of the tops: out minus in
    if (out == in && difference != 0) return false;
    if (out == in) continue;
    parent[At(out)] = in;
    above[At(out)] = difference;
  }
  return true;
}

bool SizeProblem::Narrow() {
  if (relations_ == 0) return true;
  if (!DifferencesAgree()) return false;
  bool changed = true;
  for (int round = 0; changed && round < kMostRounds; ++round) {
    changed = false;
    for (int r = 0; r < relations_; ++r) {
      if (!NarrowOne(relation_[static_cast<size_t>(r)], &changed)) return false;
    }
  }
  return true;
}

uint64_t SizeProblem::Fingerprint(std::span<const DimId> dims) const {
  std::array<DimId, kMaxDims> met;  // classes in the order in which they are met
  size_t count = 0;
  uint64_t hash = 1469598103934665603ULL;
  const auto mix = [&hash](uint64_t x) { hash = (hash ^ x) * 0x9e3779b97f4a7c15ULL, hash ^= hash >> 29; };
  const auto meet = [&](DimId dim) {
    const DimId root = Root(dim);
    for (size_t i = 0; i < count; ++i) {
      if (met[i] == root) return mix(i);
    }
    met[count++] = root;
    mix(1000 + count);
    mix(static_cast<uint64_t>(value_[At(root)]) << 40 | static_cast<uint64_t>(least_[At(root)]) << 20 | static_cast<uint64_t>(most_[At(root)]));
  };
  for (DimId dim : dims) meet(dim);
  // Relations that touch what was met, until none is new.
  uint64_t taken = 0;
  for (bool changed = relations_ > 0; changed;) {
    changed = false;
    for (int r = 0; r < relations_; ++r) {
      if ((taken >> r) & 1U) continue;
      const Relation& relation = relation_[static_cast<size_t>(r)];
      const auto is_met = [&](DimId dim) { return value_[At(Root(dim))] == 0 && std::find(met.begin(), met.begin() + count, Root(dim)) != met.begin() + count; };
      bool touches = is_met(relation.out);
      for (int i = 0; i < relation.count; ++i) touches = touches || is_met(relation.in[static_cast<size_t>(i)]);
      if (!touches) continue;
      taken |= uint64_t{1} << r;
      changed = true;
      mix(static_cast<uint64_t>(relation.kind) << 48 | static_cast<uint64_t>(relation.count) << 40);
      mix(static_cast<uint64_t>(static_cast<uint32_t>(relation.a)) << 32 | static_cast<uint32_t>(relation.b));
      mix(static_cast<uint64_t>(relation.c));
      meet(relation.out);
      for (int i = 0; i < relation.count; ++i) meet(relation.in[static_cast<size_t>(i)]);
    }
  }
  return hash;
}

void SizeProblem::FindComponents() {
  for (int d = 0; d < dims_; ++d) component_[static_cast<size_t>(d)] = Root(static_cast<DimId>(d));
  for (bool changed = relations_ > 0; changed;) {
    changed = false;
    for (int r = 0; r < relations_; ++r) {
      const Relation& relation = relation_[static_cast<size_t>(r)];
      DimId least = component_[At(Root(relation.out))];
      for (int i = 0; i < relation.count; ++i) least = std::min(least, component_[At(Root(relation.in[static_cast<size_t>(i)]))]);
      const auto lower = [&](DimId dim) {
        DimId& component = component_[At(Root(dim))];
        changed = changed || component != least;
        component = least;
      };
      lower(relation.out);
      for (int i = 0; i < relation.count; ++i) lower(relation.in[static_cast<size_t>(i)]);
    }
  }
}

// ---- Search

// Makes every dimension that relations and tensors name the first of its class, and notes where each class is.
void SizeProblem::IndexClasses() {
  std::fill_n(relations_of_.begin(), dims_, 0);
  std::fill_n(tensors_of_.begin(), dims_, 0);
  for (int r = 0; r < relations_; ++r) {
    Relation& relation = relation_[static_cast<size_t>(r)];
    relation.out = Root(relation.out);
    relations_of_[At(relation.out)] |= uint64_t{1} << r;
    for (int i = 0; i < relation.count; ++i) {
      DimId& in = relation.in[static_cast<size_t>(i)];
      in = Root(in);
      relations_of_[At(in)] |= uint64_t{1} << r;
    }
  }
  for (int t = 0; t < tensors_; ++t) {
    Tensor& tensor = tensor_[static_cast<size_t>(t)];
    for (int d = 0; d < tensor.count; ++d) {
      DimId& dim = tensor.dims[static_cast<size_t>(d)];
      dim = Root(dim);
      tensors_of_[At(dim)] |= uint64_t{1} << t;
    }
  }
  relations_to_do_ = relations_ == kMaxRelations ? ~uint64_t{0} : (uint64_t{1} << relations_) - 1;
  tensors_to_do_ = (uint64_t{1} << tensors_) - 1;
}

// In the relations' order, round by round: where a size follows from several, the first one counts.
bool SizeProblem::Propagate() {
  for (int r = 0; relations_to_do_ != 0;) {
    const uint64_t ahead = relations_to_do_ >> r << r;
    r = std::countr_zero(ahead != 0 ? ahead : relations_to_do_);
    relations_to_do_ &= ~(uint64_t{1} << r);
    if (!PropagateOne(relation_[static_cast<size_t>(r)])) return false;
    r = (r + 1) % kMaxRelations;
  }
  return true;
}

bool SizeProblem::TensorsFit(uint64_t tensors, int64_t most_elements) const {
  for (; tensors != 0; tensors &= tensors - 1) {
    const Tensor& tensor = tensor_[static_cast<size_t>(std::countr_zero(tensors))];
    double elements = 1;
    for (int d = 0; d < tensor.count; ++d) {
      const size_t root = At(tensor.dims[static_cast<size_t>(d)]);
      elements *= value_[root] != 0 ? value_[root] : least_[root];
    }
    if (elements > static_cast<double>(most_elements)) return false;
  }
  return true;
}

// The size that, were all open dimensions of a tensor equal, would fill it: the least over its tensors.
double SizeProblem::RoomFor(DimId root, double wanted) const {
  double room = wanted;
  for (uint64_t tensors = tensors_of_[At(root)]; tensors != 0; tensors &= tensors - 1) {
    const Tensor& tensor = tensor_[static_cast<size_t>(std::countr_zero(tensors))];
    int open = 0;
    int mine = 0;
    double elements = 1;
    for (int d = 0; d < tensor.count; ++d) {
      const DimId other = tensor.dims[static_cast<size_t>(d)];
      mine += other == root ? 1 : 0;
      open += value_[At(other)] == 0 ? 1 : 0;
      elements *= value_[At(other)] != 0 ? value_[At(other)] : 1;
    }
    const double left = wanted / elements;
    const double share = open == 1 ? left : open == 2 ? std::sqrt(left) : std::pow(left, 1.0 / open);
    // Sizes differ within a tensor: twice the equal share, as long as the others can still be a few.
    room = std::min(room, open > mine ? std::min(2 * share, mine == 1 ? left / 4 : std::pow(left / 4, 1.0 / mine)) : share);
  }
  return room;
}

int SizeProblem::Search(DimId from, const SizeMenu& menu, double menu_room, Random& random, int* steps) {
  DimId dim = from;
  while (dim < dims_ && (parent_[At(dim)] != dim || value_[At(dim)] != 0)) ++dim;
  if (dim == dims_) return -1;
  const size_t root = At(dim);
  const double room = RoomFor(dim, menu_room);
  const auto first = std::lower_bound(menu.sizes.begin(), menu.sizes.end(), least_[root]);
  auto last = std::upper_bound(first, menu.sizes.end(), static_cast<int32_t>(std::clamp(room, 1.0, 1e9)));
  if (most_[root] != 0) last = std::min(last, std::upper_bound(first, menu.sizes.end(), most_[root]));
  if (last <= first && first != menu.sizes.end()) last = first + 1;  // too large for its share, perhaps not for the limit
  SizeDraw draw({first, last}, menu.one);
  std::array<int32_t, kMaxDims> before;
  std::copy_n(value_.begin(), dims_, before.begin());
  // Where only relations stand against all values, no other component matters.
  int failed = component_[root];
  while (draw.left() > 0) {
    if (++*steps > kMostSteps) return kWhole;
    if (Assign(dim, draw.Next(random)) && Propagate()) {
      const uint64_t tensors = std::exchange(tensors_to_do_, 0);
      const int below = TensorsFit(tensors, menu.most_elements) ? Search(static_cast<DimId>(dim + 1), menu, menu_room, random, steps) : kWhole;
      if (below == -1) return -1;
      if (below != kWhole && below != component_[root]) {
        Restore(before);
        return below;
      }
      if (below == kWhole) failed = kWhole;
    }
    Restore(before);
  }
  return failed;
}

void SizeProblem::Restore(const std::array<int32_t, kMaxDims>& values) {
  std::copy_n(values.begin(), dims_, value_.begin());
  relations_to_do_ = tensors_to_do_ = 0;
}

bool SizeProblem::Solve(const SizeMenu& menu, Random& random, bool* exhausted) {
  if (exhausted != nullptr) *exhausted = true;
  FindComponents();
  if (!Narrow()) return false;
  IndexClasses();
  if (!Propagate() || !TensorsFit(std::exchange(tensors_to_do_, 0), menu.most_elements)) return false;
  // The last room leaves out nothing that the limit allows.
  for (double room = menu.room;; room *= kMoreRoom) {
    const bool last = room > static_cast<double>(menu.most_elements);
    int steps = 0;
    if (Search(0, menu, last ? HUGE_VAL : room, random, &steps) == -1) return true;
    if (!last) continue;
    if (exhausted != nullptr) *exhausted = steps <= kMostSteps;
    return false;
  }
}

}  // namespace drtriton
