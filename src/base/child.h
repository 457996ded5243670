// A child process and its three pipes, below Process: starting, moving bytes without ever blocking, ending.
//
// Our ends of the pipes are non-blocking and served by one poll(), so that neither side can wait for the other: while
// bytes go in, what comes out is taken too.  Children are started by one thread that lives as long as we do, because
// the kernel ends a child (PR_SET_PDEATHSIG) when the thread that started it ends.  Not thread-safe: one thread owns a
// Child.
#ifndef DRTRITON_BASE_CHILD_H_
#define DRTRITON_BASE_CHILD_H_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>

#include "base/process.h"

namespace drtriton {

class Child {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit Child(const ProcessOptions& options);  // throws UserError naming the program
  ~Child();                                       // kills the group, reaps the child
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  bool Ended() const;  // the child itself; what it started may live

  // Waits until bytes moved, the child ended or the deadline passed; false: it passed.  Writes what it can of
  // `*to_write` and removes that part; appends what comes out to `output`.
  bool Pump(Deadline deadline, std::string_view* to_write = nullptr);
  // Takes what is in the pipes now, without waiting.
  void Drain();

  bool input_open() const { return in_ >= 0; }
  bool output_open() const { return out_ >= 0; }
  void CloseInput();

  void Kill();
  void KillAtLimit(std::chrono::milliseconds limit);  // Kill() that is told as "ran past its limit"
  ProcessEnd Reap();                                  // waits for the end; then kills what is left of the group

  void AddToTail(std::string_view text);  // as if the child had written it to standard error

  std::string output;  // what came from standard output and was not taken yet

 private:
  void ReadFrom(int* fd);

  pid_t pid_ = -1;
  int pidfd_ = -1;  // readable once the child ended; -1 where the kernel has none
  int in_ = -1, out_ = -1, err_ = -1;
  bool reaped_ = false;
  ProcessEnd end_;
};

}  // namespace drtriton

#endif  // DRTRITON_BASE_CHILD_H_
