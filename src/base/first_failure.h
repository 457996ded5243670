// FirstFailure: what several threads that work for one caller do about exceptions.  The first one is kept for the caller to
// throw on; the others are dropped, since the first one usually causes them.  Threads ask failed() before they begin anything
// new.  Safe for any number of threads; outlives them.
#ifndef DRTRITON_BASE_FIRST_FAILURE_H_
#define DRTRITON_BASE_FIRST_FAILURE_H_

#include <atomic>
#include <exception>
#include <mutex>

namespace drtriton {

class FirstFailure {
 public:
  // Calls `work`; what it throws ends here.
  template <typename Work>
  void Guard(const Work& work) {
    try {
      work();
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      failed_ = true;
    }
  }

  bool failed() const { return failed_; }

  // Throws what Guard() kept, if anything.  Call it when the threads have ended.
  void Rethrow() {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::exception_ptr failure_;   // guarded by mutex_
};

}  // namespace drtriton

#endif  // DRTRITON_BASE_FIRST_FAILURE_H_
