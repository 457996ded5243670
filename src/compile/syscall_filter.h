// The system calls that a candidate's process may not make, as a seccomp filter (libseccomp).
//
// The filter allows everything but a list, since what Python, PyTorch, Triton and ptxas call differs between versions.
// What no honest library ever asks for ends the process (SIGSYS); what one may probe for and can do without fails.
#ifndef DRTRITON_COMPILE_SYSCALL_FILTER_H_
#define DRTRITON_COMPILE_SYSCALL_FILTER_H_

#include <cstdint>
#include <string>
#include <vector>

namespace drtriton {

struct RefusedCall {
  const char* name;
  int error;           // errno that the caller gets; 0: the process is ended
  const char* reason;
};

// Refused whatever the arguments.  Further rules look at arguments: sockets other than pairs (for `kGpu` other than
// AF_UNIX), new namespaces by clone(), typing into a terminal by ioctl(); for `kCandidate` calls that change modes, owners, times
// and attributes of files are refused too.
const std::vector<RefusedCall>& RefusedCalls();

enum class FilterFor : uint8_t {
  kCandidate,  // recording and interpreting
  kGpu,        // a real run on a GPU: CUDA's driver opens local sockets
};

// The program as the bytes of `struct sock_filter[]` for this machine's architecture; a process that sets it (prctl) also
// binds its children to it.  Throws InternalError when libseccomp cannot make it.
std::string SyscallFilter(FilterFor use);

}  // namespace drtriton

#endif  // DRTRITON_COMPILE_SYSCALL_FILTER_H_
