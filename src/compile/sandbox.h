// Where a Python worker runs: inside bubblewrap where that works, with a clean environment always.
//
// Bubblewrap gives the worker no network, no devices (so no GPU), a read-only file system, and it dies with us.  What a
// worker adds for each candidate (a view of the file system, Landlock, the syscall filter, limits) is in
// python/drtriton/worker_sandbox.py, which also finds out what of it works on this host.
#ifndef DRTRITON_COMPILE_SANDBOX_H_
#define DRTRITON_COMPILE_SANDBOX_H_

#include <filesystem>
#include <string>
#include <vector>

#include "base/process.h"

namespace drtriton {

// The most that may be used; each includes those before it.
enum class Isolation : uint8_t {
  kNone,        // limits alone
  kProcess,     // what a process can give up by itself: Landlock, syscall filter, privileges
  kNamespaces,  // and namespaces of its own
  kBubblewrap,  // and bubblewrap around the worker
};

// The strongest one that can work here, found by trying bubblewrap (once; about 20 ms).  $DRTRITON_ISOLATION = "none",
// "process", "namespaces" or "bubblewrap" caps it.
Isolation AvailableIsolation();

struct SandboxOptions {
  std::string module;                       // python/drtriton/<module>.py
  std::filesystem::path folder;             // the only one the worker can write to; absolute; hidden from candidates
  std::filesystem::path scratch;            // below `folder`: candidates' scratch
  std::vector<std::string> environment;     // further "NAME=value"
  bool gpu = false;                         // candidates may use the GPU: a real run
};

// The command that starts a worker so isolated, with a clean environment.
ProcessOptions SandboxedWorker(Isolation isolation, const SandboxOptions& options);

}  // namespace drtriton

#endif  // DRTRITON_COMPILE_SANDBOX_H_
