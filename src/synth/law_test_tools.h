// What the tests of the law share: goodness of fit, and options without what is not under test.
#ifndef DRTRITON_SYNTH_LAW_TEST_TOOLS_H_
#define DRTRITON_SYNTH_LAW_TEST_TOOLS_H_

#include <cmath>
#include <cstdlib>
#include <map>
#include <string>

#include "synth/sampler.h"

namespace drtriton {

// How many standard deviations the chi-square statistic lies above what chance gives (Wilson and Hilferty's
// approximation).  `expected` holds probabilities; what was counted but is not expected counts as infinitely far.
inline double ChiSquareExcess(const std::map<std::string, int>& counts, const std::map<std::string, double>& expected) {
  double draws = 0;
  for (const auto& [key, count] : counts) {
    if (!expected.contains(key)) return HUGE_VAL;
    draws += count;
  }
  double statistic = 0;
  for (const auto& [key, probability] : expected) {
    const auto found = counts.find(key);
    const double count = found == counts.end() ? 0 : found->second;
    const double mean = draws * probability;
    statistic += (count - mean) * (count - mean) / mean;
  }
  const double freedom = std::max(1.0, static_cast<double>(expected.size()) - 1);
  const double shrink = 2 / (9 * freedom);
  return (std::cbrt(statistic / freedom) - (1 - shrink)) / std::sqrt(shrink);
}

inline constexpr double kMostExcess = 4.5;  // one false alarm in 300,000

inline std::map<std::string, double> Uniformly(const std::map<std::string, int>& keys) {
  std::map<std::string, double> expected;
  for (const auto& [key, unused] : keys) expected[key] = 1.0 / static_cast<double>(keys.size());
  return expected;
}

inline uint64_t TestSeed() {
  const char* text = std::getenv("DRTRITON_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20260321;
}

// About a dozen operators of different arity, dtype and shape rules.
inline SamplerOptions ReducedSpace(int ops) {
  SamplerOptions options;
  options.ops = ops;
  options.operators = {"relu", "log", "add.Tensor", "mm", "argmax", "max.dim", "sum.dim_IntList", "softmax", "glu", "embedding", "where.self", "gt.Tensor"};
  options.size = SizeClass::kTiny;
  options.glue = 0;
  options.shared_input = 0;
  options.parameter = 0;
  options.low_precision = 0;
  return options;
}

}  // namespace drtriton

#endif  // DRTRITON_SYNTH_LAW_TEST_TOOLS_H_
