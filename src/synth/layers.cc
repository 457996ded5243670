#include "synth/layers.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "base/error.h"

namespace drtriton {
namespace {

constexpr int kTries = 20000;
constexpr int kMostReads = 2;

// Uniform over the ways to write `total` as a sum of `parts` positive numbers: the places of the cuts.
std::vector<int> DrawSum(int total, int parts, Random& random) {
  std::vector<int> places(static_cast<size_t>(total - 1));
  std::iota(places.begin(), places.end(), 1);
  for (int i = 0; i < parts - 1; ++i)
    std::swap(places[static_cast<size_t>(i)], places[static_cast<size_t>(i) + random.Below(static_cast<uint32_t>(total - 1 - i))]);
  places.resize(static_cast<size_t>(parts - 1));
  places.push_back(total);
  std::sort(places.begin(), places.end());
  std::vector<int> sum;
  for (size_t i = 0; i < places.size(); ++i) sum.push_back(places[i] - (i > 0 ? places[i - 1] : 0));
  return sum;
}

// Whether a layer's operators find enough to read and leave few enough unread.
bool CanEnd(const std::vector<int>& counts) {
  int unread = 0;
  int left = std::accumulate(counts.begin(), counts.end(), 0);
  for (size_t layer = 0; layer < counts.size(); ++layer) {
    for (int i = 0; i < counts[layer]; ++i, --left) {
      if (layer > 0 && LeastReads(unread, left) > kMostReads) return false;
    }
    const int reads = layer == 0 ? 0 : std::min(unread, kMostReads * counts[layer]);
    unread += counts[layer] - reads;
  }
  return unread <= kMostOutputs;
}

}  // namespace

// Three of five later operators are counted on: results of other shapes do not fit each other.
int LeastReads(int unread, int left) { return std::max(0, unread - kMostOutputs + 1 - (left - 1) * 3 / 5 * (kMostReads - 1)); }

std::vector<int> DrawLayers(const SamplerOptions& options, Random& random) {
  if (options.depth == 0 && options.width == 0) return {};
  const int least_depth = options.width > 0 ? (options.ops + options.width - 1) / options.width : 1;
  const int most_depth = options.width > 0 ? options.ops - options.width + 1 : options.ops;
  for (int i = 0; i < kTries; ++i) {
    const int depth = options.depth > 0 ? options.depth
                                        : least_depth + static_cast<int>(random.Below(static_cast<uint32_t>(most_depth - least_depth + 1)));
    const std::vector<int> counts = DrawSum(options.ops, depth, random);
    const int width = *std::max_element(counts.begin(), counts.end());
    if ((options.width > 0 && width != options.width) || !CanEnd(counts)) continue;
    std::vector<int> layers;
    for (size_t layer = 0; layer < counts.size(); ++layer) layers.insert(layers.end(), static_cast<size_t>(counts[layer]), static_cast<int>(layer) + 1);
    return layers;
  }
  throw UserError("no program of " + std::to_string(options.ops) + " operators with at most " + std::to_string(kMostOutputs) + " outputs is" +
                  (options.depth > 0 ? " " + std::to_string(options.depth) + " deep" : "") +
                  (options.depth > 0 && options.width > 0 ? " and" : "") +
                  (options.width > 0 ? " " + std::to_string(options.width) + " wide" : ""));
}

}  // namespace drtriton
