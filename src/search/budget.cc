#include "search/budget.h"

#include <cstdlib>

#include "base/error.h"

namespace drtriton {

double ParseDuration(const std::string& text) {
  char* rest = nullptr;
  double value = std::strtod(text.c_str(), &rest);
  std::string unit = rest;
  double scale = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  double seconds = value * scale;
  if (rest == text.c_str() || !(seconds >= 1) || seconds > 1e7) {
    throw UserError("'" + text + "' is not a duration: write seconds, minutes or hours like 60s, 2m or 1h, at least 1s");
  }
  return seconds;
}

}  // namespace drtriton
