// A child process of ours with a request/reply conversation, started ahead of time: drtriton-runner, drtriton-reference.
#ifndef DRTRITON_EXECUTE_CHILD_H_
#define DRTRITON_EXECUTE_CHILD_H_

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/process.h"

namespace drtriton {

// The child did not answer: it crashed, or was killed at its time limit.
struct ChildEnded {
  bool timed_out = false;
  std::string how;   // ProcessEnd::Describe() and the last line of its standard error
};

// Not thread-safe.
class ConversingChild {
 public:
  // Starts the program found beside the running executable; does not wait for it to be ready.
  ConversingChild(const std::string& program, std::vector<std::string> arguments, std::map<std::string, std::string> environment = {});

  // Waits for the first line, {"ready": true}.  Throws UserError with the child's own reason when it cannot start.
  void AwaitReady();
  // One request and its reply.  Throws ChildEnded; the object is of no use then.
  Json Ask(const Json& request, std::chrono::milliseconds limit);

 private:
  [[noreturn]] void Ended();

  std::string program_;
  std::unique_ptr<Process> process_;
  bool ready_ = false;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_CHILD_H_
