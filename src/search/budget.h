// Budget: wall time that a search may use.
#ifndef DRTRITON_SEARCH_BUDGET_H_
#define DRTRITON_SEARCH_BUDGET_H_

#include <algorithm>
#include <chrono>
#include <string>

#include "base/seconds.h"

namespace drtriton {

class Budget {
 public:
  explicit Budget(double seconds) : seconds_(seconds), start_(std::chrono::steady_clock::now()) {}
  double seconds() const { return seconds_; }
  double Used() const { return SecondsSince(start_); }
  double Left() const { return std::max(0.0, seconds_ - Used()); }
  // Whether less than this share of the whole has been used.
  bool Within(double share) const { return Used() < share * seconds_; }

 private:
  double seconds_;
  std::chrono::steady_clock::time_point start_;
};

// "60s", "90", "2m", "1h" -> seconds.  Throws UserError for anything else or for less than 1 s.
double ParseDuration(const std::string& text);

}  // namespace drtriton

#endif  // DRTRITON_SEARCH_BUDGET_H_
