#include "execute/timing.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace drtriton {

MedianInterval Median(std::vector<double> samples) {
  Require(!samples.empty(), "a median of nothing");
  std::sort(samples.begin(), samples.end());
  const auto count = static_cast<double>(samples.size());
  const double reach = 0.98 * std::sqrt(count);
  const auto at = [&](double rank) {
    return samples[static_cast<size_t>(std::clamp(rank, 0.0, count - 1))];
  };
  const size_t middle = samples.size() / 2;
  const double median = samples.size() % 2 == 1 ? samples[middle] : (samples[middle - 1] + samples[middle]) / 2;
  return {median, at(std::floor((count - 1) / 2 - reach)), at(std::ceil((count - 1) / 2 + reach))};
}

MedianInterval MedianOfRounds(const std::vector<std::vector<double>>& rounds) {
  std::vector<double> all, halves[2];
  for (size_t i = 0; i < rounds.size(); ++i) {
    all.insert(all.end(), rounds[i].begin(), rounds[i].end());
    auto& half = halves[2 * i >= rounds.size() ? 1 : 0];
    half.insert(half.end(), rounds[i].begin(), rounds[i].end());
  }
  MedianInterval interval = Median(std::move(all));
  for (const auto& half : halves) {
    if (half.empty()) continue;
    const double median = Median(half).median;
    interval.low = std::min(interval.low, median);
    interval.high = std::max(interval.high, median);
  }
  return interval;
}

bool IsSettled(const MedianInterval& interval_ms, TimingEffort effort) {
  const double slack = effort == TimingEffort::kThorough ? 1 : 2;
  return interval_ms.half_width() <= slack * std::max(0.01 * interval_ms.median, 0.00015);
}

std::vector<double> Summed(const std::vector<std::vector<double>>& lists) {
  if (lists.empty()) return {};
  size_t length = lists.front().size();
  for (const auto& list : lists) length = std::min(length, list.size());
  std::vector<double> sums(length, 0.0);
  for (const auto& list : lists) {
    for (size_t i = 0; i < length; ++i) sums[i] += list[i];
  }
  return sums;
}

std::optional<double> Speedup(const MedianInterval& candidate, const MedianInterval& reference) {
  const bool overlap = candidate.low <= reference.high && reference.low <= candidate.high;
  if (overlap || candidate.median <= 0) return std::nullopt;
  return reference.median / candidate.median;
}

}  // namespace drtriton
