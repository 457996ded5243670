#include "synth/element_type.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace drtriton {
namespace {

struct Row {
  std::string_view name;
  Family family;
  std::vector<double> points;
};

const std::array<Row, kElementTypes>& Rows() {
  static const std::array<Row, kElementTypes> rows = {{
      {"real", Family::kFloat, {-3.7, -2.13, -1.21, -0.62, -0.21, 0.17, 0.43, 0.94, 1.73, 2.61, 3.9}},
      {"positive", Family::kFloat, {0.04, 0.21, 0.43, 0.9, 1.31, 2.2, 3.7, 6.1}},
      {"unit", Family::kFloat, {0.03, 0.13, 0.31, 0.54, 0.71, 0.87, 0.97}},
      {"signed", Family::kFloat, {-0.97, -0.61, -0.23, 0.11, 0.35, 0.82, 0.96}},
      {"negative", Family::kFloat, {-0.04, -0.21, -0.43, -0.9, -1.31, -2.2, -3.7, -6.1}},
      {"above one", Family::kFloat, {1.03, 1.3, 1.9, 2.7, 4.4, 6.3}},
      {"real with zeros", Family::kFloat, {-3.1, -1.21, -0.42, 0, 0, 0, 0.37, 1.13, 2.9}},
      {"positive with zeros", Family::kFloat, {0, 0, 0, 0.31, 1.1, 2.42, 5.3}},
      {"whole", Family::kFloat, {-3, -2, -1, 0, 0, 1, 2, 3}},
      {"counting", Family::kFloat, {0, 0, 1, 2, 3, 4}},
      {"bit", Family::kFloat, {0, 0, 1, 1}},
      {"integer", Family::kInt, {-3, -2, -1, 0, 0, 1, 2, 3}},
      {"natural", Family::kInt, {0, 0, 1, 2, 3, 4}},
      {"index", Family::kInt, {0, 1, 2, 3, 4}},
      {"bool", Family::kBool, {0, 0, 1, 1}},
  }};
  return rows;
}

ElementType ClassifyFloat(std::span<const double> numbers, double least, double most) {
  const bool whole = std::all_of(numbers.begin(), numbers.end(), [](double x) { return x == std::floor(x); });
  if (whole) {
    if (least < 0) return ElementType::kWhole;
    return most <= 1 ? ElementType::kBit : ElementType::kCounting;
  }
  if (std::find(numbers.begin(), numbers.end(), 0.0) != numbers.end()) {
    return least < 0 ? ElementType::kRealZeros : ElementType::kPositiveZeros;
  }
  if (most < 0) return ElementType::kNegative;
  if (least > 0) return least >= 1 ? ElementType::kAboveOne : most <= 1 ? ElementType::kUnit : ElementType::kPositive;
  return least > -1 && most < 1 ? ElementType::kSigned : ElementType::kReal;
}

}  // namespace

TypeMask MaskOf(Family family) {
  TypeMask mask = 0;
  for (int t = 0; t < kElementTypes; ++t) {
    const ElementType type = static_cast<ElementType>(t);
    if (FamilyOf(type) == family) mask |= MaskOf(type);
  }
  return mask;
}

Family FamilyOf(ElementType type) { return Rows()[static_cast<size_t>(type)].family; }
std::string_view Name(ElementType type) { return Rows()[static_cast<size_t>(type)].name; }
std::span<const double> PointsOf(ElementType type) { return Rows()[static_cast<size_t>(type)].points; }

std::optional<ElementType> Classify(std::span<const double> numbers, Family family) {
  if (numbers.empty()) return std::nullopt;
  if (!std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x); })) return std::nullopt;
  const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
  if (*most - *least <= 1e-9 * std::max(std::abs(*most), std::abs(*least))) return std::nullopt;
  if (family == Family::kBool) return ElementType::kBool;
  if (family == Family::kInt) return *least < 0 ? ElementType::kInteger : ElementType::kNatural;
  return ClassifyFloat(numbers, *least, *most);
}

}  // namespace drtriton
