// Scatters, read backwards: every element of the result looks for what is written to it.  For each position along the
// scattered dimension the index tensor's elements are compared with it, and what hits is summed, or the last hit wins; so
// no two programs write one element, there are no atomics, and runs agree bit for bit.  It costs as many comparisons as
// positions times indices, so long ones are refused.
#include <algorithm>
#include <limits>

#include "templates/lower_index.h"
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

using Position = Draft::Position;

constexpr double kMostComparisons = 1e11;   // some tens of milliseconds

Attr Limit(DType dtype, bool largest) {
  if (IsFloating(dtype)) return Attr(largest ? std::numeric_limits<double>::infinity() : -std::numeric_limits<double>::infinity());
  switch (dtype) {
    case DType::kBool: return Attr(int64_t{largest ? 1 : 0});
    case DType::kUInt8: return Attr(int64_t{largest ? 255 : 0});
    case DType::kInt8: return Attr(int64_t{largest ? 127 : -128});
    case DType::kInt16: return Attr(int64_t{largest ? 32767 : -32768});
    case DType::kInt32: return Attr(int64_t{largest ? 2147483647 : -2147483648LL});
    default: return Attr(largest ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min());
  }
}

// The pairs of a result's elements (its own dimensions, in front) and the indices that may hit them (the last dimension).
class Hits {
 public:
  // `self` has the result's dimensions; `hit` is true where the index number `q` along the last dimension hits.
  Hits(const OpCall& call, Term self, Term hit) : call_(call), draft_(call.draft), self_(std::move(self)), hit_(std::move(hit)) {
    double pairs = 1;
    for (int64_t size : draft_.ShapeOf(self_)) pairs *= static_cast<double>(size);
    pairs *= static_cast<double>(draft_.Size(hit_, hit_.rank() - 1));
    if (pairs > kMostComparisons) throw Refusal{"a scatter of too many indices to compare them all"};
  }

  Term Any() {
    draft_.SetName("hit");
    return draft_.Reduce("any", hit_, {hit_.rank() - 1}, false);
  }

  // The number of the last index that hits; -1: none does.
  Term Last() {
    std::vector<AxisList> dims(hit_.dims.size());
    dims.back() = hit_.dims.back();
    const Term number = draft_.IndexOver(dims, dims.size() - 1, 0, 1);
    draft_.SetName("last");
    return draft_.Reduce("max", draft_.Where(hit_, number, Int(draft_, -1), DType::kInt64), {hit_.rank() - 1}, false);
  }

  // `function` over the values (with the hits' dimensions) that hit.
  Term Combined(const std::string& function, const Term& values, const Attr& neutral) {
    const DType type = call_.type();
    draft_.SetName("of_hits");
    return draft_.Reduce(function, draft_.Where(hit_, values, draft_.Literal(neutral, type), type), {hit_.rank() - 1}, false);
  }

  Term Count() {
    draft_.SetName("hits");
    return draft_.Reduce("sum", draft_.Cast(hit_, DType::kInt64), {hit_.rank() - 1}, false);
  }

  // self with what hits, as scatter_reduce has it.
  Term Reduced(const std::string& how, const Term& values, bool with_self) {
    const DType type = call_.type();
    const auto of = [&](const char* function, const Term& a, const Term& b) { return draft_.Pointwise(function, type, {a, b}); };
    Term result = self_;
    if (how == "sum" || how == "add") {
      const Term sum = Combined("sum", values, Attr(0));
      result = with_self ? of("add", self_, sum) : sum;
    } else if (how == "prod" || how == "multiply") {
      const Term product = Combined("prod", values, Attr(1));
      result = with_self ? of("mul", self_, product) : product;
    } else if (how == "mean") {
      const Term sum = Combined("sum", values, Attr(0));
      Term count = Count();
      if (with_self) count = IntOp(draft_, "add", count, 1);
      count = draft_.Cast(IntOp(draft_, "maximum", count, 1), type);
      result = of(IsFloating(type) ? "div" : "floor_divide", with_self ? of("add", self_, sum) : sum, count);
    } else {
      const bool largest = how == "amax";
      const Term extreme = Combined(largest ? "max" : "min", values, Limit(type, !largest));
      result = with_self ? of(largest ? "maximum" : "minimum", self_, extreme) : extreme;
    }
    return with_self ? result : draft_.Where(Any(), result, self_, type);
  }

 private:
  const OpCall& call_;
  Draft& draft_;
  Term self_, hit_;
};

// ---- scatter along one dimension: index(i, q) is where along it src(i, q) goes

class Scatter {
 public:
  explicit Scatter(const OpCall& call) : call_(call), draft_(call.draft), self_(draft_.Cast(call.Tensor(0), call.type())), index_(call.Tensor(2)) {
    if (self_.rank() == 0) self_ = draft_.Unsqueeze(self_, 0);
    if (index_.rank() == 0) index_ = draft_.Unsqueeze(index_, 0);
    dim_ = WrapDim(call.Int(1, 0), self_.rank());
    number_ = index_.dims[At()];
    for (int64_t other = 0; other < self_.rank(); ++other) {
      if (other == dim_ || draft_.Size(index_, other) == draft_.Size(self_, other)) continue;
      inside_ = Both(draft_, inside_, Compare(draft_, "lt", PlaceAlong(other), draft_.Size(index_, other)));
    }
  }

  Hits Find() {
    const Term index = draft_.Cast(Spread(index_), DType::kInt64);
    Term place = draft_.Unsqueeze(draft_.IndexOver(self_.dims, At(), 0, 1), self_.rank());
    Term hit = Compare(draft_, "eq", index, place);
    if (inside_) hit = Both(draft_, draft_.Unsqueeze(*inside_, self_.rank()), hit);
    return Hits(call_, self_, hit);
  }

  // The values with the hits' dimensions.
  Term Values() { return call_.arg(3).IsValue() ? draft_.Cast(Spread(Source()), call_.type()) : draft_.Literal(call_.arg(3), call_.type()); }

  // The last value that hits, else self.
  Term Replaced() {
    Hits hits = Find();
    if (!call_.arg(3).IsValue()) return draft_.Where(hits.Any(), Values(), self_, call_.type());
    const Term last = hits.Last(), hit = Compare(draft_, "ge", last, 0), source = Source();
    std::map<int64_t, Position> at = OtherDims(source);
    at[dim_] = {IntOp(draft_, "maximum", last, 0), hit};
    return draft_.Where(hit, draft_.Take(source, at, self_.dims), self_, call_.type());
  }

  void Define(const Term& term) { call_.Define(draft_.Reshape(term, call_.Result().shape)); }

 private:
  size_t At() const { return static_cast<size_t>(dim_); }
  Term PlaceAlong(int64_t dim) { return draft_.IndexOver(self_.dims, static_cast<size_t>(dim), 0, 1); }

  Term Source() {
    const Term source = call_.Tensor(3);
    return source.rank() == 0 ? draft_.Unsqueeze(source, 0) : source;
  }

  // Other dimensions: self's, where the tensor is as long; what it does not have is not read.
  std::map<int64_t, Position> OtherDims(const Term& tensor) {
    std::map<int64_t, Position> at;
    for (int64_t other = 0; other < self_.rank(); ++other) {
      if (other == dim_) continue;
      if (draft_.Size(tensor, other) == draft_.Size(self_, other)) {
        draft_.Align(self_, tensor, other);
      } else {
        at[other] = {PlaceAlong(other), inside_};
      }
    }
    return at;
  }

  // index or src over self's other dimensions and, behind them, the indices' numbers.
  Term Spread(const Term& tensor) {
    std::vector<AxisList> dims = self_.dims;
    dims[At()] = number_;
    std::map<int64_t, Position> at = OtherDims(tensor);
    if (draft_.Size(tensor, dim_) != draft_.Size(index_, dim_)) {
      at[dim_] = {draft_.IndexOver(dims, At(), 0, 1), std::nullopt};
    } else {
      draft_.Align(index_, tensor, dim_);
    }
    Term spread = draft_.Take(tensor, at, dims);
    spread.dims[At()] = {};
    spread.dims.push_back(number_);
    return spread;
  }

  const OpCall& call_;
  Draft& draft_;
  Term self_, index_;
  int64_t dim_ = 0;
  AxisList number_;              // the index tensor's dimension
  std::optional<Term> inside_;   // where the index tensor is shorter than self in other dimensions
};

void ScatterReduce(const OpCall& call) {
  Scatter scatter(call);
  const std::string how = call.arg(4).AsString();
  const bool with_self = !call.Given(5) || call.Flag(5, true);
  scatter.Define(scatter.Find().Reduced(how, scatter.Values(), with_self));
}

void ScatterAdd(const OpCall& call) {
  Scatter scatter(call);
  scatter.Define(scatter.Find().Reduced("sum", scatter.Values(), true));
}

void ScatterReplace(const OpCall& call) {
  Scatter scatter(call);
  scatter.Define(scatter.Replaced());
}

// ---- index_add, index_copy, index_fill: whole slices go where a vector says

enum class SliceUse : uint8_t { kAdd, kCopy, kFill };

void IndexSlices(const OpCall& call, SliceUse use) {
  Draft& draft = call.draft;
  const DType type = call.type();
  Term self = draft.Cast(call.Tensor(0), type), index = call.Tensor(2);
  if (self.rank() == 0) self = draft.Unsqueeze(self, 0);
  if (index.rank() == 0) index = draft.Unsqueeze(index, 0);
  const int64_t dim = WrapDim(call.Int(1, 0), self.rank());
  const size_t at = static_cast<size_t>(dim);
  const Term place = draft.Unsqueeze(draft.IndexOver(self.dims, at, 0, 1), self.rank());
  Term wide = draft.Cast(index, DType::kInt64);
  wide = draft.Where(Compare(draft, "lt", wide, 0), IntOp(draft, "add", wide, draft.Size(self, dim)), wide, DType::kInt64);
  Hits hits(call, self, Compare(draft, "eq", wide, place));
  const auto define = [&](const Term& term) { call.Define(draft.Reshape(term, call.Result().shape)); };
  if (use == SliceUse::kFill) return define(draft.Where(hits.Any(), call.Operand(3, type), self, type));
  Term source = draft.Cast(call.Tensor(3), type);
  if (source.rank() == 0) source = draft.Unsqueeze(source, 0);
  for (int64_t other = 0; other < self.rank(); ++other) {
    if (other != dim) draft.Align(self, source, other);
  }
  if (use == SliceUse::kCopy) {
    const Term last = hits.Last(), hit = Compare(draft, "ge", last, 0);
    return define(draft.Where(hit, draft.Take(source, {{dim, {IntOp(draft, "maximum", last, 0), hit}}}, self.dims), self, type));
  }
  Term values = source;
  values.leaf.reset();
  values.dims.push_back(values.dims[at]);
  values.dims[at] = {};
  Term numbers = index;   // the source's slices are the index's numbers
  numbers.dims.insert(numbers.dims.begin(), values.dims.size() - 1, AxisList{});
  draft.Align(values, numbers, values.rank() - 1);
  if (call.Given(4) && call.arg(4).AsDouble() != 1) values = draft.Pointwise("mul", type, {values, draft.Literal(call.arg(4), type)});
  define(hits.Reduced("sum", values, true));
}

// ---- index_put: x[i, :, j] = values, or += values

class IndexPut {
 public:
  explicit IndexPut(const OpCall& call) : call_(call), draft_(call.draft), self_(draft_.Cast(call.Tensor(0), call.type())) {
    const AttrList& given = call.arg(1).AsList();
    for (size_t i = 0; i < given.size(); ++i) {
      if (given[i].IsNone()) continue;
      indices_.push_back(draft_.Get(given[i]));
      indexed_.push_back(static_cast<int64_t>(i));
    }
  }

  void Run() {
    const bool mask = indices_[0].dtype == DType::kBool || indices_[0].dtype == DType::kUInt8;
    if (mask) return FillMasked();
    picked_ = draft_.Broadcast(indices_);
    number_.clear();
    for (const AxisList& axes : picked_) number_.insert(number_.end(), axes.begin(), axes.end());
    Hits hits(call_, self_, Hit());
    Term values = Values();
    if (call_.Flag(3, false)) return call_.Define(hits.Reduced("sum", values, true));
    const Term last = hits.Last(), hit = Compare(draft_, "ge", last, 0);
    const std::map<int64_t, Position> at = {{values.rank() - 1, {IntOp(draft_, "maximum", last, 0), hit}}};
    call_.Define(draft_.Where(hit, draft_.Take(values, at, self_.dims), self_, call_.type()));
  }

 private:
  // x[mask] = number
  void FillMasked() {
    if (indices_.size() != 1 || indexed_[0] != 0 || ElementCount(draft_.ShapeOf(call_.Tensor(2))) != 1) throw Refusal{"a mask as index"};
    Term mask = indices_[0], value = draft_.Reshape(draft_.Cast(call_.Tensor(2), call_.type()), {});
    while (mask.rank() < self_.rank()) mask = draft_.Unsqueeze(mask, mask.rank());
    if (call_.Flag(3, false)) value = draft_.Pointwise("add", call_.type(), {self_, value});
    call_.Define(draft_.Where(mask, value, self_, call_.type()));
  }

  Term Hit() {
    std::optional<Term> hit;
    for (size_t i = 0; i < indices_.size(); ++i) {
      const int64_t dim = indexed_[i], size = draft_.Size(self_, dim);
      Term wide = draft_.Cast(indices_[i], DType::kInt64);
      wide = draft_.Where(Compare(draft_, "lt", wide, 0), IntOp(draft_, "add", wide, size), wide, DType::kInt64);
      wide.dims = {number_};   // as one dimension, whatever the index repeats
      const Term place = draft_.Unsqueeze(draft_.IndexOver(self_.dims, static_cast<size_t>(dim), 0, 1), self_.rank());
      hit = Both(draft_, hit, Compare(draft_, "eq", wide, place));
    }
    return *hit;
  }

  // Over self's dimensions that no index replaces, and the indices' numbers behind them.
  Term Values() {
    const bool neighbours = indexed_.back() - indexed_.front() + 1 == static_cast<int64_t>(indexed_.size());
    std::vector<AxisList> dims;   // of x[indices]
    size_t first = 0;
    for (int64_t dim = 0; dim < self_.rank(); ++dim) {
      const bool is_indexed = std::find(indexed_.begin(), indexed_.end(), dim) != indexed_.end();
      if (neighbours && dim == indexed_.front()) first = dims.size();
      if (!is_indexed) dims.push_back(self_.dims[static_cast<size_t>(dim)]);
    }
    dims.insert(dims.begin() + static_cast<ptrdiff_t>(first), picked_.begin(), picked_.end());
    Term shape = draft_.Literal(Attr(0), call_.type());
    shape.dims = dims;
    const Term given = draft_.Cast(call_.Tensor(2), call_.type());
    draft_.Broadcast({shape, given});   // makes the axes agree
    Term values = given;
    values.leaf.reset();
    std::vector<AxisList> placed(static_cast<size_t>(self_.rank()));
    size_t at = 0;
    for (int64_t dim = 0; dim < self_.rank(); ++dim) {
      if (at == first) at += picked_.size();
      const bool is_indexed = std::find(indexed_.begin(), indexed_.end(), dim) != indexed_.end();
      if (!is_indexed) placed[static_cast<size_t>(dim)] = dims[at++];
    }
    placed.push_back(number_);
    values.dims = std::move(placed);   // a dimension that the values repeat has axes that they do not depend on
    return values;
  }

  const OpCall& call_;
  Draft& draft_;
  Term self_;
  std::vector<Term> indices_;
  std::vector<int64_t> indexed_;
  std::vector<AxisList> picked_;   // the indices' common dimensions
  AxisList number_;                // all of them as one
};

// The source's elements one after the other where the mask is true.
void MaskedScatter(const OpCall& call) {
  Draft& draft = call.draft;
  const Term self = call.Tensor(0), source = call.Tensor(2);
  const Shape& shape = call.Result().shape;
  Term mask = draft.Cast(call.Tensor(1), DType::kBool);
  mask = draft.Reshape(draft.Expand(mask, shape), {ElementCount(shape)});
  draft.SetName("taken");
  Term number = draft.Scan("cumsum", draft.Cast(mask, DType::kInt64), 0);
  number = draft.Reshape(IntOp(draft, "maximum", IntOp(draft, "sub", number, 1), 0), shape);
  const Term flat = draft.Reshape(source, {ElementCount(draft.ShapeOf(source))});
  const Term here = draft.Reshape(mask, shape);
  const Term taken = draft.Take(flat, {{0, {number, here}}}, number.dims);
  call.Define(draft.Where(here, taken, self, call.type()));
}

}  // namespace

void LowerScatters(HandlerTable& table) {
  table["aten.scatter.src"] = table["aten.scatter.value"] = ScatterReplace;
  table["aten.scatter_add.default"] = ScatterAdd;
  for (const char* name : {"scatter_reduce.two", "scatter.reduce", "scatter.value_reduce"}) table[std::string("aten.") + name] = ScatterReduce;
  table["aten.index_add.default"] = [](const OpCall& call) { IndexSlices(call, SliceUse::kAdd); };
  table["aten.index_copy.default"] = [](const OpCall& call) { IndexSlices(call, SliceUse::kCopy); };
  for (const char* name : {"int_Scalar", "int_Tensor"}) {
    table[std::string("aten.index_fill.") + name] = [](const OpCall& call) { IndexSlices(call, SliceUse::kFill); };
  }
  table["aten.index_put.default"] = [](const OpCall& call) { IndexPut(call).Run(); };
  table["aten.masked_scatter.default"] = MaskedScatter;
}

}  // namespace drtriton
