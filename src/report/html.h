// Small pieces that every part of the HTML report uses.
#ifndef DRTRITON_REPORT_HTML_H_
#define DRTRITON_REPORT_HTML_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drtriton {

// &, <, >, " and ' made safe for text and attributes.
std::string Escape(std::string_view text);

// At most `characters` characters of UTF-8 text; what was cut off ends in "…".
std::string Clip(std::string_view text, size_t characters);

// "aten.linear.default" -> "linear"; internal names as PyTorch's users know them.
std::string OperatorName(const std::string& op);

// A table that scrolls sideways where it does not fit.  Cells are HTML; those from `first_number` on are set right.
std::string Table(const std::string& rows);
std::string Row(const std::vector<std::string>& cells, const char* tag = "td", size_t first_number = 99);

// Numbers with their unit, three significant digits: "1.25 ms", "830 µs", "4.10 TB/s", "512 GFLOP/s".
std::string Milliseconds(double ms);
std::string Milliseconds(const std::optional<double>& ms);  // "–" when there is none
std::string ByteRate(double bytes_per_us);
std::string FlopRate(double flops_per_us);
std::string Bytes(double bytes);
std::string Flops(double flops);
std::string Percent(double share);
std::string Ratio(double ratio);  // "1.04×"
// "67.37 ± 0.13 µs": both in the unit of the time.
std::string MillisecondsWithin(double ms, const std::optional<double>& half_width_ms);
// "1.3e-07", "–" when there is none.
std::string Error(const std::optional<double>& relative);

}  // namespace drtriton

#endif  // DRTRITON_REPORT_HTML_H_
