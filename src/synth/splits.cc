#include "synth/splits.h"

#include <algorithm>
#include <array>

#include "synth/canonical.h"

namespace drtriton {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"train", "validation", "test"};

// FNV-1a, then the finaliser of SplitMix64, so that short keys spread over all bits.
uint64_t Spread(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  hash = (hash ^ (hash >> 30)) * 0xbf58476d1ce4e5b9ull;
  hash = (hash ^ (hash >> 27)) * 0x94d049bb133111ebull;
  return hash ^ (hash >> 31);
}

}  // namespace

std::string_view Name(Split split) { return kNames[static_cast<size_t>(split)]; }

std::optional<Split> SplitFromName(std::string_view name) {
  const auto found = std::find(kNames.begin(), kNames.end(), name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Split>(found - kNames.begin());
}

Split SplitOf(const Program& program, const std::vector<std::string>& operators) {
  std::string key;
  if (operators.size() == 1) {
    key = CanonicalForm(program, Detail::kShapes);
  } else {
    std::vector<std::string_view> sorted(operators.begin(), operators.end());
    std::sort(sorted.begin(), sorted.end());
    for (const std::string_view name : sorted) {
      key += name;
      key += ';';
    }
  }
  const uint64_t percent = Spread(key) % 100;
  return percent < 90 ? Split::kTrain : percent < 95 ? Split::kValidation : Split::kTest;
}

}  // namespace drtriton
