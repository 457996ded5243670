// Each refused call is really made, in a child that has set the filter.
#include "compile/syscall_filter.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

namespace drtriton {
namespace {

// What became of a call in a child: its errno (0: it succeeded), or -signal.
int Outcome(FilterFor use, const std::function<long()>& call) {
  std::string filter = SyscallFilter(use);
  pid_t child = fork();
  if (child == 0) {
    sock_fprog program{static_cast<unsigned short>(filter.size() / sizeof(sock_filter)),
                       reinterpret_cast<sock_filter*>(filter.data())};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, 2, &program, 0, 0) != 0) _exit(255);
    _exit(call() < 0 ? errno : 0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

TEST(SyscallFilter, RefusesEachCallOfTheList) {
  for (const RefusedCall& call : RefusedCalls()) {
    int number = seccomp_syscall_resolve_name(call.name);
    ASSERT_NE(number, __NR_SCMP_ERROR) << call.name;
    if (number < 0) continue;
    int outcome = Outcome(FilterFor::kCandidate, [&] { return syscall(number, 0, 0, 0, 0, 0, 0); });
    EXPECT_EQ(outcome, call.error == 0 ? -SIGSYS : call.error) << call.name;
  }
}

TEST(SyscallFilter, AllowsWhatLaunchersNeed) {
  EXPECT_EQ(Outcome(FilterFor::kCandidate, [] { return static_cast<long>(getpid()); }), 0);
  EXPECT_EQ(Outcome(FilterFor::kCandidate, [] {
    pid_t child = fork();
    if (child == 0) execlp("true", "true", nullptr);
    int status = 1;
    return waitpid(child, &status, 0) == child && status == 0 ? 0L : -1L;
  }), 0);
  EXPECT_EQ(Outcome(FilterFor::kCandidate, [] {
    int ends[2];
    return static_cast<long>(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
  }), 0);
}

TEST(SyscallFilter, LooksAtArguments) {
  for (FilterFor use : {FilterFor::kCandidate, FilterFor::kGpu}) {
    for (int family : {AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_VSOCK, AF_ALG}) {
      EXPECT_EQ(Outcome(use, [&] { return static_cast<long>(socket(family, SOCK_DGRAM, 0)); }), EACCES) << family;
    }
    EXPECT_EQ(Outcome(use, [] { return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0); }), EPERM);
    EXPECT_EQ(Outcome(use, [] { return syscall(SYS_clone3, nullptr, 0); }), ENOSYS);
  }
  auto local = [] { return static_cast<long>(socket(AF_UNIX, SOCK_STREAM, 0)); };
  EXPECT_EQ(Outcome(FilterFor::kCandidate, local), EACCES);
  EXPECT_EQ(Outcome(FilterFor::kGpu, local), 0);
}

#ifdef __x86_64__
// The 32-bit entry has other numbers: there 26 is ptrace.
TEST(SyscallFilter, EndsCallsByTheOldEntry) {
  EXPECT_EQ(Outcome(FilterFor::kCandidate, [] {
    long result = 26;
    asm volatile("int $0x80" : "+a"(result) : "b"(0), "c"(0), "d"(0) : "memory");
    return result;
  }), -SIGSYS);
}
#endif

}  // namespace
}  // namespace drtriton
