#include "synth/shape_case.h"

#include <algorithm>
#include <map>

#include "base/error.h"

namespace drtriton {
namespace {

using Sizes = std::vector<int64_t>;
using Results = std::vector<Shape>;

int64_t FloorDivide(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

void Place(AttrList& args, const TensorSlot& slot, Attr value) {
  Attr& argument = args.at(static_cast<size_t>(slot.argument));
  if (slot.item < 0) {
    argument = std::move(value);
    return;
  }
  AttrList items = argument.Is<AttrList>() ? argument.AsList() : AttrList();
  if (items.size() <= static_cast<size_t>(slot.item)) items.resize(static_cast<size_t>(slot.item) + 1);
  items[static_cast<size_t>(slot.item)] = std::move(value);
  argument = Attr(std::move(items));
}

Shape ShapeAt(const std::vector<SizeTerm>& terms, const Sizes& sizes) {
  Shape shape;
  for (const SizeTerm& term : terms) shape.push_back(term.At(sizes));
  return shape;
}

// Evaluates the rule at chosen sizes, over and over on one trial.
class Prober {
 public:
  Prober(const OperatorInfo& info, const std::vector<TensorSlot>& slots, const std::vector<DType>& dtypes,
         const ShapeCase& shape_case)
      : case_(shape_case), slots_(slots.size()), trial_(MakeTrial(info, slots, shape_case, Base(12), dtypes)) {}

  // nullopt: refused, or some result is empty.
  std::optional<Results> At(const Sizes& sizes) {
    Resize(sizes);
    try {
      Results results;
      for (InferredValue& value : InferOutputs(trial_.program, trial_.node)) {
        if (ElementCount(value.shape) == 0) return std::nullopt;
        results.push_back(std::move(value.shape));
      }
      return results;
    } catch (const UserError&) {
      return std::nullopt;
    }
  }

  // At Base(12), but for one letter; remembered, for each dimension of each result is looked for there.
  const std::optional<Results>& AtOne(int letter, int64_t size) {
    auto& met = met_[static_cast<size_t>(letter)];
    const auto found = met.find(size);
    if (found != met.end()) return found->second;
    Sizes sizes = Base(12);
    sizes[static_cast<size_t>(letter)] = size;
    return met.emplace(size, At(sizes)).first->second;
  }

  // Even, and such that no sum of two is a small multiple of one, so that a result tells which letters it comes from.
  Sizes Base(int64_t step) const {
    static constexpr std::array<int64_t, 8> kSteps = {5, 7, 11, 19, 41, 61, 83, 101};
    Sizes sizes;
    for (int i = 0; i < case_.letters; ++i) {
      const size_t at = static_cast<size_t>(i);
      const int64_t size = case_.names[at] == 'G' ? step / 6 : kSteps[std::min<size_t>(at, kSteps.size() - 1)] * step;
      sizes.push_back(case_.most[at] > 0 ? std::min<int64_t>(size, case_.most[at]) : size);
    }
    return sizes;
  }

 private:
  // The values of a trial are the slots', then the parameters'.
  void Resize(const Sizes& sizes) {
    for (const auto& [slot, term] : case_.sizes) Place(trial_.node.args, slot, Attr(term.At(sizes)));
    size_t next = 0;
    const auto resize = [&](const std::vector<SizeTerm>& terms) {
      Value& value = trial_.program.values[next++];
      for (size_t d = 0; d < terms.size(); ++d) value.shape[d] = terms[d].At(sizes);
      value.strides = ContiguousStrides(value.shape);
    };
    for (size_t s = 0; s < slots_; ++s) resize(case_.slots[s]);
    for (const ParameterTensor& parameter : case_.parameters) resize(parameter.shape);
  }

  const ShapeCase& case_;
  const size_t slots_;
  Trial trial_;
  std::array<std::map<int64_t, std::optional<Results>>, kMaxLetters> met_;
};

constexpr int64_t kSweep = 48;
constexpr int32_t kMostPeriod = 4;

// One dimension of one result, found by how it changes with the sizes.
class DimFitter {
 public:
  DimFitter(Prober& prober, const ShapeCase& shape_case, size_t result, size_t dim)
      : prober_(prober), case_(shape_case), result_(result), dim_(dim) {}

  // `at_bases`: the results at bases 12 and 18.
  bool Fit(const std::array<Results, 2>& at_bases, ResultDim& out) {
    const std::array<Sizes, 2> bases = {prober_.Base(12), prober_.Base(18)};
    const std::optional<int64_t> first = Value(at_bases[0]);
    const std::optional<int64_t> second = Value(at_bases[1]);
    if (!first || !second) return false;
    const auto fits = [&](const ResultDim& candidate) {
      return candidate.At(bases[0]) == *first && candidate.At(bases[1]) == *second;
    };
    const std::vector<SizeTerm> terms = Terms(*first);
    for (const SizeTerm& term : terms) {
      out = ResultDim{.term = term};
      if (fits(out)) return true;
    }
    for (int letter = 0; letter < case_.letters; ++letter) {
      if (FitAffine(static_cast<int8_t>(letter), out) && fits(out)) return true;
    }
    for (const SizeTerm& a : terms) {
      for (const SizeTerm& b : terms) {
        out = ResultDim{.kind = ResultDim::Kind::kSum, .term = a, .other = b};
        if (fits(out)) return true;
      }
    }
    return false;
  }

 private:
  std::optional<int64_t> Value(const Results& results) const {
    if (result_ >= results.size() || dim_ >= results[result_].size()) return std::nullopt;
    return results[result_][dim_];
  }

  // The constant, the dimensions of the operands, small multiples of letters, the product of all dimensions.
  std::vector<SizeTerm> Terms(int64_t value) const {
    std::vector<SizeTerm> terms = {SizeTerm{.coefficient = static_cast<int32_t>(value)}};
    for (const std::vector<SizeTerm>& shape : case_.slots) terms.insert(terms.end(), shape.begin(), shape.end());
    for (const ParameterTensor& parameter : case_.parameters)
      terms.insert(terms.end(), parameter.shape.begin(), parameter.shape.end());
    for (int8_t letter = 0; letter < case_.letters; ++letter) {
      for (int32_t k = 1; k <= 4; ++k) terms.push_back(SizeTerm{.coefficient = k, .count = 1, .letters = {letter}});
      for (int8_t other = 0; other < letter; ++other)
        terms.push_back(SizeTerm{.coefficient = 1, .count = 2, .letters = {other, letter}});
    }
    if (case_.letters <= 5) {
      for (int32_t k = 1; k <= 4; ++k) {
        SizeTerm all{.coefficient = k, .count = static_cast<int8_t>(case_.letters)};
        for (int8_t letter = 0; letter < case_.letters; ++letter) all.letters[static_cast<size_t>(letter)] = letter;
        terms.push_back(all);
      }
    }
    return terms;
  }

  // Slope a over period c, then the offset.
  bool FitAffine(int8_t letter, ResultDim& out) {
    const size_t at = static_cast<size_t>(letter);
    if (case_.most[at] > 0) return false;
    std::array<std::optional<int64_t>, kSweep + 1> values;
    bool grows = false;
    for (int64_t x = kSweep; x >= kSweep - 16; --x) {
      const std::optional<Results>& results = prober_.AtOne(letter, x);
      if (results) values[static_cast<size_t>(x)] = Value(*results);
      if (!values[static_cast<size_t>(x)]) return false;
      grows = grows || *values[kSweep] > *values[static_cast<size_t>(x)];
      if (x == kSweep - kMostPeriod && !grows) return false;
    }
    const auto value = [&](int64_t x) { return *values[static_cast<size_t>(x)]; };
    for (int32_t c = 1; c <= kMostPeriod; ++c) {
      const int64_t a = value(kSweep) - value(kSweep - c);
      if (a <= 0 || a > 4) continue;
      for (int32_t b = -64; b <= 64; ++b) {
        out = ResultDim{.kind = ResultDim::Kind::kAffine, .letter = letter, .a = static_cast<int32_t>(a), .b = b, .c = c};
        bool all = true;
        for (int64_t x = kSweep - 16; all && x <= kSweep; ++x) all = FloorDivide(a * x + b, c) == value(x);
        if (all) return true;
      }
    }
    return false;
  }

  Prober& prober_;
  const ShapeCase& case_;
  size_t result_;
  size_t dim_;
};

bool Agrees(const ShapeCase& shape_case, const Results& results, const Sizes& sizes) {
  if (results.size() != shape_case.results.size()) return false;
  for (size_t k = 0; k < results.size(); ++k) {
    if (results[k].size() != shape_case.results[k].size()) return false;
    for (size_t d = 0; d < results[k].size(); ++d) {
      if (shape_case.results[k][d].At(sizes) != results[k][d]) return false;
    }
  }
  return true;
}

// The least size of each letter from which the fit holds, the others at their base and at twice that.
bool FindLeastSizes(Prober& prober, ShapeCase& shape_case) {
  constexpr int64_t kLargestLeast = 16;
  for (int letter = 0; letter < shape_case.letters; ++letter) {
    const size_t at = static_cast<size_t>(letter);
    const int64_t most = shape_case.most[at] > 0 ? std::min<int64_t>(shape_case.most[at], kLargestLeast) : kLargestLeast;
    int64_t least = most + 1;
    Sizes sizes = prober.Base(12);
    for (int64_t x = most; x >= 1; --x) {
      sizes[at] = x;
      const std::optional<Results> results = prober.At(sizes);
      if (!results || !Agrees(shape_case, *results, sizes)) break;
      least = x;
    }
    if (least > most) return false;
    shape_case.least[at] = std::max(shape_case.least[at], static_cast<int32_t>(least));
  }
  return true;
}

}  // namespace

int64_t SizeTerm::At(const std::vector<int64_t>& sizes) const {
  int64_t product = coefficient;
  for (int i = 0; i < count; ++i) product *= sizes[static_cast<size_t>(letters[static_cast<size_t>(i)])];
  return product;
}

int64_t ResultDim::At(const std::vector<int64_t>& sizes) const {
  switch (kind) {
    case Kind::kTerm:
      return term.At(sizes);
    case Kind::kSum:
      return term.At(sizes) + other.At(sizes);
    case Kind::kAffine:
      return FloorDivide(a * sizes[static_cast<size_t>(letter)] + b, c);
  }
  return 0;
}

Trial MakeTrial(const OperatorInfo& info, const std::vector<TensorSlot>& slots, const ShapeCase& shape_case,
                const std::vector<int64_t>& sizes, const std::vector<DType>& dtypes,
                const std::vector<Shape>& broadcast) {
  Trial trial;
  trial.node.op = info.name;
  trial.node.args.resize(info.schema.arguments.size());
  for (size_t i = 0; i < trial.node.args.size(); ++i) {
    const SchemaArgument& argument = info.schema.arguments[i];
    if (argument.default_value) trial.node.args[i] = *argument.default_value;
    if (argument.default_value || argument.is_optional || argument.is_list) continue;
    // Numbers and dtypes that shapes do not depend on.
    if (argument.type == ArgType::kScalar || argument.type == ArgType::kFloat) trial.node.args[i] = Attr(1.0);
    if (argument.type == ArgType::kDType) trial.node.args[i] = Attr(DType::kFloat16);
  }
  const auto add = [&trial](const TensorSlot& slot, Shape shape, DType dtype) {
    const ValueId id = static_cast<ValueId>(trial.program.values.size());
    Shape strides = ContiguousStrides(shape);
    trial.program.values.push_back(Value{
        .dtype = dtype, .shape = std::move(shape), .strides = std::move(strides), .kind = ValueKind::kInput});
    Place(trial.node.args, slot, Attr(ValueRef{id}));
  };
  for (const auto& [position, value] : shape_case.arguments) trial.node.args[static_cast<size_t>(position)] = value;
  for (const auto& [slot, term] : shape_case.sizes) Place(trial.node.args, slot, Attr(term.At(sizes)));
  for (size_t s = 0; s < slots.size(); ++s) {
    const bool joint = s < broadcast.size() && shape_case.slots[s].empty();
    add(slots[s], joint ? broadcast[s] : ShapeAt(shape_case.slots[s], sizes), dtypes[s]);
  }
  const DType dtype = dtypes.empty() || !IsFloating(dtypes[0]) ? DType::kFloat32 : dtypes[0];
  for (const ParameterTensor& parameter : shape_case.parameters)
    add(parameter.slot, ShapeAt(parameter.shape, sizes), parameter.statistic ? DType::kFloat32 : dtype);
  return trial;
}

bool FitResults(const OperatorInfo& info, const std::vector<TensorSlot>& slots, const std::vector<DType>& dtypes,
                ShapeCase& shape_case) {
  Prober prober(info, slots, dtypes, shape_case);
  const std::optional<Results> first = prober.At(prober.Base(12));
  if (!first || first->size() > static_cast<size_t>(kMaxResults)) return false;
  const std::optional<Results> second = prober.At(prober.Base(18));
  if (!second) return false;
  const std::array<Results, 2> at_bases = {*first, *second};
  shape_case.results.clear();
  for (size_t k = 0; k < first->size(); ++k) {
    std::vector<ResultDim> dims((*first)[k].size());
    for (size_t d = 0; d < dims.size(); ++d) {
      if (!DimFitter(prober, shape_case, k, d).Fit(at_bases, dims[d])) return false;
    }
    shape_case.results.push_back(std::move(dims));
  }
  return FindLeastSizes(prober, shape_case);
}

}  // namespace drtriton
