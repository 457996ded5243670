#include "synth/size_goal.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/error.h"
#include "synth/difficulty.h"
#include "synth/size_menu.h"

namespace drtriton {
namespace {

constexpr double kNear = 1.5;        // a target is met within this factor
constexpr double kMostChange = 16;   // of the room at a time
constexpr double kBytesAnElement = 4;

std::string Short(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", number);
  return text;
}

void RequirePositive(double number, const char* what) {
  if (!(number >= 0) || !std::isfinite(number)) throw UserError(std::string(what) + " has to be a positive number, not " + Short(number));
}

}  // namespace

SizeGoal::SizeGoal(const SamplerOptions& options) : options_(options) {
  RequirePositive(options.target_us, "the target time");
  RequirePositive(options.target_bytes, "the target of bytes");
  RequirePositive(options.most_bytes, "the limit of bytes");
  RequirePositive(options.most_flops, "the limit of FLOPs");
  if (options.most_elements < 0) throw UserError("the limit of a tensor's elements has to be positive");
  any_ = options.target_us > 0 || options.target_bytes > 0 || options.most_bytes > 0 || options.most_flops > 0;
  if (options.target_bytes > 0 && options.most_bytes > 0 && options.target_bytes > options.most_bytes)
    throw UserError("programs that move about " + Short(options.target_bytes) + " bytes do not move at most " + Short(options.most_bytes));
  // Even at full arithmetic rate a program's time is its bytes at least.
  const double target_time_of_bytes = options.target_bytes / options.device_bytes_per_us / kNear / kNear;
  if (options.target_us > 0 && target_time_of_bytes > options.target_us)
    throw UserError("to move " + Short(options.target_bytes) + " bytes takes longer than " + Short(options.target_us) + " us on the device");
  CheckAgainstClass();
}

// Generous bounds of what so many operators move and compute: eight tensors of the largest size each, products of two.
void SizeGoal::CheckAgainstClass() const {
  const double elements = static_cast<double>(MostElements(options_));
  const double ops = options_.ops * 1.5 + 2;  // with glue
  const double bytes = ops * 8 * 8 * elements;
  const double us = ops * std::max(64 * elements / options_.device_bytes_per_us, 64 * std::pow(elements, 1.5) / options_.device_flops_per_us);
  const std::string tensors = "with tensors of at most " + std::to_string(MostElements(options_)) + " elements a program of " +
                              std::to_string(options_.ops) + (options_.ops == 1 ? " operator " : " operators ");
  if (options_.target_bytes > bytes) throw UserError(tensors + "moves less than " + Short(bytes) + " bytes, not " + Short(options_.target_bytes));
  if (options_.target_us > us) throw UserError(tensors + "takes less than " + Short(us) + " us, not " + Short(options_.target_us));
}

double SizeGoal::FirstRoom() const {
  double bytes = options_.target_bytes > 0 ? options_.target_bytes : options_.target_us * options_.device_bytes_per_us;
  if (bytes == 0 && options_.size != SizeClass::kTiny) bytes = 0.5 * options_.most_bytes;
  if (bytes == 0) return 0;
  return std::clamp(bytes / (kBytesAnElement * (2 * options_.ops + 1)), 1.0, static_cast<double>(MostElements(options_)));
}

double SizeGoal::Correction(const Program& program) const {
  if (!any_) return 1;
  const Difficulty found = DifficultyOf(program, options_.device_bytes_per_us, options_.device_flops_per_us);
  const auto bounded = [](double factor) { return std::clamp(factor, 1 / kMostChange, kMostChange); };
  const auto far = [](double target, double is) { return target > 0 && (is > target * kNear || is * kNear < target); };
  const auto above = [](double limit, double is) { return limit > 0 && is > limit; };
  if (above(options_.most_bytes, found.bytes)) return bounded(0.7 * options_.most_bytes / found.bytes);
  if (above(options_.most_flops, found.flops)) return bounded(0.7 * options_.most_flops / found.flops);
  if (far(options_.target_us, found.roofline_us)) return bounded(options_.target_us / std::max(found.roofline_us, 1e-9));
  if (far(options_.target_bytes, found.bytes)) return bounded(options_.target_bytes / std::max(found.bytes, 1.0));
  return 1;
}

std::string SizeGoal::Asked() const {
  std::string text;
  const auto add = [&text](double number, const std::string& before, const std::string& behind) {
    if (number > 0) text += (text.empty() ? "" : " and ") + before + Short(number) + behind;
  };
  add(options_.target_us, "takes about ", " us");
  add(options_.target_bytes, "moves about ", " bytes");
  add(options_.most_bytes, "moves at most ", " bytes");
  add(options_.most_flops, "needs at most ", " FLOPs");
  return text;
}

}  // namespace drtriton
