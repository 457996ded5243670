// Starting programs, below Child: fork, limits, exec, with every failure told by name.
#ifndef DRTRITON_BASE_SPAWNER_H_
#define DRTRITON_BASE_SPAWNER_H_

#include <sys/types.h>

#include "base/process.h"

namespace drtriton {

struct Spawned {
  pid_t pid = -1;
  int in = -1, out = -1, err = -1;  // our ends, non-blocking, closed on exec; err is -1 where stderr is passed through
};

// Starts options.command in a process group of its own.  Throws UserError when it cannot be started.  Thread-safe.
Spawned Spawn(const ProcessOptions& options);

}  // namespace drtriton

#endif  // DRTRITON_BASE_SPAWNER_H_
