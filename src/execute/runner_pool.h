// RunnerPool: one drtriton-runner at work and one standing by, so that a candidate that kills the first costs no start-up.
#ifndef DRTRITON_EXECUTE_RUNNER_POOL_H_
#define DRTRITON_EXECUTE_RUNNER_POOL_H_

#include <chrono>
#include <memory>
#include <string>

#include "base/json.h"
#include "execute/child.h"

namespace drtriton {

// What a candidate did to its runner.
struct RunnerFailure {
  std::string code;     // one of VerdictCodes(): "illegal_access", "timeout", "crashed", ...
  std::string reason;
  bool lost = false;    // the runner is gone with its buffers; the next one has taken its place
};

// Not thread-safe.
class RunnerPool {
 public:
  explicit RunnerPool(int gpu);   // of those visible to us

  // One request to the runner at work.  Throws RunnerFailure.
  Json Ask(const Json& request, std::chrono::milliseconds limit);
  // Counts the runners used up so far: when it changes, mapped buffers are gone.
  int generation() const { return generation_; }

 private:
  std::unique_ptr<ConversingChild> Start() const;
  void Replace();

  std::string visible_gpu_;
  std::unique_ptr<ConversingChild> working_;
  std::unique_ptr<ConversingChild> spare_;
  int generation_ = 0;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_RUNNER_POOL_H_
