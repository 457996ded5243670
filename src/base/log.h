// Progress and diagnostics, always on standard error; results go to standard output and never through here.
#ifndef DRTRITON_BASE_LOG_H_
#define DRTRITON_BASE_LOG_H_

#include <string>
#include <string_view>

namespace drtriton {

enum class LogLevel { kQuiet, kInfo, kDebug };

void SetLogLevel(LogLevel level);
void Info(std::string_view line);
void Warn(std::string_view line);
void Debug(std::string_view line);  // with the seconds since the program started

// A single line that is overwritten in place where standard error is a terminal and not shown at all elsewhere.
// Info/Warn/Debug lines printed meanwhile appear above it.  Thread-safe.
void SetProgress(std::string_view line);
void ClearProgress();

}  // namespace drtriton

#endif  // DRTRITON_BASE_LOG_H_
