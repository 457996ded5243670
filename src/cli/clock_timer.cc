#include "cli/clock_timer.h"

#include <string>
#include <utility>

#include "base/file.h"
#include "base/log.h"

namespace drtriton {
namespace {

// Of the time for a batch of compositions: what compiling them may take.
constexpr double kReadyShare = 0.6;

}  // namespace

ClockTimer::ClockTimer(Clock& clock, EmitOptions emit, std::filesystem::path folder)
    : clock_(clock), emit_(std::move(emit)), folder_(std::move(folder)) {}

std::vector<std::optional<double>> ClockTimer::TimeAll(const std::vector<Composition>& compositions, double budget_s) {
  Clock::TimeRequest request;
  request.eager = false;
  request.ready_s = kReadyShare * budget_s;
  request.budget_s = budget_s - request.ready_s;
  for (const Composition& composition : compositions) {
    std::filesystem::path path = folder_ / ("variant_" + std::to_string(written_++) + ".py");
    WriteFileAtomically(path, EmitModule(composition, emit_));
    request.variants.push_back(path);
  }
  std::vector<std::optional<double>> times;
  for (const Timing& timing : clock_.Time(request)) {
    times.push_back(timing.device_ms);
    Debug(timing.name + ": " + (timing.device_ms ? std::to_string(*timing.device_ms) + " ms" : timing.failure));
  }
  return times;
}

}  // namespace drtriton
