// Order statistics: sort, topk, kthvalue, median, mode.  Triton sorts no pairs, and a network over a row in registers would
// bound its length; here an element's place is counted: how many of its row come before it, ties by position.  That takes
// n^2 comparisons a row, nothing is written twice, and it fuses with what stands before.  What is at place p is then found
// by a sum with one term, and the values are looked up there (Draft::Take).
#include <limits>

#include "templates/lower_index.h"
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

constexpr double kMostComparisons = 1e11;   // some tens of milliseconds

// A row's elements in pairs: `mine` along the dimension, `other` along one behind all others.
class Ranking {
 public:
  Ranking(const OpCall& call, const Term& x, int64_t dim) : draft_(call.draft), dim_(dim), size_(draft_.Size(x, dim)) {
    const double pairs = static_cast<double>(ElementCount(draft_.ShapeOf(x))) * static_cast<double>(size_);
    if (pairs > kMostComparisons) throw Refusal{"rows too long to count places in"};
    value_ = x;
    key_ = x.dtype == DType::kBool ? draft_.Cast(x, DType::kInt32) : draft_.Cast(x, RegisterType(x.dtype));
    mine_ = draft_.Unsqueeze(key_, key_.rank());
    std::vector<AxisList> dims = key_.dims;
    dims[At()] = draft_.FreshDims({size_}).front();
    other_ = draft_.Take(key_, {{dim, {draft_.IndexOver(dims, At(), 0, 1), std::nullopt}}}, dims);
    other_place_ = draft_.IndexOver(dims, At(), 0, 1);
    other_ = Moved(other_);
    other_place_ = Moved(other_place_);
    mine_place_ = draft_.Unsqueeze(draft_.IndexOver(key_.dims, At(), 0, 1), key_.rank());
  }

  int64_t size() const { return size_; }
  const Term& key() const { return key_; }

  // How many elements of the row come before each.  NaN counts as the largest.
  Term Places(bool descending) {
    const Term before = descending ? Less(mine_, other_) : Less(other_, mine_), behind = descending ? Less(other_, mine_) : Less(mine_, other_);
    const Term first = Compare(draft_, "lt", other_place_, mine_place_);
    const Term tie = draft_.Pointwise("bitwise_and", DType::kBool, {draft_.Pointwise("logical_not", DType::kBool, {behind}), first});
    return CountLast(draft_.Pointwise("bitwise_or", DType::kBool, {before, tie}), "place");
  }

  // How many elements of the row equal each.
  Term Equals() {
    Term same = draft_.Pointwise("eq", DType::kBool, {mine_, other_}, key_.dtype);
    if (IsFloating(key_.dtype)) same = draft_.Pointwise("bitwise_or", DType::kBool, {same, draft_.Pointwise("bitwise_and", DType::kBool, {IsNan(mine_), IsNan(other_)})});
    return CountLast(same, "count");
  }

  // Where in its row the element is that has the place `wanted`: of the rank of x, size 1 or `wanted`'s along the dimension.
  Term IndexAt(const Term& places, const Term& wanted) {
    const Term here = Compare(draft_, "eq", draft_.Unsqueeze(places, places.rank()), Moved(wanted));
    draft_.SetName("found");
    // Summed along the places' dimension, which leaves the wanted one at its end.
    Term index = draft_.Where(here, mine_place_, Int(draft_, 0), DType::kInt64);
    index = draft_.Reduce("sum", index, {dim_}, true);
    const AxisList last = index.dims.back();
    index.dims.pop_back();
    index.dims[At()] = last;
    return index;
  }

  Term ValueAt(const Term& index) { return draft_.Take(value_, {{dim_, {index, std::nullopt}}}, Dims(index)); }

  // The first `count` places, or the one place `place`.
  Term FirstPlaces(int64_t count) {
    std::vector<AxisList> dims = key_.dims;
    dims[At()] = draft_.FreshDims({count}).front();
    return draft_.IndexOver(dims, At(), 0, 1);
  }

  Term OnePlace(int64_t place) {
    Term term = Int(draft_, place);
    term.dims.resize(key_.dims.size());
    return term;
  }

  Term IsNan(const Term& x) { return draft_.Pointwise("isnan", DType::kBool, {x}, x.dtype); }

 private:
  size_t At() const { return static_cast<size_t>(dim_); }

  // The dimension behind all others, 1 in its old place.
  Term Moved(Term term) const {
    term.leaf.reset();
    const AxisList axes = term.dims[At()];
    term.dims[At()] = {};
    term.dims.push_back(axes);
    return term;
  }

  std::vector<AxisList> Dims(const Term& index) const {
    std::vector<AxisList> dims = value_.dims;
    dims[At()] = index.dims[At()];
    return dims;
  }

  Term Less(const Term& a, const Term& b) {
    const Term less = draft_.Pointwise("lt", DType::kBool, {a, b}, key_.dtype);
    if (!IsFloating(key_.dtype)) return less;
    const Term number = draft_.Pointwise("eq", DType::kBool, {a, a}, key_.dtype);
    return draft_.Pointwise("bitwise_or", DType::kBool, {less, draft_.Pointwise("bitwise_and", DType::kBool, {number, IsNan(b)})});
  }

  Term CountLast(const Term& condition, const char* name) {
    draft_.SetName(name);
    return draft_.Reduce("sum", draft_.Cast(condition, DType::kInt64), {condition.rank() - 1}, false);
  }

  Draft& draft_;
  int64_t dim_, size_;
  Term value_, key_, mine_, other_, mine_place_, other_place_;
};

// The values and positions at `wanted` places of rows sorted one way; either result may be unused.
void DefineAt(const OpCall& call, Ranking& ranking, const Term& places, const Term& wanted, bool keep, int64_t dim) {
  const auto shaped = [&](Term term) {
    if (!keep) term.dims.erase(term.dims.begin() + dim);
    return term;
  };
  const Term index = ranking.IndexAt(places, wanted);
  if (call.Used(0)) call.Define(shaped(ranking.ValueAt(index)), 0);
  if (call.Used(1)) call.Define(shaped(index), 1);
}

// A single number is a row of one.
bool IsNumber(const OpCall& call) {
  const Term x = call.Tensor(0);
  if (x.rank() != 0) return false;
  if (call.Used(0)) call.Define(x, 0);
  if (call.Used(1)) call.Define(Int(call.draft, 0), 1);
  return true;
}

void Sort(const OpCall& call, size_t dim_at, size_t descending_at) {
  if (IsNumber(call)) return;
  const Term x = call.Tensor(0);
  const int64_t dim = WrapDim(call.Int(dim_at, -1), x.rank());
  Ranking ranking(call, x, dim);
  const Term places = ranking.Places(call.Flag(descending_at, false));
  DefineAt(call, ranking, places, ranking.FirstPlaces(ranking.size()), true, dim);
}

void ArgSort(const OpCall& call, size_t dim_at, size_t descending_at) {
  const Term x = call.Tensor(0);
  if (x.rank() == 0) return call.Define(Int(call.draft, 0));
  const int64_t dim = WrapDim(call.Int(dim_at, -1), x.rank());
  Ranking ranking(call, x, dim);
  const Term places = ranking.Places(call.Flag(descending_at, false));
  call.Define(ranking.IndexAt(places, ranking.FirstPlaces(ranking.size())));
}

void TopK(const OpCall& call) {
  if (IsNumber(call)) return;
  const Term x = call.Tensor(0);
  const int64_t dim = WrapDim(call.Int(2, -1), x.rank());
  Ranking ranking(call, x, dim);
  const Term places = ranking.Places(call.Flag(3, true));
  DefineAt(call, ranking, places, ranking.FirstPlaces(call.Int(1, 1)), true, dim);
}

void KthValue(const OpCall& call) {
  if (IsNumber(call)) return;
  const Term x = call.Tensor(0);
  const int64_t dim = WrapDim(call.Int(2, -1), x.rank());
  Ranking ranking(call, x, dim);
  DefineAt(call, ranking, ranking.Places(false), ranking.OnePlace(call.Int(1, 1) - 1), call.Flag(3, false), dim);
}

// The lower of the middle ones.  A NaN in the row is its median, or does not count.
void Median(const OpCall& call, bool whole, bool skips_nan) {
  Draft& draft = call.draft;
  if (IsNumber(call)) return;
  Term x = call.Tensor(0);
  if (whole) x = draft.Reshape(x, {ElementCount(draft.ShapeOf(x))});
  const int64_t dim = whole ? 0 : WrapDim(call.Int(1, 0), x.rank());
  Ranking ranking(call, x, dim);
  const int64_t size = ranking.size();
  const Term places = ranking.Places(false);
  Term middle = ranking.OnePlace((size - 1) / 2);
  if (IsFloating(x.dtype)) {
    draft.SetName("nans");
    const Term nans = draft.Reduce("sum", draft.Cast(ranking.IsNan(ranking.key()), DType::kInt64), {dim}, true);
    const Term numbers = IntOp(draft, "sub", Int(draft, size), nans);
    if (skips_nan) {
      const Term last = IntOp(draft, "maximum", IntOp(draft, "sub", numbers, 1), 0);
      middle = IntOp(draft, "floor_divide_positive", last, 2);
    } else {
      middle = draft.Where(Compare(draft, "gt", nans, 0), numbers, middle, DType::kInt64);   // NaN is behind all numbers
    }
  }
  DefineAt(call, ranking, places, middle, !whole && call.Flag(2, false), dim);
}

// The smallest of those that occur most often.
void Mode(const OpCall& call) {
  Draft& draft = call.draft;
  if (IsNumber(call)) return;
  const Term x = call.Tensor(0);
  const int64_t dim = WrapDim(call.Int(1, -1), x.rank());
  Ranking ranking(call, x, dim);
  const Term places = ranking.Places(false), counts = ranking.Equals();
  draft.SetName("most");
  const Term most = draft.Reduce("max", counts, {dim}, true);
  draft.SetName("first_place");
  const Term often = draft.Where(Compare(draft, "eq", counts, most), places, Int(draft, ranking.size()), DType::kInt64);
  const Term first = draft.Reduce("min", often, {dim}, true);
  const Term last = IntOp(draft, "sub", IntOp(draft, "add", first, most), 1);   // equals follow each other; PyTorch's position
  DefineAt(call, ranking, places, last, call.Flag(2, false), dim);
}

}  // namespace

void LowerOrder(HandlerTable& table) {
  table["aten.sort.default"] = [](const OpCall& call) { Sort(call, 1, 2); };
  table["aten.sort.stable"] = [](const OpCall& call) { Sort(call, 2, 3); };
  table["aten.argsort.default"] = [](const OpCall& call) { ArgSort(call, 1, 2); };
  table["aten.argsort.stable"] = [](const OpCall& call) { ArgSort(call, 2, 3); };
  table["aten.topk.default"] = TopK;
  table["aten.kthvalue.default"] = KthValue;
  table["aten.median.default"] = [](const OpCall& call) { Median(call, true, false); };
  table["aten.median.dim"] = [](const OpCall& call) { Median(call, false, false); };
  table["aten.nanmedian.default"] = [](const OpCall& call) { Median(call, true, true); };
  table["aten.nanmedian.dim"] = [](const OpCall& call) { Median(call, false, true); };
  table["aten.mode.default"] = Mode;
}

}  // namespace drtriton
