#include "base/log.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <mutex>

#include "base/seconds.h"

namespace drtriton {
namespace {

struct Log {
  std::mutex mutex;
  LogLevel level = LogLevel::kInfo;
  std::string progress;  // what stands on the terminal's last line now; empty: nothing
};

// Never destroyed: threads and destructors may still write while the process ends.
Log& TheLog() {
  static Log& log = *new Log;
  return log;
}

const auto kStart = std::chrono::steady_clock::now();

constexpr char kEraseLine[] = "\r\x1b[2K";

void Write(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

// The bytes of `line` that fit one row, never cutting inside a UTF-8 character: a wrapped row could not be erased.
std::string FitRow(std::string_view line) {
  winsize size = {};
  size_t columns = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1 : 79;
  size_t bytes = 0;
  for (size_t seen = 0; bytes < line.size(); ++bytes) {
    bool starts_character = (static_cast<unsigned char>(line[bytes]) & 0xC0) != 0x80;
    if (starts_character && ++seen > columns) break;
  }
  return std::string(line.substr(0, bytes));
}

void PrintLine(std::string_view prefix, std::string_view line, LogLevel least) {
  Log& log = TheLog();
  std::lock_guard<std::mutex> lock(log.mutex);
  if (log.level < least) return;
  std::string text = log.progress.empty() ? "" : kEraseLine;
  text.append(prefix).append(line).append("\n").append(log.progress);
  Write(text);
}

}  // namespace

void SetLogLevel(LogLevel level) {
  std::lock_guard<std::mutex> lock(TheLog().mutex);
  TheLog().level = level;
}

void Info(std::string_view line) { PrintLine("", line, LogLevel::kInfo); }
void Warn(std::string_view line) { PrintLine("warning: ", line, LogLevel::kQuiet); }
void Debug(std::string_view line) {
  char prefix[48];
  std::snprintf(prefix, sizeof prefix, "debug: %.2f s: ", SecondsSince(kStart));
  PrintLine(prefix, line, LogLevel::kDebug);
}

void SetProgress(std::string_view line) {
  static const bool on_terminal = isatty(STDERR_FILENO) != 0;
  Log& log = TheLog();
  std::lock_guard<std::mutex> lock(log.mutex);
  if (!on_terminal || log.level == LogLevel::kQuiet) return;
  std::string row = FitRow(line);
  if (row == log.progress) return;
  Write(kEraseLine + row);
  log.progress = row;
}

void ClearProgress() { SetProgress(""); }

}  // namespace drtriton
