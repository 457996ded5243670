// Small pieces that every part of the HTML report uses.
#ifndef DRTRITON_REPORT_HTML_H_
#define DRTRITON_REPORT_HTML_H_

#include <string>
#include <string_view>

namespace drtriton {

// &, <, >, " and ' made safe for text and attributes.
std::string Escape(std::string_view text);

// Numbers with their unit, three significant digits: "1.25 ms", "830 µs", "4.10 TB/s", "512 GFLOP/s".
std::string Milliseconds(double ms);
std::string ByteRate(double bytes_per_us);
std::string FlopRate(double flops_per_us);
std::string Bytes(double bytes);
std::string Percent(double share);

}  // namespace drtriton

#endif  // DRTRITON_REPORT_HTML_H_
