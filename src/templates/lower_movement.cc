// Data movement along one dimension at a time: flips, rolls, joins, padding, repetition.  Each is an index
// relation (Draft::Take) or a relabelling of axes; nothing is copied before the next operator reads it.
#include <algorithm>
#include <cstdlib>

#include "templates/lower_index.h"
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

using Position = Draft::Position;

void Flip(const OpCall& call) {
  Term x = call.Tensor(0);
  for (int64_t dim : call.arg(1).AsInts()) x = FlipAlong(call.draft, x, WrapDim(dim, x.rank()));
  call.Define(x);
}

void Roll(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  std::vector<int64_t> shifts = call.arg(1).AsInts(), over = call.Given(2) ? call.arg(2).AsInts() : std::vector<int64_t>{};
  if (over.empty()) {
    Shape shape = draft.ShapeOf(x);
    Term flat = draft.Reshape(x, {ElementCount(shape)});
    return call.Define(draft.Reshape(RollAlong(draft, flat, 0, shifts[0]), shape));
  }
  for (size_t i = 0; i < over.size(); ++i) x = RollAlong(draft, x, WrapDim(over[i], x.rank()), shifts[i]);
  call.Define(x);
}

// ---- Joins

// Where a position along the joined dimension belongs to a part, that part's element.
Term Join(Draft& draft, const std::vector<Term>& parts, int64_t dim, DType type) {
  const size_t at = static_cast<size_t>(dim);
  Shape shape = draft.ShapeOf(parts[0]);
  shape[at] = 0;
  for (const Term& part : parts) shape[at] += draft.Size(part, dim);
  std::vector<AxisList> dims = parts[0].dims;
  dims[at] = draft.FreshDims({shape[at]}).front();
  Term position = draft.IndexOver(dims, at, 0, 1);
  std::optional<Term> result;
  int64_t end = shape[at];
  for (size_t i = parts.size(); i-- > 0;) {
    int64_t start = end - draft.Size(parts[i], dim);
    std::optional<Term> guard;
    if (start > 0) guard = Compare(draft, "ge", position, start);
    if (end < shape[at]) guard = Both(draft, guard, Compare(draft, "lt", position, end));
    for (int64_t other = 0; other < parts[0].rank(); ++other) {
      if (other != dim) draft.Align(parts[0], parts[i], other);
    }
    std::vector<AxisList> part_dims = parts[i].dims;
    part_dims[at] = dims[at];
    Term part = draft.Take(draft.Cast(parts[i], type), {{dim, {draft.IndexOver(dims, at, -start, 1), guard}}}, part_dims);
    result = result ? draft.Where(Compare(draft, "lt", position, end), part, *result, type) : part;
    end = start;
  }
  return *result;
}

constexpr size_t kMostParts = 32;   // each is a load under a condition

void Join(const OpCall& call, bool stack) {
  Draft& draft = call.draft;
  std::vector<Term> parts;
  for (const Attr& argument : call.arg(0).AsList()) {
    if (draft.value(argument.AsValue()).Elements() == 0) continue;   // an empty vector joins anything
    parts.push_back(draft.Get(argument));
  }
  if (parts.size() > kMostParts) throw Refusal{"a join of more than " + std::to_string(kMostParts) + " tensors"};
  int64_t rank = parts.at(0).rank() + (stack ? 1 : 0), dim = WrapDim(call.Int(1, 0), rank);
  if (stack) {
    for (Term& part : parts) part = draft.Unsqueeze(part, dim);
  }
  call.Define(Join(draft, parts, dim, call.type()));
}

// ---- Padding

// The position in the source of position `index` - `before`, for the modes that have one everywhere.
Term EdgePosition(Draft& draft, const std::string& mode, const Term& shifted, int64_t size) {
  auto absolute = [&](const Term& x) { return draft.Pointwise("abs", DType::kInt64, {x}); };
  if (mode == "replicate") {
    return IntOp(draft, "minimum", IntOp(draft, "maximum", shifted, Int(draft, 0)), Int(draft, size - 1));
  }
  if (mode == "circular") {
    return IntOp(draft, "remainder_positive", IntOp(draft, "add", shifted, Int(draft, size)), Int(draft, size));
  }
  Term folded = absolute(IntOp(draft, "sub", Int(draft, size - 1), absolute(shifted)));
  return IntOp(draft, "sub", Int(draft, size - 1), folded);
}

// `pad` from the last dimension on, before and after.
void Pad(const OpCall& call, const std::vector<int64_t>& pad, const std::string& mode, const Attr& fill) {
  Draft& draft = call.draft;
  Term x = draft.Cast(call.Tensor(0), call.type());
  std::vector<AxisList> dims = x.dims;
  std::map<int64_t, Position> at;
  std::optional<Term> inside;
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    int64_t dim = x.rank() - 1 - static_cast<int64_t>(i), before = pad[2 * i], after = pad[2 * i + 1], size = draft.Size(x, dim);
    if (before == 0 && after == 0) continue;
    dims[static_cast<size_t>(dim)] = draft.FreshDims({size + before + after}).front();
  }
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    int64_t dim = x.rank() - 1 - static_cast<int64_t>(i), before = pad[2 * i], after = pad[2 * i + 1], size = draft.Size(x, dim);
    if (before == 0 && after == 0) continue;
    Term shifted = draft.IndexOver(dims, static_cast<size_t>(dim), -before, 1);
    if (mode != "constant") {
      at[dim] = {EdgePosition(draft, mode, shifted, size), std::nullopt};
      continue;
    }
    std::optional<Term> guard;
    if (before > 0) guard = Compare(draft, "ge", shifted, 0);
    if (after > 0) guard = Both(draft, guard, Compare(draft, "lt", shifted, size));
    at[dim] = {shifted, guard};
    if (guard) inside = Both(draft, inside, *guard);
  }
  Term result = draft.Take(x, at, dims);
  if (inside) result = draft.Where(*inside, result, draft.Literal(fill, call.type()), call.type());
  call.Define(result);
}

void PadAny(const OpCall& call) {
  std::string mode = call.Given(2) ? call.arg(2).AsString() : "constant";
  Pad(call, call.arg(1).AsInts(), mode, call.Given(3) ? call.arg(3) : Attr(0));
}

// ---- Repetition

// Every dimension `repeats` times over: an axis that the value does not depend on, outside of its own.
void Repeat(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  std::vector<int64_t> repeats = call.arg(1).AsInts();
  while (static_cast<int64_t>(repeats.size()) < x.rank()) repeats.insert(repeats.begin(), 1);
  while (x.rank() < static_cast<int64_t>(repeats.size())) x = draft.Unsqueeze(x, 0);
  x.leaf.reset();
  for (size_t i = 0; i < repeats.size(); ++i) {
    AxisList again = draft.FreshDims({repeats[i]}).front();
    x.dims[i].insert(x.dims[i].begin(), again.begin(), again.end());
  }
  call.Define(x);
}

void RepeatInterleave(const OpCall& call) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  if (!call.Given(2)) x = draft.Reshape(x, {ElementCount(draft.ShapeOf(x))});
  call.Define(RepeatEach(draft, x, call.Given(2) ? WrapDim(call.Int(2, 0), x.rank()) : 0, call.Int(1, 1)));
}

// (C r r, H, W) as (C, H r, W r), or back.
void PixelShuffle(const OpCall& call, bool back) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  const int64_t r = call.Int(1, 1);
  Shape shape = draft.ShapeOf(x), lead(shape.begin(), shape.end() - 3), split = lead;
  int64_t c = shape[shape.size() - 3], h = shape[shape.size() - 2], w = shape.back();
  const Shape tail = back ? Shape{c, h / r, r, w / r, r} : Shape{c / (r * r), r, r, h, w};
  const std::vector<int64_t> swapped = back ? std::vector<int64_t>{0, 2, 4, 1, 3} : std::vector<int64_t>{0, 3, 1, 4, 2};
  split.insert(split.end(), tail.begin(), tail.end());
  std::vector<int64_t> order;
  int64_t rank = static_cast<int64_t>(lead.size());
  for (int64_t dim = 0; dim < rank; ++dim) order.push_back(dim);
  for (int64_t dim : swapped) order.push_back(rank + dim);
  call.Define(draft.Reshape(draft.Permute(draft.Reshape(x, split), order), call.Result().shape));
}

}  // namespace

Term FlipAlong(Draft& draft, const Term& x, int64_t dim) {
  const int64_t size = draft.Size(x, dim);
  std::vector<AxisList> dims = x.dims;
  dims[static_cast<size_t>(dim)] = draft.FreshDims({size}).front();
  return draft.Take(x, {{dim, {draft.IndexOver(dims, static_cast<size_t>(dim), size - 1, -1), std::nullopt}}}, dims);
}

Term RollAlong(Draft& draft, const Term& x, int64_t dim, int64_t shift) {
  int64_t size = draft.Size(x, dim);
  shift = ((shift % size) + size) % size;
  if (shift == 0) return x;
  std::vector<AxisList> dims = x.dims;
  dims[static_cast<size_t>(dim)] = draft.FreshDims({size}).front();
  Term index = draft.IndexOver(dims, static_cast<size_t>(dim), 0, 1);
  Term wrapped = IntOp(draft, "add", index, Int(draft, size - shift)), plain = IntOp(draft, "sub", index, Int(draft, shift));
  Term from = draft.Where(Compare(draft, "lt", index, shift), wrapped, plain, DType::kInt64);
  return draft.Take(x, {{dim, {from, std::nullopt}}}, dims);
}

Term RepeatEach(Draft& draft, Term x, int64_t dim, int64_t times) {
  AxisList again = draft.FreshDims({times}).front();
  AxisList& axes = x.dims[static_cast<size_t>(dim)];
  axes.insert(axes.end(), again.begin(), again.end());
  x.leaf.reset();
  return x;
}

void LowerMovement(HandlerTable& table) {
  table["aten.flip.default"] = Flip;
  table["aten.roll.default"] = Roll;
  table["aten.cat.default"] = [](const OpCall& call) { Join(call, false); };
  table["aten.stack.default"] = [](const OpCall& call) { Join(call, true); };
  table["aten.constant_pad_nd.default"] = [](const OpCall& call) {
    Pad(call, call.arg(1).AsInts(), "constant", call.Given(2) ? call.arg(2) : Attr(0));
  };
  table["aten.pad.default"] = PadAny;
  for (const char* rank : {"1d", "2d", "3d"}) {
    table[std::string("aten.reflection_pad") + rank + ".default"] = [](const OpCall& call) {
      Pad(call, call.arg(1).AsInts(), "reflect", Attr(0));
    };
    table[std::string("aten.replication_pad") + rank + ".default"] = [](const OpCall& call) {
      Pad(call, call.arg(1).AsInts(), "replicate", Attr(0));
    };
  }
  table["aten.repeat.default"] = table["aten.tile.default"] = Repeat;
  table["aten.repeat_interleave.self_int"] = RepeatInterleave;
  table["aten.pixel_shuffle.default"] = [](const OpCall& call) { PixelShuffle(call, false); };
  table["aten.pixel_unshuffle.default"] = [](const OpCall& call) { PixelShuffle(call, true); };
  table["aten.copy.default"] = [](const OpCall& call) { call.Define(call.draft.Cast(call.Tensor(1), call.type())); };
}

}  // namespace drtriton
