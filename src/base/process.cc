#include "base/process.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/child.h"
#include "base/error.h"
#include "base/file.h"

namespace drtriton {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStalledWriteLimit{300'000};

std::string LimitText(milliseconds limit) {
  if (limit.count() % 1000 == 0) return std::to_string(limit.count() / 1000) + " s";
  return std::to_string(limit.count()) + " ms";
}

// Limits such as milliseconds::max() must not overflow the clock.
steady_clock::time_point After(milliseconds limit) {
  constexpr milliseconds kYear = std::chrono::hours(24 * 365);
  return steady_clock::now() + std::min(limit, kYear);
}

// Serves the pipes until the child ended; kills it at the limit.
ProcessEnd WaitForEnd(Child* child, milliseconds limit) {
  child->CloseInput();
  steady_clock::time_point deadline = After(limit);
  while (!child->Ended()) {
    if (!child->Pump(deadline)) {
      child->KillAtLimit(limit);
      break;
    }
  }
  return child->Reap();
}

}  // namespace

std::string ProcessEnd::Describe() const {
  if (timed_out) return "ran past its limit of " + LimitText(limit);
  if (signal) return "was killed by signal " + std::to_string(signal) + " (" + strsignal(signal) + ")";
  return "exited with status " + std::to_string(exit_code);
}

std::string ProcessEnd::LastLine() const {
  const size_t end = stderr_tail.find_last_not_of(" \r\n");
  if (end == std::string::npos) return "";
  const size_t newline = stderr_tail.rfind('\n', end);
  const size_t begin = newline == std::string::npos ? 0 : newline + 1;
  return stderr_tail.substr(begin, end + 1 - begin);
}

Process::Process(const ProcessOptions& options)
    : child_(std::make_unique<Child>(options)), passes_stderr_(!options.keep_stderr) {}

Process::~Process() = default;

int Process::pid() const { return child_->pid(); }
bool Process::running() { return !child_->Ended(); }
void Process::Kill() { child_->Kill(); }
ProcessEnd Process::Wait(milliseconds limit) { return WaitForEnd(child_.get(), limit); }

bool Process::Send(const Json& message) {
  std::string line = message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  std::string_view left = line;
  steady_clock::time_point deadline = steady_clock::now() + kStalledWriteLimit;
  while (!left.empty() && child_->input_open() && !child_->Ended()) {
    size_t before = left.size();
    if (!child_->Pump(deadline, &left)) {
      child_->KillAtLimit(kStalledWriteLimit);
      return false;
    }
    if (left.size() < before) deadline = steady_clock::now() + kStalledWriteLimit;
  }
  return left.empty();
}

std::optional<std::string> Process::TakeLine(bool at_end) {
  std::string& output = child_->output;
  size_t end = output.find('\n', scanned_);
  if (end == std::string::npos) {
    scanned_ = output.size();
    if (!at_end || output.empty()) return std::nullopt;
    end = output.size();
  }
  scanned_ = 0;
  if (end + 1 >= output.size()) {  // the usual case: one answer, taken without a copy
    std::string line = std::exchange(output, std::string());
    line.resize(end);
    return line;
  }
  std::string line = output.substr(0, end);
  output.erase(0, end + 1);
  return line;
}

std::optional<Json> Process::TakeMessage(bool at_end) {
  while (std::optional<std::string> line = TakeLine(at_end)) {
    Json message = Json::parse(*line, nullptr, /*allow_exceptions=*/false);
    if (message.is_object()) return message;
    if (passes_stderr_) {
      std::fprintf(stderr, "%s\n", line->c_str());
    } else {
      child_->AddToTail(*line + "\n");
    }
  }
  return std::nullopt;
}

std::optional<Json> Process::Receive(milliseconds limit) {
  steady_clock::time_point deadline = After(limit);
  while (true) {
    if (std::optional<Json> message = TakeMessage(false)) return message;
    bool ended = child_->Ended();
    if (ended) child_->Drain();
    if (ended || !child_->output_open()) return TakeMessage(true);
    if (!child_->Pump(deadline)) {
      child_->KillAtLimit(limit);
      return std::nullopt;
    }
  }
}

CommandResult RunCommand(const ProcessOptions& options, milliseconds limit) {
  Child child(options);
  CommandResult result;
  result.end = WaitForEnd(&child, limit);
  result.output = std::move(child.output);
  return result;
}

std::string PythonExecutable() {
  const char* named = std::getenv("DRTRITON_PYTHON");
  if (named && *named) {
    if (access(named, X_OK) == 0) return named;
    throw UserError(std::string("DRTRITON_PYTHON names ") + named + ", which cannot be run", ExitStatus::kSetUpFailed);
  }
  std::string own = (PythonFolder().parent_path() / ".venv" / "bin" / "python").string();
  if (access(own.c_str(), X_OK) == 0) return own;
  throw UserError("no Python with PyTorch: run ./drtriton in the checkout once, or set DRTRITON_PYTHON",
                  ExitStatus::kSetUpFailed);
}

ProcessOptions PythonProcess(const std::string& module, std::vector<std::string> arguments) {
  ProcessOptions options;
  // -P: a file in the user's folder that is named like a library must not take its place.
  options.command = {PythonExecutable(), "-P", "-m", "drtriton." + module};
  options.command.insert(options.command.end(), arguments.begin(), arguments.end());
  std::string path = PythonFolder().string();
  const char* existing = std::getenv("PYTHONPATH");
  if (existing && *existing) path += std::string(":") + existing;
  options.environment = {{"PYTHONPATH", path}, {"PYTHONNOUSERSITE", "1"}};
  return options;
}

}  // namespace drtriton
