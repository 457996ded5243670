#include "synth/fill_menu.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <span>
#include <vector>

namespace drtriton {
namespace {

constexpr int kUsual = 12;  // attempts with fills of the menu

std::span<const LeafFill> MenuOf(ElementType type) {
  using enum LeafFill::Kind;
  static const std::array<std::vector<LeafFill>, kElementTypes> menus = {{
      {{kNormal, 0, 1}, {kNormal, 0, 0.3}, {kNormal, 0.5, 1}, {kNormal, 0, 3}, {kNormal, -2, 0.5}, {kNormal, 0, 0.05}},
      {{kUniform, 0.1, 2}, {kUniform, 0.5, 1.5}, {kUniform, 0.9, 1.1}, {kUniform, 0.02, 0.3}, {kUniform, 2, 8}},
      {{kUniform, 0.02, 0.98}, {kUniform, 0.3, 0.7}, {kUniform, 0.9, 0.995}, {kUniform, 0.01, 0.1}},
      {{kUniform, -0.95, 0.95}, {kUniform, -0.3, 0.3}, {kUniform, -0.05, 0.05}},
      {{kUniform, -2, -0.1}, {kUniform, -0.3, -0.01}, {kUniform, -8, -2}},
      {{kUniform, 1.05, 3}, {kUniform, 1.01, 1.2}, {kUniform, 3, 9}},
      {{kIntegers, -3, 4}},
      {{kIntegers, 0, 4}},
      {{kIntegers, -4, 5}, {kIntegers, -1, 2}},
      {{kIntegers, 0, 5}, {kIntegers, 0, 3}},
      {{kIntegers, 0, 2}},
      {{kIntegers, -5, 6}, {kIntegers, -1, 2}},
      {{kIntegers, 0, 6}, {kIntegers, 0, 2}},
      {{kIntegers, 0, 8}},
      {{kMask, 0.5, 0}},
  }};
  return menus[static_cast<size_t>(type)];
}

// Of any scale and place, where the usual ones did not help.
std::optional<LeafFill> WideFill(ElementType type, Random& random) {
  const double scale = std::pow(10.0, 5 * random.Unit() - 2.5);
  const double place = random.Chance(0.6) ? 0 : (random.Unit() * 8 - 4) * scale;
  switch (type) {
    case ElementType::kReal:
      return LeafFill{LeafFill::Kind::kNormal, place, scale};
    case ElementType::kPositive:
      return LeafFill{LeafFill::Kind::kUniform, scale * 0.1, scale * 2};
    case ElementType::kNegative:
      return LeafFill{LeafFill::Kind::kUniform, -scale * 2, -scale * 0.1};
    case ElementType::kAboveOne:
      return LeafFill{LeafFill::Kind::kUniform, 1.01, 1.02 + scale};
    case ElementType::kWhole:
    case ElementType::kInteger:
      return LeafFill{LeafFill::Kind::kIntegers, -std::floor(scale) - 1, std::floor(scale) + 2};
    case ElementType::kCounting:
    case ElementType::kNatural:
      return LeafFill{LeafFill::Kind::kIntegers, 0, std::min(std::floor(scale), 20.0) + 2};
    default:
      return std::nullopt;
  }
}

}  // namespace

LeafFill DrawFill(const LeafFacts& leaf, int64_t elements, int attempt, Random& random) {
  if (leaf.deviation > 0)
    return {LeafFill::Kind::kUniform, leaf.mean - leaf.deviation * std::numbers::sqrt3, leaf.mean + leaf.deviation * std::numbers::sqrt3};
  if (leaf.deviation < 0) return {LeafFill::Kind::kConstant, leaf.mean, 0};
  if (leaf.type == ElementType::kIndex && leaf.limit > 0)
    return {LeafFill::Kind::kIntegers, 0, static_cast<double>(leaf.limit)};
  if (leaf.type == ElementType::kBool && attempt > 0) {
    const double rarest = std::min(0.5, 6 / static_cast<double>(std::max<int64_t>(elements, 1)));  // some of them are there
    const double rare = std::max(std::pow(10.0, -5 * random.Unit() - 0.3), rarest);
    return {LeafFill::Kind::kMask, random.Chance(0.5) ? rare : 1 - rare, 0};
  }
  if (attempt >= kUsual) {
    if (const std::optional<LeafFill> fill = WideFill(leaf.type, random)) return *fill;
  }
  const std::span<const LeafFill> menu = MenuOf(leaf.type);
  return attempt == 0 ? menu[0] : menu[random.Below(static_cast<uint32_t>(menu.size()))];
}

}  // namespace drtriton
