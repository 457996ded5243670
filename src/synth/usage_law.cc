#include "synth/usage_law.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "synth/usage_table.h"

namespace drtriton {
namespace {

constexpr int kInputs = -1;   // the module's inputs, in front of the first operator
constexpr int kNothing = -2;  // no operator, or none of the space

// Counts by path, in places of the space.  A path of which the space lacks an operator counts for what it ends in only.
class UsageCounts {
 public:
  explicit UsageCounts(const std::vector<std::string>& space) : size_(space.size()) {
    std::unordered_map<std::string, int> places;
    for (size_t i = 0; i < space.size(); ++i) places[space[i]] = static_cast<int>(i);
    const auto place_of = [&](int name) {
      if (name < 0) return name;
      const auto found = places.find(UsageNames()[static_cast<size_t>(name)]);
      return found == places.end() ? kNothing : found->second;
    };
    for (const UsagePath& path : UsagePaths()) Add(path, place_of);
  }

  double Weight(const std::vector<int>& previous, int next) const {
    const size_t count = previous.size();
    const int last = count > 0 ? previous[count - 1] : kInputs;
    const int before = count > 1 ? previous[count - 2] : count == 1 ? kInputs : kNothing;
    return 0.6 * Share(before, last, next) + 0.25 * Share(kNothing, last, next) + 0.1 * Share(kNothing, kNothing, next) +
           0.05 / static_cast<double>(size_);
  }

 private:
  template <typename PlaceOf>
  void Add(const UsagePath& path, const PlaceOf& place_of) {
    const int length = path.operators[1] == kNothing ? 1 : path.operators[2] == kNothing ? 2 : 3;
    int places[3] = {kNothing, kNothing, kNothing};  // right-aligned
    for (int i = 0; i < length; ++i) {
      places[3 - length + i] = place_of(path.operators[i]);
      if (places[3 - length + i] == kNothing) return;
    }
    counts_[Key(places[0], places[1], places[2])] += path.count;
    totals_[Key(places[0], places[1], kNothing)] += path.count;
  }

  static uint64_t Key(int a, int b, int c) {
    const auto part = [](int place) { return static_cast<uint64_t>(place + 2); };
    return part(a) << 40 | part(b) << 20 | part(c);
  }

  double Share(int before, int last, int next) const {
    const auto total = totals_.find(Key(before, last, kNothing));
    const auto found = counts_.find(Key(before, last, next));
    return total == totals_.end() || found == counts_.end() ? 0 : found->second / total->second;
  }

  size_t size_;
  std::unordered_map<uint64_t, double> counts_;
  std::unordered_map<uint64_t, double> totals_;  // by what stands in front, over all that may follow
};

}  // namespace

std::function<double(const std::vector<int>& previous, int next)> UsageWeights(const std::vector<std::string>& space) {
  return [counts = std::make_shared<const UsageCounts>(space)](const std::vector<int>& previous, int next) {
    return counts->Weight(previous, next);
  };
}

}  // namespace drtriton
