#include "base/child.h"

#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/spawner.h"

namespace drtriton {
namespace {

constexpr size_t kTailBytes = 64 << 10;
constexpr size_t kReadBytes = 256 << 10;
constexpr size_t kOutputLimit = size_t{1} << 30;  // a child that prints more without being read is out of its mind

void CloseOne(int* fd) {
  if (*fd >= 0) close(*fd);
  *fd = -1;
}

// A write to a child that ended is told by EPIPE; the signal would end us.
void IgnoreBrokenPipes() {
  static const bool done = [] {
    std::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
  (void)done;
}

int PollTimeout(Child::Deadline deadline, bool has_pidfd) {
  using std::chrono::milliseconds;
  auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
  // Without a pidfd nothing wakes us when the child ends while a grandchild keeps its pipes: look now and then.
  long long longest = has_pidfd ? 3'600'000 : 20;
  return static_cast<int>(std::clamp<long long>(left, 0, longest));
}

}  // namespace

Child::Child(const ProcessOptions& options) {
  IgnoreBrokenPipes();
  Spawned spawned = Spawn(options);
  pid_ = spawned.pid;
  in_ = spawned.in;
  out_ = spawned.out;
  err_ = spawned.err;
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
}

Child::~Child() {
  Kill();
  Reap();
  for (int* fd : {&in_, &out_, &err_, &pidfd_}) CloseOne(fd);
}

bool Child::Ended() const {
  if (reaped_) return true;
  siginfo_t info = {};
  return waitid(P_PID, pid_, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
}

bool Child::Pump(Deadline deadline, std::string_view* to_write) {
  bool writing = to_write && !to_write->empty() && in_ >= 0;
  // poll() skips negative descriptors.
  pollfd fds[] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}, {writing ? in_ : -1, POLLOUT, 0}, {pidfd_, POLLIN, 0}};
  int ready = poll(fds, std::size(fds), PollTimeout(deadline, pidfd_ >= 0));
  if (ready < 0 && errno != EINTR) return false;
  if (ready > 0 && fds[0].revents) ReadFrom(&out_);
  if (ready > 0 && fds[1].revents) ReadFrom(&err_);
  if (ready > 0 && fds[2].revents) {
    ssize_t written = write(in_, to_write->data(), to_write->size());
    if (written > 0) to_write->remove_prefix(static_cast<size_t>(written));
    if (written < 0 && errno != EAGAIN && errno != EINTR) CloseInput();
  }
  if (output.size() > kOutputLimit) {
    AddToTail("\n[ended: more than 1 GiB of output that nobody asked for]\n");
    output.clear();
    Kill();
  }
  return ready > 0 || std::chrono::steady_clock::now() < deadline;
}

void Child::Drain() {
  while (out_ >= 0 || err_ >= 0) {
    pollfd fds[] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
    if (poll(fds, std::size(fds), 0) <= 0) return;
    if (fds[0].revents) ReadFrom(&out_);
    if (fds[1].revents) ReadFrom(&err_);
  }
}

void Child::ReadFrom(int* fd) {
  static thread_local std::string buffer(kReadBytes, '\0');
  ssize_t got = read(*fd, buffer.data(), buffer.size());
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return CloseOne(fd);
  std::string_view text(buffer.data(), static_cast<size_t>(got));
  if (fd == &out_) {
    output.append(text);
  } else {
    AddToTail(text);
  }
}

void Child::AddToTail(std::string_view text) {
  std::string& tail = end_.stderr_tail;
  tail.append(text);
  if (tail.size() > kTailBytes) tail.erase(0, tail.size() - kTailBytes);
}

void Child::CloseInput() { CloseOne(&in_); }

void Child::Kill() {
  if (!reaped_) killpg(pid_, SIGKILL);
}

void Child::KillAtLimit(std::chrono::milliseconds limit) {
  if (reaped_) return;
  end_.timed_out = true;
  end_.limit = limit;
  Kill();
}

ProcessEnd Child::Reap() {
  if (!reaped_) {
    siginfo_t info = {};
    while (waitid(P_PID, pid_, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    killpg(pid_, SIGKILL);  // what it left behind; its id is still ours while it is not reaped
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    if (WIFSIGNALED(status)) end_.signal = WTERMSIG(status);
    if (WIFEXITED(status)) end_.exit_code = WEXITSTATUS(status);
    Drain();
  }
  return end_;
}

}  // namespace drtriton
