// Medians with confidence intervals from samples of device time.
#ifndef DRTRITON_EXECUTE_TIMING_H_
#define DRTRITON_EXECUTE_TIMING_H_

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

// Sample by sample sums of several lists (segments of one plan), as long as the shortest.
std::vector<double> Summed(const std::vector<std::vector<double>>& lists);

// reference / candidate, only where the two intervals do not overlap.
std::optional<double> Speedup(const MedianInterval& candidate, const MedianInterval& reference);

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_TIMING_H_
