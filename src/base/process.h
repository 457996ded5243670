// Child processes that speak JSON lines, with limits.
//
// Every program that is not trusted (a user's module, a candidate's launcher) and every program that may crash (a GPU
// runner) is a child behind this class.  A child is given a process group of its own; ending it ends the whole group.
#ifndef DRTRITON_BASE_PROCESS_H_
#define DRTRITON_BASE_PROCESS_H_

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace drtriton {

struct ProcessOptions {
  std::vector<std::string> command;                // argv; command[0] is looked up in PATH
  std::map<std::string, std::string> environment;  // added to ours; an empty value unsets
  std::filesystem::path working_folder;            // ours when empty
  int64_t memory_limit_bytes = 0;  // RLIMIT_DATA of the child (not its address space: CUDA reserves that); 0: none
  bool keep_stderr = true;         // true: collected (the last 64 KiB); false: passed through to ours
};

// How a child ended.
struct ProcessEnd {
  int exit_code = 0;                   // valid when signal == 0
  int signal = 0;                      // 0: it exited by itself
  bool timed_out = false;              // we killed it at its time limit
  std::chrono::milliseconds limit{0};  // that limit, when timed_out
  std::string stderr_tail;             // what it wrote to standard error, at most the last 64 KiB
  // "exited with status 3", "was killed by signal 9 (Killed)", "ran past its limit of 60 s".
  std::string Describe() const;
  // The last line of its standard error, usually an exception's; empty where it wrote nothing.
  std::string LastLine() const;
};

// One running child.  Not thread-safe: one thread owns a Process.  The destructor kills the group and reaps the child.
class Child;  // base/child.h

class Process {
 public:
  explicit Process(const ProcessOptions& options);  // throws UserError when the program cannot be started
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  int pid() const;
  bool running();

  // Writes one JSON line to the child's standard input.  Returns false when the child no longer reads; one that takes
  // nothing for five minutes is killed (timed_out).
  bool Send(const Json& message);

  // The next line of the child's standard output as JSON; lines that are not JSON objects are passed to stderr_tail, so
  // that a stray print in a user's module cannot break the conversation.  nullopt: the child ended, closed its output
  // or exceeded `limit` (it is killed then, and Wait().timed_out says so).
  std::optional<Json> Receive(std::chrono::milliseconds limit);

  // Closes the child's input and waits at most `limit`, then kills.
  ProcessEnd Wait(std::chrono::milliseconds limit);
  void Kill();

 private:
  std::optional<std::string> TakeLine(bool at_end);
  std::optional<Json> TakeMessage(bool at_end);

  std::unique_ptr<Child> child_;
  bool passes_stderr_;
  size_t scanned_ = 0;  // bytes of the child's output already searched for the end of a line
};

// Runs a command to its end and returns what it printed.  For short, trusted helpers.
struct CommandResult {
  ProcessEnd end;
  std::string output;
};
CommandResult RunCommand(const ProcessOptions& options, std::chrono::milliseconds limit);

// The Python that has PyTorch and Triton: $DRTRITON_PYTHON (set by the launcher), else `.venv/bin/python` beside the
// checkout, else UserError (exit 4) that says how to set up.
std::string PythonExecutable();

// A Process for `python -m drtriton.<module>` with our package on PYTHONPATH and user site packages off.
ProcessOptions PythonProcess(const std::string& module, std::vector<std::string> arguments = {});

}  // namespace drtriton

#endif  // DRTRITON_BASE_PROCESS_H_
