#include "cli/clock_timer.h"

#include <string>
#include <utility>

#include "base/file.h"

namespace drtriton {

ClockTimer::ClockTimer(Clock& clock, EmitOptions emit, std::filesystem::path folder)
    : clock_(clock), emit_(std::move(emit)), folder_(std::move(folder)) {}

std::vector<std::optional<double>> ClockTimer::TimeAll(const std::vector<Composition>& compositions, double budget_s) {
  Clock::TimeRequest request;
  request.eager = false;
  request.budget_s = budget_s;
  for (const Composition& composition : compositions) {
    std::filesystem::path path = folder_ / ("variant_" + std::to_string(written_++) + ".py");
    WriteFileAtomically(path, EmitModule(composition, emit_));
    request.variants.push_back(path);
  }
  std::vector<std::optional<double>> times;
  for (const Timing& timing : clock_.Time(request)) times.push_back(timing.device_ms);
  return times;
}

}  // namespace drtriton
