// Medians with confidence intervals from samples of device time.
#ifndef DRTRITON_EXECUTE_TIMING_H_
#define DRTRITON_EXECUTE_TIMING_H_

#include <cstdint>
#include <optional>
#include <vector>

namespace drtriton {

// A median and its 95% confidence interval by order statistics: the ranks n/2 -+ 0.98 sqrt(n) bound the median with that
// probability whatever the distribution (normal approximation of the binomial).
struct MedianInterval {
  double median = 0;
  double low = 0;
  double high = 0;
  double half_width() const { return (high - low) / 2; }
};
MedianInterval Median(std::vector<double> samples);   // at least one sample

// Of samples taken in rounds, one list each: the median of all, and an interval that also holds the medians of the first
// and of the second half of the rounds, so that a clock that drifts while we measure widens it.
MedianInterval MedianOfRounds(const std::vector<std::vector<double>>& rounds);   // at least one sample in all

// How long a time is measured.
enum class TimingEffort : uint8_t {
  kThorough,  // two measurements agree within 2% or 0.3 us: times that are reported or compared with each other
  kQuick,     // within 4% or 0.6 us: one of thousands
};

// Whether a measurement repeats well enough: half of its interval is at most 1% of the median or 0.15 us, whichever is
// more, so that two such measurements agree within 2% or 0.3 us; twice that for a quick one.  Times in milliseconds.
bool IsSettled(const MedianInterval& interval_ms, TimingEffort effort = TimingEffort::kThorough);

// Sample by sample sums of several lists (segments of one plan), as long as the shortest.
std::vector<double> Summed(const std::vector<std::vector<double>>& lists);

// reference / candidate, only where the two intervals do not overlap.
std::optional<double> Speedup(const MedianInterval& candidate, const MedianInterval& reference);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_TIMING_H_
