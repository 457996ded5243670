// CompositionTimer by way of emitted files: what is timed is what a user would run.
#ifndef DRTRITON_CLI_CLOCK_TIMER_H_
#define DRTRITON_CLI_CLOCK_TIMER_H_

#include <filesystem>
#include <vector>

#include "bench/clock.h"
#include "emit/emit.h"
#include "search/search.h"

namespace drtriton {

class ClockTimer : public CompositionTimer {
 public:
  // Variants are written under `folder`, which outlives this, as does `clock`.
  ClockTimer(Clock& clock, EmitOptions emit, std::filesystem::path folder);
  std::vector<std::optional<double>> TimeAll(const std::vector<Composition>& compositions, double budget_s) override;

 private:
  Clock& clock_;
  EmitOptions emit_;
  std::filesystem::path folder_;
  int written_ = 0;
};

}  // namespace drtriton

#endif  // DRTRITON_CLI_CLOCK_TIMER_H_
