// Work on a GPU that is captured once as a CUDA graph and replayed: no launch costs the host anything then.
#ifndef DRTRITON_POLICY_CAPTURED_STEP_H_
#define DRTRITON_POLICY_CAPTURED_STEP_H_

#include <functional>
#include <memory>

namespace drtriton {

class CapturedStep {
 public:
  // Runs `work` a few times, so that libraries set themselves up, then captures it.  `work` has to read and write the same
  // memory each time and must not wait for the device.
  explicit CapturedStep(const std::function<void()>& work);
  ~CapturedStep();
  CapturedStep(const CapturedStep&) = delete;
  CapturedStep& operator=(const CapturedStep&) = delete;

  // Puts the work on the current stream.
  void Replay();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drtriton

#endif  // DRTRITON_POLICY_CAPTURED_STEP_H_
