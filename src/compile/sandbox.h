// Where a Python worker runs: inside bubblewrap, else without a network, else as it is.
//
// Inside bubblewrap a worker has no network, no devices (so no GPU), sees the file system read-only with empty /tmp,
// /var/tmp and /run, and dies with us.  What the worker adds by itself for each candidate is in
// python/drtriton/worker_sandbox.py.
#ifndef DRTRITON_COMPILE_SANDBOX_H_
#define DRTRITON_COMPILE_SANDBOX_H_

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "base/process.h"

namespace drtriton {

enum class Isolation : uint8_t { kNone, kNoNetwork, kBubblewrap };

// The strongest one that works here, found by trying (once; about 20 ms).  $DRTRITON_ISOLATION = "none", "network" or
// "bubblewrap" caps it.
Isolation AvailableIsolation();

// Names for Verdict::layers.
std::vector<std::string> IsolationLayers(Isolation isolation);

struct SandboxOptions {
  std::string module;                       // python/drtriton/<module>.py
  std::filesystem::path folder;             // the only one the worker can write to; absolute
  std::filesystem::path scratch;            // below `folder`: candidates' scratch
  std::set<std::filesystem::path> visible;  // folders that must be readable although they lie in /tmp or the like
  std::vector<std::string> environment;     // further "NAME=value"
};

// The command that starts a worker so isolated, with a clean environment.
ProcessOptions SandboxedWorker(Isolation isolation, const SandboxOptions& options);

// Whether bubblewrap hides `path` from a worker unless it is among `visible`.
bool IsHidden(const std::filesystem::path& path);

}  // namespace drtriton

#endif  // DRTRITON_COMPILE_SANDBOX_H_
