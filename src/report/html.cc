#include "report/html.h"

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <iterator>

namespace drtriton {
namespace {

constexpr const char* kTimeUnits[] = {"ns", "µs", "ms", "s"};

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
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      case '\'':
        safe += "&#39;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string Clip(std::string_view text, size_t characters) {
  size_t count = 0;
  size_t end = text.size();  // where the last character that stays ends
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xC0) == 0x80) continue;  // inside a character
    ++count;
    if (count == characters) end = i;
    if (count > characters) return std::string(text.substr(0, end)) + "…";
  }
  return std::string(text);
}

std::string OperatorName(const std::string& op) {
  std::string name = op.rfind("aten.", 0) == 0 ? op.substr(5, op.rfind('.') - 5) : op;
  return name.rfind("_native_batch_norm_legit", 0) == 0 ? "batch_norm" : name;
}

std::string Table(const std::string& rows) { return "<div class=\"scroll\"><table>" + rows + "</table></div>"; }

std::string Row(const std::vector<std::string>& cells, const char* tag, size_t first_number) {
  std::string row = "<tr>";
  for (size_t i = 0; i < cells.size(); ++i) {
    row += "<" + std::string(tag) + (i >= first_number ? " class=\"n\">" : ">") + cells[i] + "</" + tag + ">";
  }
  return row + "</tr>";
}

std::string Milliseconds(double ms) { return Scaled(ms * 1e6, kTimeUnits); }

std::string Milliseconds(const std::optional<double>& ms) { return ms ? Milliseconds(*ms) : "–"; }

std::string MillisecondsWithin(double ms, const std::optional<double>& half_width_ms) {
  double value = ms * 1e6;
  double scale = 1;
  size_t unit = 0;
  while (unit + 1 < std::size(kTimeUnits) && value * scale >= 999.5) scale /= 1000, ++unit;
  char text[96];
  if (!half_width_ms) return Milliseconds(ms);
  std::snprintf(text, sizeof text, "%.2f ± %.2f %s", value * scale, *half_width_ms * 1e6 * scale, kTimeUnits[unit]);
  return text;
}

std::string Error(const std::optional<double>& relative) {
  if (!relative) return "–";
  char text[32];
  std::snprintf(text, sizeof text, "%.1e", *relative);
  return text;
}

std::string Flops(double flops) {
  static const char* const units[] = {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"};
  return Scaled(flops, units);
}

std::string ByteRate(double bytes_per_us) {
  static const char* const units[] = {"kB/s", "MB/s", "GB/s", "TB/s"};
  return Scaled(bytes_per_us * 1e3, units);
}

std::string FlopRate(double flops_per_us) {
  static const char* const units[] = {"kFLOP/s", "MFLOP/s", "GFLOP/s", "TFLOP/s", "PFLOP/s"};
  return Scaled(flops_per_us * 1e3, units);
}

std::string Bytes(double bytes) {
  static const char* const units[] = {"B", "kB", "MB", "GB", "TB"};
  return bytes < 1000 ? std::to_string(static_cast<int64_t>(bytes)) + " B" : Scaled(bytes, units);
}

std::string Ratio(double ratio) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f×", ratio);
  return text;
}

std::string Percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, share < 0.1 ? "%.1f%%" : "%.0f%%", share * 100);
  return text;
}

}  // namespace drtriton
