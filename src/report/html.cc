#include "report/html.h"

#include <cmath>
#include <cstdio>
#include <iterator>

namespace drtriton {
namespace {

// `value` in the largest of the units, 1000 apart, in which it is at least 1.
template <size_t N>
std::string Scaled(double value, const char* const (&units)[N]) {
  size_t unit = 0;
  while (unit + 1 < N && std::abs(value) >= 999.5) value /= 1000, ++unit;
  int digits = std::abs(value) >= 99.95 ? 0 : std::abs(value) >= 9.995 ? 1 : 2;
  char text[64];
  std::snprintf(text, sizeof text, "%.*f %s", digits, value, units[unit]);
  return text;
}

}  // namespace

std::string Escape(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (char c : text) {
    switch (c) {
      case '&': safe += "&amp;"; break;
      case '<': safe += "&lt;"; break;
      case '>': safe += "&gt;"; break;
      case '"': safe += "&quot;"; break;
      case '\'': safe += "&#39;"; break;
      default: safe += c;
    }
  }
  return safe;
}

std::string Milliseconds(double ms) {
  static const char* const units[] = {"ns", "µs", "ms", "s"};
  return Scaled(ms * 1e6, units);
}

std::string ByteRate(double bytes_per_us) {
  static const char* const units[] = {"kB/s", "MB/s", "GB/s", "TB/s"};
  return Scaled(bytes_per_us * 1e3, units);
}

std::string FlopRate(double flops_per_us) {
  static const char* const units[] = {"kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s"};
  return Scaled(flops_per_us * 1e3, units);
}

std::string Bytes(double bytes) {
  static const char* const units[] = {"B", "kB", "MB", "GB", "TB"};
  return Scaled(bytes, units);
}

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, share < 0.1 ? "%.1f%%" : "%.0f%%", share * 100);
  return text;
}

}  // namespace drtriton
