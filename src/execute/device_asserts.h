// Calls that a CUDA kernel answers with a device-side assert.  After one the process's context is of no use, where the same
// call on a CPU merely raises; so what such kernels assert is looked at before they run.
#ifndef DRTRITON_EXECUTE_DEVICE_ASSERTS_H_
#define DRTRITON_EXECUTE_DEVICE_ASSERTS_H_

#include <ATen/core/ivalue.h>

#include <optional>
#include <string>
#include <vector>

namespace drtriton {

// Why the operator's kernel would assert on these arguments; nullopt: it would not, as far as is known.
std::optional<std::string> DeviceAssert(const std::string& op, const std::vector<c10::IValue>& arguments);

// While one lives, calls of this thread are not looked at: a graph is captured of calls that ran before, and nothing can be
// read back meanwhile.
class UncheckedCalls {
 public:
  UncheckedCalls() { active_ = true; }
  ~UncheckedCalls() { active_ = false; }
  UncheckedCalls(const UncheckedCalls&) = delete;
  UncheckedCalls& operator=(const UncheckedCalls&) = delete;
  static bool Active() { return active_; }

 private:
  static inline thread_local bool active_ = false;
};

}  // namespace drtriton

#endif  // DRTRITON_EXECUTE_DEVICE_ASSERTS_H_
