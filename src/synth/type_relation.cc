#include "synth/type_relation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"

namespace drtriton {
namespace {

constexpr double kAbsent = std::numeric_limits<double>::quiet_NaN();

int Width(int slots) { return slots == 1 ? kElementTypes : slots == 2 ? kElementTypes * kElementTypes : 3375; }

ElementType TypeOf(int index, size_t slot) {
  for (size_t s = 0; s < slot; ++s) index /= kElementTypes;
  return static_cast<ElementType>(index % kElementTypes);
}

double NumberOf(const Attr& value) {
  if (value.IsNumber()) return value.AsDouble();
  return kAbsent;
}

DType DTypeOf(Family family) {
  return family == Family::kFloat ? DType::kFloat32 : family == Family::kInt ? DType::kInt64 : DType::kBool;
}
Family FamilyOf(DType dtype) {
  return IsFloating(dtype) ? Family::kFloat : dtype == DType::kBool ? Family::kBool : Family::kInt;
}

// Some numbers of the type, fewer where there are several operands.
std::span<const double> Points(ElementType type, size_t slots) {
  using Table = std::array<std::array<std::vector<double>, kElementTypes>, 3>;
  static const Table* const table = [] {
    auto* made = new Table;
    for (size_t n = 0; n < made->size(); ++n) {
      for (size_t t = 0; t < kElementTypes; ++t) {
        const std::span<const double> all = PointsOf(static_cast<ElementType>(t));
        const size_t wanted = std::min<size_t>(all.size(), n == 0 ? all.size() : n == 1 ? 7 : 5);
        for (size_t i = 0; i < wanted; ++i) (*made)[n][t].push_back(all[wanted == all.size() ? i : i * (all.size() - 1) / (wanted - 1)]);
      }
    }
    return made;
  }();
  return (*table)[std::min<size_t>(slots, 3) - 1][static_cast<size_t>(type)];
}

// Builds the relation of one form.
class Relation {
 public:
  Relation(const DomainForm& domain, OperatorForm& form) : domain_(domain), form_(form) {}

  bool Run() {
    ReadDefaults();
    for (const auto& values : domain_.scalars) {
      if (domain_.casts.empty()) AddChoice(values, std::nullopt);
      for (Family cast : domain_.casts) AddChoice(values, cast);
    }
    Summarise();
    FindDistinct();
    return !form_.scalars.empty();
  }

 private:
  size_t SlotCount() const { return form_.slots.size(); }
  bool IsIndex(size_t s) const { return IsIndexSlot(*form_.rule, form_.slots[s], domain_.dtypes[s]); }
  bool IsSilent(size_t s) const { return (form_.rule->silent_arguments >> form_.slots[s].argument) & 1U; }

  void ReadDefaults() {
    for (const SchemaArgument& argument : form_.info->schema.arguments)
      defaults_.push_back(argument.default_value ? NumberOf(*argument.default_value) : kAbsent);
    defaults_.resize(std::max<size_t>(defaults_.size(), 8), kAbsent);
  }

  void AddChoice(const std::vector<std::pair<int, Attr>>& values, std::optional<Family> cast) {
    families_.clear();
    ScalarChoice choice{.values = values, .cast = cast, .table = {}};
    arguments_ = defaults_;
    for (const auto& [position, value] : values) arguments_[static_cast<size_t>(position)] = NumberOf(value);
    bool any = false;
    const size_t width = static_cast<size_t>(Width(form_.slot_count()));
    for (auto& table : choice.table) table.assign(width, kIllegal);
    for (size_t index = 0; index < width; ++index) any |= Relate(static_cast<int>(index), choice);
    if (any) form_.scalars.push_back(std::move(choice));
  }

  bool Accepts(size_t s, ElementType type) const {
    if (IsIndex(s)) return type == ElementType::kIndex;
    if (!((domain_.dtypes[s].families >> static_cast<unsigned>(FamilyOf(type))) & 1U)) return false;
    const size_t argument = static_cast<size_t>(form_.slots[s].argument);
    const TypeMask accepted = argument < 8 ? form_.rule->accepts[argument] : TypeMask{0};
    return accepted == 0 || (accepted & MaskOf(type)) != 0;
  }

  bool Relate(int index, ScalarChoice& choice) const {
    std::vector<ElementType> types;
    std::optional<Family> of_case;
    for (size_t s = 0; s < SlotCount(); ++s) {
      types.push_back(TypeOf(index, s));
      if (!Accepts(s, types[s])) return false;
      if (!domain_.dtypes[s].of_the_case) continue;
      if (of_case && *of_case != FamilyOf(types[s])) return false;
      of_case = FamilyOf(types[s]);
    }
    const std::optional<std::vector<Family>> families = ResultFamilies(types, choice);
    if (!families) return false;
    const std::vector<double> numbers = Numbers(types);
    std::array<uint8_t, 2> results = {};
    for (size_t k = 0; k < 2; ++k) {
      if (k == 1 && form_.rule->gather.size() == 1 && families->size() == 1) {
        results[1] = results[0];
        break;
      }
      const Gather gather = form_.rule->gather[std::min(k, form_.rule->gather.size() - 1)];
      const std::optional<ElementType> type = ResultType(gather, types, numbers, (*families)[std::min(k, families->size() - 1)]);
      if (!type) return false;
      results[k] = static_cast<uint8_t>(*type);
    }
    for (size_t k = 0; k < 2; ++k) choice.table[k][static_cast<size_t>(index)] = results[k];
    return true;
  }

  // What the registry's rule says of dtypes, by families.
  std::optional<std::vector<Family>> ResultFamilies(const std::vector<ElementType>& types,
                                                    const ScalarChoice& choice) const {
    size_t key = choice.cast ? 27 * (1 + static_cast<size_t>(*choice.cast)) : 0;
    size_t weight = 1;
    for (ElementType type : types) {
      key += weight * static_cast<size_t>(FamilyOf(type));
      weight *= 3;
    }
    const auto found = families_.find(key);
    if (found != families_.end()) return found->second;
    return families_[key] = ProbeFamilies(types, choice);
  }

  std::optional<std::vector<Family>> ProbeFamilies(const std::vector<ElementType>& types,
                                                   const ScalarChoice& choice) const {
    const ShapeCase& shape_case = form_.cases.front();
    std::vector<int64_t> sizes;
    for (int i = 0; i < shape_case.letters; ++i) {
      const size_t at = static_cast<size_t>(i);
      sizes.push_back(shape_case.most[at] > 0 ? shape_case.most[at] : 24 + 12 * i);
    }
    std::vector<DType> dtypes;
    for (ElementType type : types) dtypes.push_back(DTypeOf(FamilyOf(type)));
    const std::vector<Shape> shapes(SlotCount(), Shape{6, 4});
    Trial trial = MakeTrial(*form_.info, form_.slots, shape_case, sizes, dtypes, shapes);
    for (const auto& [position, value] : choice.values) trial.node.args[static_cast<size_t>(position)] = value;
    const int dtype = form_.info->schema.Find("dtype");
    if (choice.cast) trial.node.args[static_cast<size_t>(dtype)] = Attr(DTypeOf(*choice.cast));
    if (choice.cast && DTypeOf(*choice.cast) == dtypes[0]) return std::nullopt;  // no cast at all
    try {
      std::vector<Family> families;
      for (const InferredValue& value : InferOutputs(trial.program, trial.node)) {
        if (IsFloating(value.dtype) && value.dtype != DType::kFloat32) return std::nullopt;
        families.push_back(FamilyOf(value.dtype));
      }
      return families;
    } catch (const UserError&) {
      return std::nullopt;
    }
  }

  // What the function gives on the points of these types; without a function the points themselves.
  std::vector<double> Numbers(const std::vector<ElementType>& types) const {
    std::vector<double> numbers;
    if (form_.rule->function == nullptr) {
      for (size_t s = 0; s < types.size(); ++s) {
        if (IsIndex(s) || IsSilent(s)) continue;
        const std::span<const double> points = PointsOf(types[s]);
        numbers.insert(numbers.end(), points.begin(), points.end());
      }
      if (numbers.empty()) numbers.assign(PointsOf(types[0]).begin(), PointsOf(types[0]).end());
      return numbers;
    }
    std::vector<double> arguments = arguments_;
    numbers.reserve(128);
    Evaluate(types, 0, arguments, numbers);
    if (form_.info->name.starts_with("aten.cross_entropy")) numbers.insert(numbers.end(), {0.05, 3});  // by the number of classes
    if (types.size() == 1 && IsUnbounded(types[0])) AddFar(PointsOf(types[0]), arguments, numbers);
    return numbers;
  }

  static bool IsUnbounded(ElementType type) {
    using enum ElementType;
    constexpr TypeMask kMask = MaskOf(kReal) | MaskOf(kPositive) | MaskOf(kNegative) | MaskOf(kAboveOne) |
                               MaskOf(kRealZeros) | MaskOf(kPositiveZeros);
    return (kMask & MaskOf(type)) != 0;
  }

  // A function that only scales bounds nothing: its numbers are continued as far as its operand's may lie.
  void AddFar(std::span<const double> points, std::vector<double>& arguments, std::vector<double>& numbers) const {
    constexpr double kFar = 200;
    double& x = arguments[static_cast<size_t>(form_.slots[0].argument)];
    std::vector<double> far;
    for (double point : points) {
      x = point;
      const double near = form_.rule->function(arguments.data());
      x = kFar * point;
      far.push_back(form_.rule->function(arguments.data()));
      if (!(std::abs(far.back() - kFar * near) <= 1e-9 * std::abs(far.back()))) return;
    }
    numbers.insert(numbers.end(), far.begin(), far.end());
  }

  void Evaluate(const std::vector<ElementType>& types, size_t s, std::vector<double>& arguments,
                std::vector<double>& numbers) const {
    if (s == types.size()) {
      numbers.push_back(form_.rule->function(arguments.data()));
      return;
    }
    for (double point : Points(types[s], types.size())) {
      // One that is not finite decides.
      if (!numbers.empty() && !std::isfinite(numbers.back())) return;
      // Operands of one type are not equal element by element.
      const bool shifted = s > 0 && FamilyOf(types[s]) == Family::kFloat && point != std::floor(point);
      arguments[static_cast<size_t>(form_.slots[s].argument)] = shifted ? point * 0.983 : point;
      Evaluate(types, s + 1, arguments, numbers);
    }
  }

  std::optional<ElementType> ResultType(Gather gather, const std::vector<ElementType>& types,
                                        const std::vector<double>& numbers, Family family) const {
    switch (gather) {
      case Gather::kIndex:
        return ElementType::kIndex;
      case Gather::kTruth:
        return ElementType::kBool;
      case Gather::kCount:
        return family == Family::kInt ? ElementType::kNatural : ElementType::kCounting;
      case Gather::kMixture:
      case Gather::kStandard:
      case Gather::kLogSum:
      case Gather::kTable:
        return family == Family::kFloat ? ElementType::kReal : ElementType::kInteger;
      case Gather::kShare:
        return ElementType::kUnit;
      case Gather::kLogShare:
        return ElementType::kNegative;
      case Gather::kSpread:
        return ElementType::kPositive;
      default:
        break;
    }
    const bool moves = gather == Gather::kChoice && form_.rule->function == nullptr;
    if (moves && family == Family::kInt && AllIndices(types)) return ElementType::kIndex;
    std::vector<double> gathered = Gathered(gather, numbers, Padding());
    // An average may be of very few: the numbers themselves are among its results.
    if (gather == Gather::kMean) gathered.insert(gathered.end(), numbers.begin(), numbers.end());
    if (family != Family::kFloat) {
      for (double& x : gathered) x = family == Family::kBool && std::isfinite(x) ? (x != 0 ? 1 : 0) : std::trunc(x);
    }
    return Classify(gathered, family);
  }

  // What stands where no element of an operand does.
  double Padding() const {
    const int value = form_.info->schema.Find("value");
    const double padding = value < 0 ? 0 : arguments_[static_cast<size_t>(value)];
    return std::isfinite(padding) ? padding : 0;
  }

  bool AllIndices(const std::vector<ElementType>& types) const {
    bool all = true;
    for (size_t s = 0; s < types.size(); ++s) all = all && (IsIndex(s) || types[s] == ElementType::kIndex);
    return all && types[0] == ElementType::kIndex && !IsIndex(0);
  }

  void Summarise() {
    const int width = Width(form_.slot_count());
    for (const ScalarChoice& choice : form_.scalars) {
      for (int index = 0; index < width; ++index) {
        if (choice.table[0][static_cast<size_t>(index)] == kIllegal) continue;
        for (size_t s = 0; s < SlotCount(); ++s) form_.accepts[s] |= MaskOf(TypeOf(index, s));
        for (size_t k = 0; k < static_cast<size_t>(kMaxResults); ++k) {
          const size_t column = std::min<size_t>(k, 1);
          const TypeMask given = MaskOf(static_cast<ElementType>(choice.table[column][static_cast<size_t>(index)]));
          form_.gives[k] |= given;
          for (size_t s = 0; s < SlotCount(); ++s)
            form_.gives_when[column][s][static_cast<size_t>(TypeOf(index, s))] |= given;
        }
      }
    }
  }

  // x - x is 0, max(x, x) is x.
  void FindDistinct() {
    for (size_t i = 0; i < SlotCount(); ++i) {
      for (size_t j = i + 1; j < SlotCount(); ++j) {
        if (form_.rule->distinct || (form_.rule->function != nullptr && SameIsTrivial(i, j)))
          form_.distinct |= static_cast<uint16_t>(1U << (3 * i + j));
      }
    }
  }

  // In the first legal combination in which both have one type.
  bool SameIsTrivial(size_t i, size_t j) const {
    const int width = Width(form_.slot_count());
    for (int index = 0; index < width; ++index) {
      if (TypeOf(index, i) != TypeOf(index, j)) continue;
      for (const ScalarChoice& choice : form_.scalars) {
        if (choice.table[0][static_cast<size_t>(index)] != kIllegal) return IsTrivial(index, i, j, choice);
      }
    }
    return true;
  }

  bool IsTrivial(int index, size_t i, size_t j, const ScalarChoice& choice) const {
    std::vector<double> arguments = defaults_;
    for (const auto& [position, value] : choice.values) arguments[static_cast<size_t>(position)] = NumberOf(value);
    for (size_t s = 0; s < SlotCount(); ++s)
      arguments[static_cast<size_t>(form_.slots[s].argument)] = PointsOf(TypeOf(index, s))[1];
    std::vector<double> numbers;
    bool identity = true;
    for (double point : PointsOf(TypeOf(index, i))) {
      arguments[static_cast<size_t>(form_.slots[i].argument)] = point;
      arguments[static_cast<size_t>(form_.slots[j].argument)] = point;
      numbers.push_back(form_.rule->function(arguments.data()));
      identity = identity && numbers.back() == point;
    }
    const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
    return identity || !(*most - *least > 1e-9);
  }

  const DomainForm& domain_;
  OperatorForm& form_;
  std::vector<double> defaults_;
  std::vector<double> arguments_;
  mutable std::map<size_t, std::optional<std::vector<Family>>> families_;
};

}  // namespace

bool IsIndexSlot(const NumericRule& rule, const TensorSlot& slot, const SlotDType& dtype) {
  return slot.argument < 8 && ((rule.index_arguments >> slot.argument) & 1U) && dtype.families == 2U;
}

std::vector<double> Gathered(Gather gather, std::vector<double> numbers, double padding) {
  if (gather == Gather::kPadded) {
    numbers.insert(numbers.end(), {padding, padding});
    return numbers;
  }
  if (gather != Gather::kMean && gather != Gather::kSum && gather != Gather::kProduct) return numbers;
  // Three neighbours in order of size stand for many, the order closed to a ring.
  if (!std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x); })) return numbers;
  std::sort(numbers.begin(), numbers.end());
  numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
  const size_t n = numbers.size();
  std::vector<double> gathered;
  for (size_t i = 0; i < n; ++i) {
    const double x = numbers[i], y = numbers[(i + 1) % n], z = numbers[(i + 2) % n];
    gathered.push_back(gather == Gather::kMean ? 0.21 * x + 0.34 * y + 0.45 * z : gather == Gather::kSum ? x + y + z : x * y * z);
  }
  return gathered;
}

bool RelateTypes(const DomainForm& domain, OperatorForm& form) { return Relation(domain, form).Run(); }

}  // namespace drtriton
