// Tested by numerics_test.cc: honest reorderings pass, lost precision and single wrong elements do not.
#include "execute/numerics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "base/error.h"
#include "execute/torch_values.h"

namespace drtriton {
namespace {

// Elements compared at once: bounds the float64 temporaries.  A multiple of kBlock.
constexpr int64_t kChunk = int64_t{1} << 23;

// What few carriers of a block's error may widen its bound by.
constexpr double kMostOfCarriers = 4;

// The absolute part of an ulp: below it the format cannot, or kernels that flush subnormals do not, tell numbers apart.
double SmallestStep(DType dtype) {
  switch (dtype) {
    case DType::kFloat16: return std::ldexp(1.0, -24);
    case DType::kFloat64:
    case DType::kComplex128: return std::numeric_limits<double>::min();
    default: return std::ldexp(1.0, -126);
  }
}

double Epsilon(DType dtype) {
  if (dtype == DType::kComplex64) return MachineEpsilon(DType::kFloat32);
  if (dtype == DType::kComplex128) return MachineEpsilon(DType::kFloat64);
  return MachineEpsilon(dtype);
}

at::Tensor Ulp(const at::Tensor& magnitude, DType dtype) {
  return (magnitude * Epsilon(dtype)).clamp_min(SmallestStep(dtype));
}

at::Tensor Flat(const at::Tensor& tensor) {
  return (tensor.is_complex() ? at::view_as_real(tensor.resolve_conj()) : tensor).contiguous().view({-1});
}

bool IsReal(DType dtype) { return IsFloating(dtype) || dtype == DType::kComplex64 || dtype == DType::kComplex128; }

// The elements [begin, end) of a flat result, whole blocks; the last range takes the remainder of the last block too.
struct Range {
  int64_t begin, end, first_block, blocks;
};

int64_t BlockCount(int64_t elements) { return std::max<int64_t>(elements / kBlock, elements > 0 ? 1 : 0); }

std::vector<Range> Ranges(int64_t elements) {
  std::vector<Range> ranges;
  const int64_t blocks = BlockCount(elements);
  for (int64_t first = 0; first < blocks; first += kChunk / kBlock) {
    const int64_t count = std::min(kChunk / kBlock, blocks - first);
    const int64_t end = first + count == blocks ? elements : (first + count) * kBlock;
    ranges.push_back({first * kBlock, end, first, count});
  }
  return ranges;
}

at::Tensor Slice(const at::Tensor& flat, const Range& range) { return flat.narrow(0, range.begin, range.end - range.begin); }

// The maximum of each block of a range; the last block takes the remainder.
at::Tensor BlockMax(const at::Tensor& values, int64_t blocks) {
  const int64_t whole = std::min(values.size(0), blocks * kBlock);
  if (whole < blocks * kBlock) return values.amax().view({1});   // one short block
  at::Tensor maxima = values.narrow(0, 0, whole).view({blocks, kBlock}).amax(1);
  if (whole < values.size(0)) {
    at::Tensor last = maxima.narrow(0, blocks - 1, 1);
    last.copy_(at::maximum(last, values.narrow(0, whole, values.size(0) - whole).amax().view({1})));
  }
  return maxima;
}

// A value a block, repeated for each of its elements.
at::Tensor Spread(const at::Tensor& a_block, int64_t elements) {
  const int64_t blocks = a_block.size(0);
  if (elements < blocks * kBlock) return a_block.expand({elements});
  at::Tensor spread = a_block.repeat_interleave(kBlock);
  if (elements == blocks * kBlock) return spread;
  return at::cat({spread, a_block.narrow(0, blocks - 1, 1).expand({elements - blocks * kBlock})});
}

// g(n) of the header.
double SmallSampleFactor(int64_t elements) { return std::pow(256.0, 2.0 / (static_cast<double>(elements) + 1)); }

// How many elements of each block carry its error: the sum of their sizes over the largest.
at::Tensor Carriers(const at::Tensor& sizes, const at::Tensor& largest) {
  const int64_t blocks = largest.size(0), whole = std::min(sizes.size(0), blocks * kBlock);
  if (whole < blocks * kBlock) return (sizes.sum().view({1}) / largest).nan_to_num_(static_cast<double>(kBlock));
  at::Tensor sums = sizes.narrow(0, 0, whole).view({blocks, kBlock}).sum(1);
  if (whole < sizes.size(0)) sums.narrow(0, blocks - 1, 1).add_(sizes.narrow(0, whole, sizes.size(0) - whole).sum());
  return (sums / largest).nan_to_num_(static_cast<double>(kBlock));   // no error at all
}

// g for so many carriers of `draws` evaluations.
at::Tensor CarrierFactor(const at::Tensor& carriers, double draws) {
  return at::pow(256.0, (carriers * draws + 1).reciprocal_().mul_(2)).clamp_(1, kMostOfCarriers);
}

at::Tensor Classes(const at::Tensor& values) {
  at::Tensor classes = at::zeros(values.sizes(), values.options().dtype(at::kChar));
  const double infinity = std::numeric_limits<double>::infinity();
  classes.masked_fill_(values == infinity, 1).masked_fill_(values == -infinity, 2).masked_fill_(values != values, 3);
  return classes;
}

// The classes of the exact values once rounded to the result's dtype, a hair early so that rounding may go either way.
at::Tensor RoundedClasses(const at::Tensor& exact, DType dtype) {
  const double limit = LargestFinite(dtype) * (1 - 8 * Epsilon(dtype));
  at::Tensor classes = Classes(exact);
  classes.masked_fill_(exact > limit, 1).masked_fill_(exact < -limit, 2);
  return classes;
}

at::Tensor MaxDistance(const at::Tensor& exact, const std::vector<at::Tensor>& flats, const Range& range) {
  at::Tensor distance;
  for (const at::Tensor& flat : flats) {
    const at::Tensor one = (Slice(flat, range).to(at::kDouble) - exact).abs_().nan_to_num_(0, 0, 0);
    distance = distance.defined() ? at::maximum(distance, one) : one;
  }
  return distance;
}

// Numbers that were computed on the device, in one trip: each trip waits for everything there, other processes' turns included.
std::vector<double> OnHost(const std::vector<at::Tensor>& scalars) {
  std::vector<at::Tensor> numbers;
  for (const at::Tensor& scalar : scalars) numbers.push_back(scalar.to(at::kDouble).reshape({}));
  const at::Tensor host = at::stack(numbers).to(at::kCPU);
  return {host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel()};
}

// Sums of squares over the whole result, for the root mean squares.
struct Squares {
  double eager = 0, rounded = 0, exact = 0;
  double largest = 0;    // of eager and rounded
  double draws = 1;      // evaluations that they come from
  int64_t count = 0;
};

at::Tensor SumOfSquares(const at::Tensor& values) { return values.square().sum(); }

void ExpectFloatRange(const Evidence& flat, const Range& range, Expected* expected, Squares* squares) {
  const int64_t elements = range.end - range.begin;
  const at::Tensor exact = Slice(flat.exact, range), eager = Slice(flat.eager, range).to(at::kDouble);
  const at::Tensor usable = at::isfinite(eager).logical_and_(at::isfinite(exact));
  const at::Tensor magnitudes = at::where(usable, exact.abs(), 0.0);
  at::Tensor rounding = MaxDistance(exact, flat.rounded, range);
  rounding = rounding.defined() ? at::where(usable, rounding, 0.0) : at::zeros_like(magnitudes);
  const at::Tensor floor = BlockMax(rounding, range.blocks), magnitude = BlockMax(magnitudes, range.blocks);
  at::Tensor errors = at::where(usable, (eager - exact).abs_(), 0.0);
  if (!flat.jumped.empty()) {
    const at::Tensor jumps = MaxDistance(exact, flat.jumped, range);
    const at::Tensor unstable = jumps > Spread(floor + Ulp(magnitude, expected->dtype), elements);
    errors.masked_fill_(unstable, 0);
    Slice(expected->jump, range).copy_(at::where(unstable, jumps * 2, 0.0));
  }
  const at::Tensor error = BlockMax(errors, range.blocks);
  // In half precision rounding is nearly all of an error, so that the rounded evaluations know its size as eager does.
  const bool half = Epsilon(expected->dtype) > 1e-4;
  const int64_t samples = elements * (half ? 1 + static_cast<int64_t>(flat.rounded.size()) : 1);
  const at::Tensor scale = at::maximum(error, floor);
  const at::Tensor carriers = Carriers(at::maximum(errors, rounding), scale);
  const at::Tensor factor = CarrierFactor(carriers, 1 + static_cast<double>(flat.rounded.size())).clamp_min_(SmallSampleFactor(std::min(samples, kBlock))) * kErrorFactor;
  expected->allowed.narrow(0, range.first_block, range.blocks).copy_(scale * factor + Ulp(magnitude, expected->dtype) * kUlps);
  expected->magnitude.narrow(0, range.first_block, range.blocks).copy_(magnitude);
  const std::vector<double> facts = OnHost({(error / magnitude).nan_to_num_(0, 0, 0).max(), SumOfSquares(errors), SumOfSquares(rounding), SumOfSquares(magnitudes), usable.sum(), scale.max()});
  expected->eager_rel_err = std::max(expected->eager_rel_err, facts[0]);
  const auto count = static_cast<int64_t>(facts[4]);
  if (count < elements) {
    if (!expected->eager_class.defined()) expected->eager_class = at::zeros({flat.exact.size(0)}, eager.options().dtype(at::kChar));
    Slice(expected->eager_class, range).copy_(Classes(eager));
  }
  squares->eager += facts[1];
  squares->rounded += facts[2];
  squares->exact += facts[3];
  squares->count += count;
  squares->largest = std::max(squares->largest, facts[5] * facts[5]);
  squares->draws = 1 + static_cast<double>(flat.rounded.size());
}

// max |p - r| of D draws is larger than one draw's; dividing would need the law of the maximum, and the bound may be wide.
double AllowedRms(const Squares& squares, DType dtype) {
  if (squares.count < kBlock) return std::numeric_limits<double>::infinity();
  const auto rms = [&](double sum) { return std::sqrt(sum / static_cast<double>(squares.count)); };
  // As for a block: few carriers tell little about the size of an error.
  const double most = std::max(squares.eager, squares.rounded), carriers = squares.largest > 0 ? most / squares.largest : static_cast<double>(squares.count);
  const double factor = std::clamp(std::pow(256.0, 2 / (carriers * squares.draws + 1)), 1.0, kMostOfCarriers);
  return kErrorFactor * factor * rms(most) +
         std::max(Epsilon(dtype) * rms(squares.exact), SmallestStep(dtype));
}

std::vector<at::Tensor> FlatAll(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> flats;
  for (const at::Tensor& tensor : tensors) flats.push_back(Flat(tensor));
  return flats;
}

void ExpectFloats(const Evidence& evidence, Expected* expected) {
  const Evidence flat{Flat(evidence.exact), Flat(evidence.eager), FlatAll(evidence.rounded), FlatAll(evidence.jumped), {}};
  const int64_t elements = flat.exact.size(0);
  const auto options = flat.exact.options();
  expected->allowed = at::zeros({BlockCount(elements)}, options);
  expected->magnitude = at::zeros({BlockCount(elements)}, options);
  if (!flat.jumped.empty()) expected->jump = at::zeros({elements}, options.dtype(at::kFloat));
  Squares squares;
  for (const Range& range : Ranges(elements)) ExpectFloatRange(flat, range, expected, &squares);
  if (expected->jump.defined() && !expected->jump.any().item<bool>()) expected->jump = at::Tensor();
  expected->allowed_rms = AllowedRms(squares, expected->dtype);
}

void ExpectIntegers(const Evidence& evidence, Expected* expected) {
  at::Tensor slack;
  const auto widen = [&](const at::Tensor& other) {
    const at::Tensor distance = (Flat(other).to(at::kLong) - Flat(evidence.exact).to(at::kLong)).abs_();
    slack = slack.defined() ? at::maximum(slack, distance) : distance;
  };
  widen(evidence.eager);
  for (const at::Tensor& jumped : evidence.jumped) widen(jumped);
  if (slack.any().item<bool>()) expected->slack = slack;
}

std::string Place(int64_t element, at::IntArrayRef shape) {
  std::string text;
  for (size_t i = shape.size(); i-- > 0;) {
    text = std::to_string(element % shape[i]) + (text.empty() ? "" : ", ") + text;
    element /= shape[i];
  }
  return "[" + text + "]";
}

std::string Number(double value) {
  std::ostringstream text;
  text.precision(6);
  text << value;
  return text.str();
}

// Complex results are compared as pairs of real numbers.
std::string PlaceOf(int64_t flat_element, const Expected& expected) {
  return Place(expected.reference.is_complex() ? flat_element / 2 : flat_element, expected.shape());
}

std::string Describe(const Expected& expected, int64_t element, double got, double wanted) {
  return "element " + PlaceOf(element, expected) + " is " + Number(got) + ", expected " + Number(wanted);
}

int64_t FirstOf(const at::Tensor& mask) { return mask.to(at::kByte).argmax().item<int64_t>(); }

void Refuse(Comparison* comparison, std::string code, std::string reason, int64_t element) {
  if (!comparison->right) return;
  comparison->right = false;
  comparison->code = std::move(code);
  comparison->reason = std::move(reason);
  comparison->element = element;
}

// NaN and infinities of a range: which elements' classes fit, and whose distance counts.
struct ClassCheck {
  at::Tensor wanted, fits, counts;
};
ClassCheck CheckClasses(const Expected& expected, const Range& range, const at::Tensor& got, const at::Tensor& exact, const at::Tensor& close) {
  const at::Tensor classes = Classes(got);
  const at::Tensor wanted = expected.eager_class.defined() ? Slice(expected.eager_class, range) : at::zeros_like(classes);
  const at::Tensor defined = at::isfinite(exact);   // else eager's rounding alone kept it finite, and anything may come
  const at::Tensor finite = (classes == 0).logical_and_(wanted == 0).logical_and_(defined);
  const at::Tensor overflows = (classes == RoundedClasses(exact, expected.dtype)).logical_and_(classes != 0);
  return {wanted, (classes == wanted).logical_or_(overflows).logical_or_(close).logical_or_(defined.logical_not().logical_and_(wanted == 0)), finite};
}

void RefuseClass(const Expected& expected, const Range& range, const at::Tensor& got, const ClassCheck& check, Comparison* comparison) {
  static constexpr const char* kClassNames[] = {"a finite number", "inf", "-inf", "NaN"};
  const int64_t at = FirstOf(check.fits.logical_not());
  Refuse(comparison, "wrong_nan",
         "element " + PlaceOf(range.begin + at, expected) + " is " + Number(got[at].item<double>()) + " where PyTorch gives " + kClassNames[check.wanted[at].item<int64_t>()],
         range.begin + at);
}

void RefuseValue(const Expected& expected, const Range& range, const at::Tensor& got, const at::Tensor& exact, const at::Tensor& allowed,
                 const at::Tensor& wrong, Comparison* comparison) {
  const int64_t at = FirstOf(wrong);
  const double bound = allowed[at].item<double>(), error = std::fabs(got[at].item<double>() - exact[at].item<double>());
  Refuse(comparison, "wrong_values",
         Describe(expected, range.begin + at, got[at].item<double>(), exact[at].item<double>()) + ": error " + Number(error) + ", allowed " + Number(bound) +
             " (" + std::to_string(wrong.sum().item<int64_t>()) + " such elements in a part of " + std::to_string(range.end - range.begin) + ")",
         range.begin + at);
}

// The sum of the squared distances.
double CompareFloatRange(const Expected& expected, const at::Tensor& flat, const at::Tensor& exact_flat, const Range& range,
                         Comparison* comparison) {
  const int64_t elements = range.end - range.begin;
  const at::Tensor got = Slice(flat, range).to(at::kDouble), exact = Slice(exact_flat, range);
  const at::Tensor a_block = expected.allowed.narrow(0, range.first_block, range.blocks);
  at::Tensor allowed = Spread(a_block, elements);
  if (expected.jump.defined()) allowed = allowed + Slice(expected.jump, range);
  at::Tensor distance = (got - exact).abs_();
  const at::Tensor close = distance <= allowed;   // false for NaN
  const ClassCheck check = CheckClasses(expected, range, got, exact, close);
  const at::Tensor wrong = check.counts.logical_and(close.logical_not());
  distance = at::where(check.counts, distance, 0.0);
  if (expected.jump.defined()) distance.masked_fill_(Slice(expected.jump, range) > 0, 0);
  const at::Tensor relative = BlockMax(distance, range.blocks) / expected.magnitude.narrow(0, range.first_block, range.blocks);
  const std::vector<double> facts = OnHost({check.fits.all(), wrong.any(), relative.nan_to_num_(0, 0, 0).max(), SumOfSquares(distance)});
  if (facts[0] == 0) RefuseClass(expected, range, got, check, comparison);
  comparison->rel_err = std::max(comparison->rel_err, facts[2]);
  if (facts[1] != 0) RefuseValue(expected, range, got, exact, allowed, wrong, comparison);
  return facts[3];
}

void CompareFloats(const Expected& expected, const at::Tensor& candidate, Comparison* comparison) {
  const at::Tensor flat = Flat(candidate), exact = Flat(expected.reference);
  double squares = 0;
  for (const Range& range : Ranges(flat.size(0))) squares += CompareFloatRange(expected, flat, exact, range, comparison);
  const double rms = flat.size(0) > 0 ? std::sqrt(squares / static_cast<double>(flat.size(0))) : 0;
  if (rms > expected.allowed_rms) {
    Refuse(comparison, "wrong_values", "the root mean square error " + Number(rms) + " exceeds the allowed " + Number(expected.allowed_rms) + ", as if precision was dropped", 0);
  }
}

// Elements of rows along `dim` in which no position comes twice.
at::Tensor OfDistinctRows(const at::Tensor& index, int64_t dim) {
  if (index.dim() == 0 || index.size(dim) < 2) return at::ones_like(index, at::kBool);
  const at::Tensor sorted = std::get<0>(index.sort(dim));
  const int64_t size = index.size(dim);
  const at::Tensor repeats = sorted.narrow(dim, 1, size - 1) == sorted.narrow(dim, 0, size - 1);
  return repeats.any(dim, /*keepdim=*/true).logical_not_().expand(index.sizes());
}

// Elements whose index selects a value as good as the reference's.
at::Tensor SelectsAsWell(const Expected& expected, const at::Tensor& candidate) {
  const Selection& selection = *expected.selection;
  const at::Tensor values = selection.dim ? selection.values : selection.values.reshape({-1});
  const at::Tensor eager = selection.dim ? selection.eager_values : selection.eager_values.reshape({-1});
  const int64_t dim = selection.dim.value_or(0);
  const auto pick = [&](const at::Tensor& from, const at::Tensor& index) {
    at::Tensor whole = index.to(at::kLong);
    if (!selection.dim) whole = whole.reshape({-1});
    else if (!selection.keeps_dim) whole = whole.unsqueeze(dim);
    return from.gather(dim, whole).reshape({-1});
  };
  const auto same = [](const at::Tensor& a, const at::Tensor& b) { return (a == b).logical_or_((a != a).logical_and_(b != b)); };
  const at::Tensor index = candidate.to(at::kLong);
  const int64_t size = values.dim() > 0 ? values.size(dim) : 1;
  const at::Tensor inside = (index >= 0).logical_and_(index < size);
  const at::Tensor safe = at::where(inside, index, 0);
  const at::Tensor wanted = pick(values, expected.reference), chosen = pick(values, safe);
  const double error = (eager.to(at::kDouble) - values).abs_().nan_to_num_(0, 0, 0).max().item<double>();
  const double ulp = eager.is_floating_point() ? Epsilon(FromTorch(eager.scalar_type())) : 0;
  const at::Tensor allowed = at::where(at::isfinite(wanted), wanted.abs() * (kUlps * ulp) + kErrorFactor * error, 0.0);
  at::Tensor as_good = ((chosen - wanted).abs_() <= allowed).logical_or_(same(chosen, wanted));
  // What overflowed in the user's precision is all the same there.
  if (selection.eager_index.defined()) as_good.logical_or_(same(pick(eager, safe), pick(eager, selection.eager_index)));
  if (selection.distinct && selection.dim) as_good.logical_and_(OfDistinctRows(index, dim).reshape({-1}));
  return as_good.logical_and_(inside.reshape({-1}));
}

void CompareIntegers(const Expected& expected, const at::Tensor& candidate, Comparison* comparison) {
  const at::Tensor flat = Flat(candidate), exact = Flat(expected.reference);
  at::Tensor fits = flat == exact;
  if (expected.slack.defined()) fits = fits.logical_or_((flat.to(at::kLong) - exact.to(at::kLong)).abs_() <= expected.slack);
  if (fits.all().item<bool>()) return;
  if (expected.selection) fits = fits.logical_or_(SelectsAsWell(expected, candidate));
  if (fits.all().item<bool>()) return;
  const int64_t at = FirstOf(fits.logical_not());
  Refuse(comparison, "wrong_integers", Describe(expected, at, flat[at].to(at::kDouble).item<double>(), exact[at].to(at::kDouble).item<double>()), at);
}

}  // namespace

int64_t Expected::bytes() const {
  int64_t sum = 0;
  for (const at::Tensor& tensor : {reference, allowed, magnitude, jump, eager_class, slack}) {
    if (tensor.defined()) sum += static_cast<int64_t>(tensor.nbytes());
  }
  if (selection) sum += static_cast<int64_t>(selection->values.nbytes() + selection->eager_values.nbytes() + (selection->eager_index.defined() ? selection->eager_index.nbytes() : 0));
  return sum;
}

Expected MakeExpected(DType dtype, const Evidence& evidence) {
  Expected expected;
  expected.dtype = dtype;
  expected.reference = evidence.exact.contiguous();
  expected.selection = evidence.selection;
  if (evidence.exact.numel() == 0) return expected;
  if (IsReal(dtype)) ExpectFloats(evidence, &expected);
  else ExpectIntegers(evidence, &expected);
  return expected;
}

Comparison Compare(const Expected& expected, const at::Tensor& candidate) {
  Require(candidate.sizes() == expected.shape(), "a candidate's result of another shape was compared");
  Comparison comparison;
  comparison.ref_rel_err = expected.eager_rel_err;
  if (candidate.numel() == 0) return comparison;
  if (IsReal(expected.dtype)) CompareFloats(expected, candidate, &comparison);
  else CompareIntegers(expected, candidate, &comparison);
  return comparison;
}

}  // namespace drtriton
