// Resampling: positions in the source are computed in float32, as PyTorch does, and read where they fall (Draft::Take).
#include <cmath>
#include <cstdlib>

#include "templates/lower_index.h"
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

// Input positions per output position; a given scale factor counts, else the sizes' ratio.
double StepOf(const OpCall& call, size_t i, int64_t from, int64_t to, size_t scales) {
  if (call.Given(scales)) return 1.0 / call.arg(scales).AsList()[i].AsDouble();
  return static_cast<double>(from) / static_cast<double>(to);
}

Term FloatIndex(Draft& draft, const std::vector<AxisList>& dims, size_t dim) {
  return draft.Cast(draft.IndexOver(dims, dim, 0, 1), DType::kFloat32);
}

Term FloatOp(Draft& draft, const std::string& function, const Term& a, double b) {
  return draft.Pointwise(function, DType::kFloat32, {a, draft.Literal(Attr(b), DType::kFloat32)});
}

// The element below a position, or (exact) nearest to its middle.
void UpsampleNearest(const OpCall& call, bool exact) {
  Draft& draft = call.draft;
  Term x = call.Tensor(0);
  const Shape& shape = call.Result().shape;
  for (size_t dim = 2; dim < shape.size(); ++dim) {
    int64_t from = draft.Size(x, static_cast<int64_t>(dim)), to = shape[dim];
    double step = StepOf(call, dim - 2, from, to, 2);
    if (to % from == 0 && step * static_cast<double>(to) == static_cast<double>(from)) {
      x = RepeatEach(draft, x, static_cast<int64_t>(dim), to / from);
      continue;
    }
    std::vector<AxisList> dims = x.dims;
    dims[dim] = draft.FreshDims({to}).front();
    Term place = FloatIndex(draft, dims, dim);
    if (exact) place = FloatOp(draft, "add", place, 0.5);
    Term source = draft.Pointwise("floor", DType::kFloat32, {FloatOp(draft, "mul", place, step)});
    Term index = IntOp(draft, "minimum", draft.Cast(source, DType::kInt64), from - 1);
    x = draft.Take(x, {{static_cast<int64_t>(dim), {index, std::nullopt}}}, dims);
  }
  call.Define(x);
}

// One dimension between two neighbours, in float32.
Term Interpolate(const OpCall& call, const Term& x, size_t dim, int64_t to) {
  Draft& draft = call.draft;
  int64_t from = draft.Size(x, static_cast<int64_t>(dim));
  bool corners = call.Flag(2, false);
  std::vector<AxisList> dims = x.dims;
  dims[dim] = draft.FreshDims({to}).front();
  Term place = FloatIndex(draft, dims, dim);
  if (corners) {
    place = FloatOp(draft, "mul", place, to > 1 ? static_cast<double>(from - 1) / static_cast<double>(to - 1) : 0.0);
  } else {
    place = FloatOp(draft, "mul", FloatOp(draft, "add", place, 0.5), StepOf(call, dim - 2, from, to, 3));
    place = FloatOp(draft, "maximum", FloatOp(draft, "sub", place, 0.5), 0);
  }
  Term below = draft.Pointwise("floor", DType::kFloat32, {place});
  Term low = IntOp(draft, "minimum", draft.Cast(below, DType::kInt64), Int(draft, from - 1));
  Term high = IntOp(draft, "minimum", IntOp(draft, "add", low, Int(draft, 1)), Int(draft, from - 1));
  Term weight = draft.Pointwise("sub", DType::kFloat32, {place, draft.Cast(low, DType::kFloat32)});
  DType type = RegisterType(x.dtype);
  Term first = draft.Cast(draft.Take(x, {{static_cast<int64_t>(dim), {low, std::nullopt}}}, dims), type);
  Term second = draft.Cast(draft.Take(x, {{static_cast<int64_t>(dim), {high, std::nullopt}}}, dims), type);
  Term rest = draft.Pointwise("sub", type, {call.Literal(1, type), weight});
  return draft.Pointwise("add", type, {draft.Pointwise("mul", type, {first, rest}), draft.Pointwise("mul", type, {second, weight})});
}

// Between two neighbours along each of one to three dimensions.
void UpsampleLinear(const OpCall& call) {
  Term x = call.Tensor(0);
  if (!IsFloating(x.dtype)) throw Refusal{"a linear resampling of integers"};
  const Shape& shape = call.Result().shape;
  for (size_t dim = shape.size() - 1; dim >= 2; --dim) x = Interpolate(call, x, dim, shape[dim]);
  call.Define(x);
}

// Keys' cubic convolution with a = -0.75: the weight of a neighbour at distance `d`, below 1 or between 1 and 2.
Term CubicWeight(Draft& draft, const Term& d, bool near) {
  constexpr double kA = -0.75;
  const Term square = draft.Pointwise("square", DType::kFloat32, {d}), cube = draft.Pointwise("mul", DType::kFloat32, {square, d});
  const auto plus = [&](const Term& a, const Term& b) { return draft.Pointwise("add", DType::kFloat32, {a, b}); };
  if (near) {   // (a + 2) d^3 - (a + 3) d^2 + 1
    return FloatOp(draft, "add", plus(FloatOp(draft, "mul", cube, kA + 2), FloatOp(draft, "mul", square, -(kA + 3))), 1);
  }
  // a (d^3 - 5 d^2 + 8 d - 4)
  const Term tail = FloatOp(draft, "add", FloatOp(draft, "mul", d, 8 * kA), -4 * kA);
  return plus(plus(FloatOp(draft, "mul", cube, kA), FloatOp(draft, "mul", square, -5 * kA)), tail);
}

// One dimension from the four neighbours, those beyond the edges being the edges'.
Term InterpolateCubic(const OpCall& call, const Term& x, size_t dim, int64_t to) {
  Draft& draft = call.draft;
  const int64_t from = draft.Size(x, static_cast<int64_t>(dim));
  std::vector<AxisList> dims = x.dims;
  dims[dim] = draft.FreshDims({to}).front();
  Term place = FloatIndex(draft, dims, dim);
  if (call.Flag(2, false)) {
    place = FloatOp(draft, "mul", place, to > 1 ? static_cast<double>(from - 1) / static_cast<double>(to - 1) : 0.0);
  } else {
    place = FloatOp(draft, "sub", FloatOp(draft, "mul", FloatOp(draft, "add", place, 0.5), StepOf(call, dim - 2, from, to, 3)), 0.5);
  }
  const Term below = draft.Pointwise("floor", DType::kFloat32, {place});
  const Term part = draft.Pointwise("sub", DType::kFloat32, {place, below}), base = draft.Cast(below, DType::kInt64);
  const DType type = RegisterType(x.dtype);
  std::optional<Term> sum;
  for (int64_t step = -1; step <= 2; ++step) {
    const double distance = static_cast<double>(std::abs(step));
    const Term d = step <= 0 ? FloatOp(draft, "add", part, distance)
                             : draft.Pointwise("sub", DType::kFloat32, {draft.Literal(Attr(distance), DType::kFloat32), part});
    const Term at = IntOp(draft, "minimum", IntOp(draft, "maximum", IntOp(draft, "add", base, step), 0), from - 1);
    const Term value = draft.Cast(draft.Take(x, {{static_cast<int64_t>(dim), {at, std::nullopt}}}, dims), type);
    const Term term = draft.Pointwise("mul", type, {value, CubicWeight(draft, d, step == 0 || step == 1)});
    sum = sum ? draft.Pointwise("add", type, {*sum, term}) : term;
  }
  return *sum;
}

void UpsampleCubic(const OpCall& call) {
  Term x = call.Tensor(0);
  if (!IsFloating(x.dtype)) throw Refusal{"a cubic resampling of integers"};
  const Shape& shape = call.Result().shape;
  for (size_t dim = shape.size() - 1; dim >= 2; --dim) x = InterpolateCubic(call, x, dim, shape[dim]);
  call.Define(x);
}

}  // namespace

void LowerResampling(HandlerTable& table) {
  for (const char* rank : {"1d", "2d", "3d"}) {
    table[std::string("aten.upsample_nearest") + rank + ".vec"] = [](const OpCall& call) { UpsampleNearest(call, false); };
    table[std::string("aten._upsample_nearest_exact") + rank + ".vec"] = [](const OpCall& call) { UpsampleNearest(call, true); };
  }
  for (const char* name : {"linear1d", "bilinear2d", "trilinear3d"}) table[std::string("aten.upsample_") + name + ".vec"] = UpsampleLinear;
  table["aten.upsample_bicubic2d.vec"] = UpsampleCubic;
}

}  // namespace drtriton
