// Importer: a user's module file -> Program and the values it was checked with.
//
// The module is imported, exported (torch.export under fake tensors) and really run once in a Python worker, never in
// this process.
#ifndef DRTRITON_IMPORT_IMPORTER_H_
#define DRTRITON_IMPORT_IMPORTER_H_

#include <cstdint>
#include <filesystem>
#include <string>

#include "graph/program.h"

namespace drtriton {

struct ImportOptions {
  std::string device = "cpu";  // "cuda" or "cpu": where the module is really run, and whose strides the Program has
  bool training = false;       // --mode train: as the constructor leaves it; else model.eval()
  uint64_t seed = 0;           // torch.manual_seed before the constructor and before get_inputs()
  double timeout_s = 300;
  int64_t memory_limit_bytes = 0;  // 0: none
  // Above this estimate a CPU run of the module happens at reduced sizes (leading dimension of the inputs).
  double max_cpu_flops = 2e11;
};

struct ImportedModule {
  Program program;  // at the module's own sizes
  // Values by name: every leaf of `program` (own inputs included), then "result:<i>" for each result leaf and
  // "mutation:<i>" for each mutation as the real module produced them.  Empty path when the module was not run at its
  // own sizes.
  std::filesystem::path tensors;
  // When the real run had to be at reduced sizes: the Program exported at those sizes and its values.
  bool reduced = false;
  Program reduced_program;
  std::filesystem::path reduced_tensors;
  std::string source;  // the user's file, as read
  double seconds = 0;
};

// Files are written under `folder`.  Throws UserError with one sentence for every kind of bad module: missing, empty,
// binary or a folder; syntax error (line); missing import (which); no Model; a constructor, get_inputs or forward that
// raises (what and where), hangs (limit), exits (status) or eats memory (limit); inputs that do not fit forward;
// control flow on values; results that are not tensors.
ImportedModule ImportModule(const std::filesystem::path& module, const ImportOptions& options,
                            const std::filesystem::path& folder);

}  // namespace drtriton

#endif  // DRTRITON_IMPORT_IMPORTER_H_
