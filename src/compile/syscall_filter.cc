#include "compile/syscall_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace drtriton {
namespace {

void Check(int result, const char* doing) {
  if (result < 0) throw InternalError(std::string("syscall filter: ") + doing + ": " + std::strerror(-result));
}

uint32_t ActionOf(int error) {
  return error == 0 ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ERRNO(static_cast<uint16_t>(error));
}

// libseccomp's context, released at the end.
class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ALLOW)) {
    if (context_ == nullptr) throw InternalError("syscall filter: libseccomp cannot start");
  }
  ~Filter() { seccomp_release(context_); }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  // Calls that this architecture does not have are left out.
  void Refuse(const char* name, int error) {
    int number = seccomp_syscall_resolve_name(name);
    if (number >= 0) Check(seccomp_rule_add(context_, ActionOf(error), number, 0), name);
  }
  void Refuse(const char* name, int error, scmp_arg_cmp argument) {
    int number = seccomp_syscall_resolve_name(name);
    if (number >= 0) Check(seccomp_rule_add(context_, ActionOf(error), number, 1, argument), name);
  }

  std::string Export() const {
    int file = memfd_create("syscall filter", MFD_CLOEXEC);
    if (file < 0) throw InternalError("syscall filter: no memory file");
    std::string bytes;
    int result = seccomp_export_bpf(context_, file);
    if (result == 0) {
      bytes.resize(static_cast<size_t>(lseek(file, 0, SEEK_END)));
      if (pread(file, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) result = -EIO;
    }
    close(file);
    Check(result, "export");
    return bytes;
  }

 private:
  scmp_filter_ctx context_;
};

void RefuseNamespaces(Filter& filter) {
  for (uint64_t flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
    filter.Refuse("clone", EPERM, SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag));
  }
  filter.Refuse("clone3", ENOSYS);  // its flags lie in memory, where a filter cannot look; libraries fall back to clone()
}

void RefuseSockets(Filter& filter, FilterFor use) {
  if (use == FilterFor::kGpu) {
    filter.Refuse("socket", EACCES, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
  } else {
    filter.Refuse("socket", EACCES);
  }
  filter.Refuse("socketpair", EACCES, SCMP_A0(SCMP_CMP_NE, AF_UNIX));
}

// What Landlock leaves to the owner of a file.  On a GPU Triton builds its launcher with a compiler, which needs it.
void RefuseAttributes(Filter& filter) {
  for (const char* name : {"chmod", "fchmod", "fchmodat", "chown", "fchown", "lchown", "fchownat", "utime", "utimes",
                           "utimensat", "futimesat", "setxattr", "lsetxattr", "fsetxattr", "removexattr", "lremovexattr",
                           "fremovexattr", "fchmodat2"}) {
    filter.Refuse(name, EPERM);
  }
}

}  // namespace

const std::vector<RefusedCall>& RefusedCalls() {
  static const std::vector<RefusedCall> calls = {
      {"ptrace", 0, "reads and steers other processes"},
      {"process_vm_readv", 0, "reads other processes' memory"},
      {"process_vm_writev", 0, "writes other processes' memory"},
      {"kcmp", 0, "compares other processes' resources"},
      {"pidfd_getfd", 0, "takes other processes' open files"},
      {"process_madvise", 0, "changes other processes' memory"},
      {"mount", 0, "changes the view of the file system"},
      {"umount2", 0, "would uncover what is hidden"},
      {"pivot_root", 0, "changes the view of the file system"},
      {"chroot", 0, "changes the view of the file system"},
      {"mount_setattr", 0, "would make read-only folders writable"},
      {"move_mount", 0, "changes the view of the file system"},
      {"open_tree", 0, "changes the view of the file system"},
      {"fsopen", 0, "changes the view of the file system"},
      {"fsconfig", 0, "changes the view of the file system"},
      {"fsmount", 0, "changes the view of the file system"},
      {"fspick", 0, "changes the view of the file system"},
      {"open_by_handle_at", 0, "opens files past hidden folders"},
      {"setns", 0, "enters other namespaces"},
      {"unshare", 0, "new namespaces widen what of the kernel can be attacked"},
      {"bpf", 0, "loads programs into the kernel"},
      {"kexec_load", 0, "replaces the kernel"},
      {"kexec_file_load", 0, "replaces the kernel"},
      {"init_module", 0, "loads code into the kernel"},
      {"finit_module", 0, "loads code into the kernel"},
      {"delete_module", 0, "changes the kernel"},
      {"reboot", 0, "ends the machine"},
      {"swapon", 0, "administration"},
      {"swapoff", 0, "administration"},
      {"acct", 0, "administration"},
      {"quotactl", 0, "administration"},
      {"syslog", 0, "reads the kernel's log"},
      {"settimeofday", 0, "forges times"},
      {"clock_settime", 0, "forges times"},
      {"sethostname", 0, "administration"},
      {"setdomainname", 0, "administration"},
      {"iopl", 0, "direct access to devices"},
      {"ioperm", 0, "direct access to devices"},
      {"userfaultfd", 0, "stalls the kernel at chosen places"},
      {"keyctl", 0, "the user's keys"},
      {"add_key", 0, "the user's keys"},
      {"request_key", 0, "the user's keys"},
      {"fanotify_init", 0, "watches other processes' files"},
      {"io_uring_setup", ENOSYS, "makes calls past this filter; libraries fall back"},
      {"io_uring_enter", ENOSYS, "makes calls past this filter"},
      {"io_uring_register", ENOSYS, "makes calls past this filter"},
      {"perf_event_open", EPERM, "observes the machine; profilers probe for it"},
      {"setsid", EPERM, "leaves the group of processes that ends with the candidate's turn"},
      {"setpgid", EPERM, "leaves the group of processes that ends with the candidate's turn"},
      {"shmget", EPERM, "memory that outlives the candidate"},
      {"semget", EPERM, "outlives the candidate"},
      {"msgget", EPERM, "outlives the candidate"},
      {"mq_open", EPERM, "outlives the candidate"},
      {"personality", EPERM, "turns protections of memory off"},
  };
  return calls;
}

std::string SyscallFilter(FilterFor use) {
  Filter filter;
  for (const RefusedCall& call : RefusedCalls()) filter.Refuse(call.name, call.error);
  if (use == FilterFor::kCandidate) RefuseAttributes(filter);
  RefuseNamespaces(filter);
  RefuseSockets(filter, use);
  filter.Refuse("ioctl", EPERM, SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, TIOCSTI));  // types into the terminal
  return filter.Export();
}

}  // namespace drtriton
